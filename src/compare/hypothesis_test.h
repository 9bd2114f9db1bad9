// The test of a hypothesis about data: see hypotheses.h.
#ifndef MICROGPT_HYPOTHESIS_TEST_H
#define MICROGPT_HYPOTHESIS_TEST_H

#include "compare/hypothesis_change.h"

enum {
    MAX_CHAIN_TERMS = 128, // of a sum that is tested without each of its terms
};

// A hypothesis can hold only if its bounds are smaller by this factor than the errors before, since
// a wide bound explains anything. If there is only a single value, more is required.
#define HYPOTHESIS_SMALLER 8.0
#define HYPOTHESIS_SMALLER_FOR_ONE 1000.0

// What a hypothesis changes: it has one of three functions, which determines the meaning of the
// fields. They change the graph only by the functions of hypothesis_change.h.
typedef struct Hypothesis {
    // Called for each node of a scope.
    void (*change)(HypothesisSearch *search, const struct Hypothesis *hypothesis, uint32_t node_id);
    // Called for each edge that passes a gradient to a node of a scope.
    void (*change_edge)(HypothesisSearch *search, const struct Hypothesis *hypothesis,
                        uint32_t parent, uint32_t edge);
    // Called once.
    void (*change_graph)(HypothesisSearch *search, const struct Hypothesis *hypothesis);
    Rule rule;
    uint32_t node;
    double from;
    double to;
    uint32_t first; // of a matrix, its first parameter; a slot; a kind
    uint32_t n_rows;
    uint32_t n_columns;
    uint32_t kind;        // of the nodes that it changes
    const char *old_path; // the beginning of a path, before and after
    const char *new_path;
    const bool *from_kinds; // [kinds->n] which kinds of nodes pass a gradient back
    const bool *to_kinds;   // [kinds->n] which kinds they pass it to
} Hypothesis;

// Starts the tests for the unexplained values of one kind: data or gradients.
void hypothesis_begin(HypothesisSearch *search, bool is_grad, const uint32_t *members, size_t n);

// Begins with unexplained gradients of parameters, if the port shows no other data: hypotheses
// about data are then tested by computing the whole model and its gradients again. They hold only
// if they explain all gradients.
void hypothesis_begin_by_grads(HypothesisSearch *search, const uint32_t *members, size_t n);

// Ends that: computes all data and gradients of the graph as it is now.
void hypothesis_end_by_grads(HypothesisSearch *search);

// Computes all values and gradients as points from now on, without rounding, and allows each
// gradient what rounding usually does to it. If a port shows few values, bounds are too wide to
// distinguish hypotheses.
void hypothesis_begin_points(HypothesisSearch *search);
void hypothesis_end_points(HypothesisSearch *search);

// Returns how far a gradient may be off; infinite if it is unknown what it should be.
double hypothesis_allowed(const HypothesisSearch *search, uint32_t node_id);

// Returns whether the hypothesis would explain the targets. Does not change the graph.
bool hypothesis_fits(HypothesisSearch *search, const Hypothesis *hypothesis);

// Returns whether the hypothesis holds. If it does, it has changed the graph: for all nodes, for
// the inputs of the members, or for those of the targets, whichever leaves the fewest values
// unexplained.
bool hypothesis_holds(HypothesisSearch *search, const Hypothesis *hypothesis);

// Returns whether the hypothesis holds for all nodes and explains all members, at every position.
// If so, it has changed the graph.
bool hypothesis_holds_for_all(HypothesisSearch *search, const Hypothesis *hypothesis);

#endif
