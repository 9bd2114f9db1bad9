// Judges the differences that a comparison found: which of them rounding explains, and which it
// does not.
//
// A port that computes the same bits needs no judgement. A port with different rounding differs
// everywhere, so each of its values is compared with a bound that is computed from its own inputs
// (bounds.h). A value outside its bound is unexplained, however much noise surrounds it; a value
// within its bound follows from its inputs.
#ifndef MICROGPT_JUDGE_H
#define MICROGPT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/bounds.h"
#include "compare/graph_diff.h"
#include "compare/hypotheses.h"
#include "microgpt/error.h"

enum {
    DID_BYTES = 4 * HYPOTHESIS_BYTES,
};

// Where an unexplained value was found.
typedef enum UnexplainedIn {
    IN_DATA,
    IN_LOCAL_GRADS,
    IN_GRAD,
    IN_PARAMS, // data that a dump of one step cannot explain
} UnexplainedIn;

// Unexplained values of one kind: their paths have a pattern in common.
typedef struct UnexplainedKind {
    UnexplainedIn in;
    uint16_t kind; // of their paths
    size_t n;
    uint32_t first;      // the first one in the order of creation, or of backward for gradients
    size_t n_did;        // how many things were found that the subject did
    char did[DID_BYTES]; // what the subject did, as the end of a sentence that starts with
                         // its letter; empty if nothing fits
} UnexplainedKind;

typedef struct Judgement {
    const GraphDiff *diff;
    bool has_bounds;   // whether there is a graph to judge by; otherwise nothing is known
    int subject;       // the side that is judged: the one whose graph is not used
    bool is_single[2]; // whether a side computed everything in single precision
    Bounds bounds;
    PathKinds kinds_of_paths;
    Range *first_bounds;      // [n_nodes] of data, before hypotheses changed the graph
    Range *first_grad_bounds; // [n_nodes] of gradients
    Range *first_grad_used;
    double *first_local_grads; // [edges]
    uint8_t *unexplained;      // [n_nodes] bits: 1 << UnexplainedIn
    size_t n_unexplained;
    UnexplainedKind *kinds; // the most important one first
    size_t n_kinds;
} Judgement;

// Judges all differences that a comparison found; the comparison must outlive the judgement.
// Errors: out of memory.
bool judgement_init(Judgement *judgement, const GraphDiff *diff, Error *error);

// Frees the judgement; does nothing to a zeroed one.
void judgement_free(Judgement *judgement);

// Returns whether rounding explains all differences and none was omitted: all values that both
// sides have were compared and judged.
bool judgement_explains_all(const Judgement *judgement);

bool is_unexplained(const Judgement *judgement, UnexplainedIn in, uint32_t node_id);

// Returns whether data are unexplained and explain all gradients. Then the differences of the
// gradients follow from the data.
bool judgement_grads_follow(const Judgement *judgement);

// Returns the error of an unexplained value and the error that its inputs explain, both relative to
// the larger of the value and the result of its inputs.
void judgement_sizes(const Judgement *judgement, UnexplainedIn in, uint32_t node_id, double *off,
                     double *explained);

// Returns one contribution to a gradient, as it was before hypotheses changed the graph: the local
// gradient and the gradient of the parent.
void judgement_contribution(const Judgement *judgement, uint32_t parent, uint32_t edge,
                            Range *local_grad, Range *grad);

// Returns the range that a value's inputs explain.
Range judgement_bound(const Judgement *judgement, UnexplainedIn in, uint32_t node_id);

#endif
