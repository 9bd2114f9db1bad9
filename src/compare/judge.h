// Judges a comparison's differences: which of them rounding explains, and which it does not.
//
// Equal bits tell an exact port from one with a mistake. A port with rounding of its own differs
// everywhere; each of its values is judged by what it was made of on its own side (bounds.h). What
// is outside of that bound is unexplained, however much noise surrounds it; what is within follows.
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
    IN_PARAMS, // data that no dump of one step can explain
} UnexplainedIn;

// Unexplained values of one kind: their paths have a pattern in common.
typedef struct UnexplainedKind {
    UnexplainedIn in;
    uint16_t kind; // of their paths
    size_t n;
    uint32_t first;      // in the order of creation, or of backward for gradients
    char did[DID_BYTES]; // what the subject did, as the end of a sentence that starts with
                         // its letter; empty where nothing fits
} UnexplainedKind;

typedef struct Judgement {
    const GraphDiff *diff;
    bool has_bounds;   // there is a graph to judge by; otherwise nothing is known
    int subject;       // the side that is judged: the one whose graph is not used
    bool is_single[2]; // all that a side has computed is in single precision
    Bounds bounds;
    PathKinds kinds_of_paths;
    Range *first_bounds;      // [n_nodes] of data, before hypotheses changed the graph
    Range *first_grad_bounds; // [n_nodes] of gradients
    Range *first_grad_used;
    double *first_local_grads; // [edges]
    uint8_t *unexplained;      // [n_nodes] bits: 1 << UnexplainedIn
    size_t n_unexplained;
    UnexplainedKind *kinds; // the one that matters first
    size_t n_kinds;
} Judgement;

// Judges all that a comparison found; it must outlive the judgement.
// Errors: out of memory.
bool judgement_init(Judgement *judgement, const GraphDiff *diff, Error *error);

// A zeroed one is fine, too.
void judgement_free(Judgement *judgement);

// Whether rounding explains all differences, of which none is left out: whatever is known on both
// sides was compared and judged.
bool judgement_explains_all(const Judgement *judgement);

bool is_unexplained(const Judgement *judgement, UnexplainedIn in, uint32_t node_id);

// Whether data are unexplained and all gradients are explained by them: what differs in the
// gradients then follows, whatever equal bits say.
bool judgement_grads_follow(const Judgement *judgement);

// How far an unexplained value is off, and how far it might be for what its inputs explain; both
// relative to the larger of the value and of what its inputs give.
void judgement_sizes(const Judgement *judgement, UnexplainedIn in, uint32_t node_id, double *off,
                     double *explained);

// One contribution to a gradient, as it was before hypotheses changed the graph: the local gradient
// and the gradient of the parent.
void judgement_contribution(const Judgement *judgement, uint32_t parent, uint32_t edge,
                            Range *local_grad, Range *grad);

// The range that a value's inputs explain.
Range judgement_bound(const Judgement *judgement, UnexplainedIn in, uint32_t node_id);

#endif
