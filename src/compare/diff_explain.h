// Computes what a differing number should be, and finds the mistake that gives the bits of the
// wrong number. Ports make only a few kinds of mistakes.
#ifndef MICROGPT_DIFF_EXPLAIN_H
#define MICROGPT_DIFF_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/graph_diff.h"

enum {
    EXPLAIN_BYTES = 256,
    LABEL_BYTES = 200,
};

// One term of a node's gradient, with the numbers of the base.
// Formula: amount = local_grad * parent_grad; total = sum of the amounts so far, in this order
typedef struct Contribution {
    uint32_t parent;
    uint32_t slot; // which child of the parent the node is
    double local_grad;
    double parent_grad;
    double amount;
    double total;
} Contribution;

// Lists the terms of a node's gradient in the order in which backward adds them up. The caller
// frees contributions; NULL if there are none. Requires: has_graph. Errors: out of memory.
bool diff_contributions(const GraphDiff *diff, uint32_t node_id, Contribution **contributions,
                        size_t *n, Error *error);

// Explain one side's number, as the end of a sentence that starts with "A" or "B": "is their sum",
// "is the last of them alone". The text is empty if no explanation fits. Return whether the number
// is what it should be. Shapes: text [EXPLAIN_BYTES]. Requires: the node is a cause of the finding
// that the function is called for; for gradients has_graph, and what diff_contributions gives for
// the node.
bool explain_data(const GraphDiff *diff, uint32_t node_id, int side, char *text);
bool explain_local_grads(const GraphDiff *diff, uint32_t node_id, int side, char *text);
bool explain_grad(const GraphDiff *diff, uint32_t node_id, int side,
                  const Contribution *contributions, size_t n, char *text);

// Writes and returns a node's label: its path, `pos0.norm[3]`, or without names its number,
// `node 4193`. Shapes: label [LABEL_BYTES].
const char *diff_label(const GraphDiff *diff, uint32_t node_id, char *label);

// Returns a node's path, from the base or from the other dump; NULL if it has none.
const char *diff_path(const GraphDiff *diff, uint32_t node_id);

// Returns a node's operation, from the base or from the other dump; NULL if it is unknown.
const char *diff_op(const GraphDiff *diff, uint32_t node_id);

// The finding that has the first cause. Structure and data come first, in the order of creation;
// then local gradients, then gradients.
typedef enum CauseKind {
    CAUSE_NONE, // nothing differs, or --only excludes all causes
    CAUSE_STRUCTURE,
    CAUSE_DATA,
    CAUSE_LOCAL_GRADS,
    CAUSE_GRAD,
} CauseKind;

CauseKind diff_first_cause(const GraphDiff *diff, uint32_t *node_id);

// Finds the nodes between a cause in a sparse dump and the values that are known to agree, not
// counting the cause. The mistake is in one of them or in the cause.
// Errors: out of memory.
bool diff_nodes_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error);

// The same for a gradient: the nodes between it and the gradients that both sides have; first is
// the first of them in the order of backward. Errors: out of memory.
bool diff_grads_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error);

#endif
