// What a hypothesis changes in the graph, and what is computed for it; both can be taken back.
#ifndef MICROGPT_HYPOTHESIS_CHANGE_H
#define MICROGPT_HYPOTHESIS_CHANGE_H

#include "compare/hypotheses.h"

// Change the graph for a hypothesis. The node is the one whose data or gradient is computed from
// the number.
void hypothesis_set_number(HypothesisSearch *search, uint32_t node_id, double *place,
                           double number);
void hypothesis_set_rule(HypothesisSearch *search, uint32_t node_id, Rule rule);
void hypothesis_set_single(HypothesisSearch *search, uint32_t node_id);
void hypothesis_set_child(HypothesisSearch *search, uint32_t node_id, uint32_t slot,
                          uint32_t child);

// Computes those of the nodes again that the changes affect: data or gradients. The nodes are in an
// order in which inputs come first.
void hypothesis_compute_affected(HypothesisSearch *search, const uint32_t *nodes, size_t n);

// Ends a hypothesis: everything is as before, or stays as it is.
void hypothesis_take_back(HypothesisSearch *search);
void hypothesis_keep(HypothesisSearch *search);

#endif
