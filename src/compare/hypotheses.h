// What a port did, where its values are unexplained: hypotheses, each tested on the graph.
//
// A hypothesis about data changes the graph that the subject is taken to compute (bounds.h),
// computes the values in question anew from the subject's own, and holds if all of them are then
// explained, by bounds far smaller than they were off before, and nothing else ceases to be. A
// hypothesis about gradients does the same with their contributions. One that holds says what the
// port did, nothing less: where what it rests on is not known, the bounds are wide, and nothing is
// said.
#ifndef MICROGPT_HYPOTHESES_H
#define MICROGPT_HYPOTHESES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/bounds.h"
#include "compare/path_index.h"
#include "compare/path_kinds.h"
#include "microgpt/error.h"

enum {
    HYPOTHESIS_BYTES = 256,
    MAX_TARGETS = 128, // how many of the values in question are tested first
};

// Which nodes a hypothesis changes.
typedef enum HypothesisScope {
    SCOPE_TARGETS, // what the targets are made of
    SCOPE_MEMBERS, // what all the values in question are made of
    SCOPE_GRAPH,   // all nodes
} HypothesisScope;

typedef struct HypothesisSearch {
    Bounds *bounds;
    const PathKinds *kinds;
    PathIndex index; // zero without names
    bool *wanted;    // [n_nodes] scratch of bounds_find_cone()
    bool *was_odd;   // [n_nodes] values that were unexplained before
    bool *in_scope;  // [n_nodes]
    uint32_t *cone;  // [n_nodes] what the targets are made of
    size_t n_cone;
    uint32_t *members_cone;  // [n_nodes]
    bool is_grad;            // the values in question are gradients
    const uint32_t *members; // the values in question
    size_t n_members;
    uint32_t targets[MAX_TARGETS]; // those of the first position
    double off[MAX_TARGETS];       // how far they were off before
    size_t n_targets;
    size_t n_held; // which of the kinds of hypotheses held last
    size_t budget; // how many more nodes may be computed for tests

    // The graph as it was before a hypothesis.
    Rule *rules;
    double *constants;
    double *factors;
    bool *is_single;
    uint32_t *children;
    double *edge_factors;
    double *local_grads;
} HypothesisSearch;

// Errors: out of memory. Both outlive the search.
bool hypotheses_init(HypothesisSearch *search, Bounds *bounds, const PathKinds *kinds,
                     Error *error);

// A zeroed one is fine, too.
void hypotheses_free(HypothesisSearch *search);

// Looks for what explains unexplained values of one kind. Where something does, says so in text, as
// the end of a sentence that starts with the port's letter, and returns true; the graph of the
// bounds is then the one that the port computes. Shapes: text [HYPOTHESIS_BYTES], empty before.
bool hypotheses_find_data(HypothesisSearch *search, const uint32_t *members, size_t n, char *text);

// The same for parameters, which nothing is known of but where else they stand.
bool hypotheses_find_params(HypothesisSearch *search, const uint32_t *members, char *text);

// The same for gradients. Returns false only where memory has run out; the text is empty where
// nothing explains them. Errors: out of memory.
bool hypotheses_find_grads(HypothesisSearch *search, const uint32_t *members, size_t n, char *text,
                           Error *error);

// Takes a factor that is nearly a whole number, or one over it, for that, and names it: `3`, `1/3`.
// Returns whether it is one; otherwise its name is its decimal digits.
// Shapes: name [PATTERN_BYTES].
bool hypotheses_name_factor(double *factor, char *name);

#endif
