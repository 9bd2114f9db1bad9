// Finds out what a port did if its values are unexplained, by testing hypotheses about its graph.
//
// A hypothesis about data changes the graph that the subject is assumed to compute (bounds.h), and
// computes the unexplained values again from the subject's own inputs. It holds if all of them are
// then explained, by bounds far smaller than their errors were, and if all values that were
// explained still are. A hypothesis about gradients does the same with their contributions. If the
// inputs are not known, the bounds are wide, and no hypothesis holds.
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
    MAX_TARGETS = 128, // how many of the unexplained values are tested first
};

// The nodes that a hypothesis changes.
typedef enum HypothesisScope {
    SCOPE_TARGETS, // the inputs of the targets
    SCOPE_MEMBERS, // the inputs of all unexplained values of the kind
    SCOPE_GRAPH,   // all nodes
} HypothesisScope;

// Something in the graph that a hypothesis changed, and what was there before.
typedef struct GraphChange {
    uint32_t node_id; // the node that is computed from it
    uint32_t size;
    void *place;
    unsigned char before[sizeof(double)];
} GraphChange;

// What was computed for a node: its data or its gradient.
typedef struct ComputedNode {
    uint32_t node_id;
    uint32_t n_terms;
    Range bound;
    Range used;
    double terms;
} ComputedNode;

typedef struct HypothesisSearch {
    Bounds *bounds;
    const PathKinds *kinds;
    PathIndex index; // zero without names
    uint32_t *all;   // [n_nodes] all nodes, in the order of creation
    bool *wanted;    // [n_nodes] temporary flags for bounds_find_cone()
    bool *was_odd;   // [n_nodes] values that were unexplained before
    size_t n_odd;    // how many
    uint32_t *cone;  // [n_nodes] the inputs of the targets
    size_t n_cone;
    uint32_t *members_cone;  // [n_nodes]
    bool is_grad;            // the unexplained values are gradients
    const uint32_t *members; // the unexplained values of the kind
    size_t n_members;
    uint32_t targets[MAX_TARGETS]; // those of the first position
    double off[MAX_TARGETS];       // their errors before any hypothesis
    size_t n_targets;
    size_t n_held;     // the kind of hypothesis that held last
    size_t budget;     // how many more nodes may be computed for tests
    double point_unit; // the port's unit while gradients are computed as points; 0 otherwise

    bool by_grads; // hypotheses about data are tested on gradients: the port shows no data
    bool has_tried_by_grads; // which is done once, for the first kind
    bool is_reordered;       // the order of the bounds is that of a graph that a hypothesis changed
    bool has_failed;         // memory ran out
    Error failure;

    // What the current hypothesis changed, and what was computed before for the nodes whose results
    // depend on it.
    GraphChange *changes;
    size_t n_changes;
    size_t changes_capacity;
    bool has_moved;         // some of the changes are of children
    ComputedNode *computed; // [n_nodes]
    size_t n_computed;
    bool *is_changed; // [n_nodes] nodes that were changed, or that have another result
} HypothesisSearch;

// Both must outlive the search.
// Errors: out of memory.
bool hypotheses_init(HypothesisSearch *search, Bounds *bounds, const PathKinds *kinds,
                     Error *error);

// Frees the search; does nothing to a zeroed one.
void hypotheses_free(HypothesisSearch *search);

// Searches for a hypothesis that explains the unexplained values of one kind. If there is one,
// writes it to text, as the end of a sentence that starts with the port's letter, and returns true;
// the graph of the bounds is then the one that the port computes. Shapes: text [HYPOTHESIS_BYTES],
// empty before.
bool hypotheses_find_data(HypothesisSearch *search, const uint32_t *members, size_t n, char *text);

// The same for parameters, which have no inputs: finds the same numbers at other indices.
bool hypotheses_find_params(HypothesisSearch *search, const uint32_t *members, char *text);

// The same for gradients.
bool hypotheses_find_grads(HypothesisSearch *search, const uint32_t *members, size_t n, char *text);

// Rounds a factor that is nearly a whole number, or one over a whole number, and names it: `3`,
// `1/3`. Returns whether it is one; otherwise its name is its decimal digits.
// Shapes: name [PATTERN_BYTES].
bool hypotheses_name_factor(double *factor, char *name);

#endif
