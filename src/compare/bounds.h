// Bounds for the values of one side, computed from the inputs of that side.
//
// The subject is the side that is judged. It computes the graph of the other side with its own
// rounding: in its own precision, with sums in any order, with products fused or not. From the
// subject's own inputs, each operation is computed with ranges, which contain every correct result
// and hardly anything else. docs/comparing.md explains this; the formulas are at the functions.
#ifndef MICROGPT_BOUNDS_H
#define MICROGPT_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "compare/graph_order.h"
#include "compare/range.h"
#include "compare/softmax_groups.h"
#include "microgpt/error.h"

// What a node computes from its children.
typedef enum Rule {
    RULE_LEAF,      // its constant
    RULE_PARAM,     // its constant, or any number if the subject has its own parameters
    RULE_MINUS_MAX, // the constant that softmax adds: the negative of its largest input
    RULE_ADD,       // of any number of children, each multiplied by its edge's factor
    RULE_MUL,
    RULE_DIV,
    RULE_POW, // with its constant as exponent
    RULE_LOG,
    RULE_EXP,
    RULE_RELU,
    RULE_UNKNOWN, // nothing is known about the result
    // Operations that ports use instead of these.
    RULE_IDENTITY,
    RULE_RELU_SQUARED,
    RULE_LEAKY_RELU, // 0.01 * x below 0
    RULE_GELU,       // x * Phi(x); the first of the smooth activations
    RULE_GELU_TANH,  // its approximation with tanh
    RULE_GELU_QUICK, // its approximation x * sigmoid(1.702 * x)
    RULE_SILU,
    RULE_TANH,
    RULE_SIGMOID,     // the last of them
    RULE_ROOT_PLUS,   // 1 / (sqrt(x) + constant)
    RULE_MUL_SHIFTED, // (x + constant) * y
    RULE_MUL_SQUARE,  // x * y * y
} Rule;

typedef struct Bounds {
    const NodeDump *dump; // contains the graph
    GraphOrder order;     // of the graph that the subject computes
    size_t n_nodes;
    double unit; // half the distance of 1 from the next number in the subject's precision
    double tiny; // its smallest normal number; smaller numbers may become 0

    // The graph that the subject computes: the graph of the dump, with the changes that were found
    // out.
    Rule *rules;          // [n_nodes]
    double *constants;    // [n_nodes] a leaf's value, a power's exponent
    double *factors;      // [n_nodes] of the rule's result; 1 unless a factor was found
    uint32_t *children;   // [edges]
    double *edge_factors; // [edges] of sums: 1, -1, or 0 for an omitted term
    double *grad_factors; // [edges] of contributions to gradients: 1 unless a factor was found
    bool *is_single;      // [n_nodes] whether a port that computes in doubles rounds it to single
                          // precision
    bool *is_odd;         // [n_nodes] whether it is unknown how the subject computes it

    // The subject's own values.
    double *data; // [n_nodes] NaN if the subject does not have it
    double *grad;
    bool *has_data; // [n_nodes]
    bool *has_grad;
    double *local_grads; // [edges] NaN if they are not known

    // The range that a value's inputs explain, and the range that the nodes computed from it use:
    // the value itself if the subject has it.
    Range *data_bound;
    Range *data_used;
    double *data_terms; // the sum of the absolute values of the terms
    uint32_t *n_terms;
    Range *grad_bound;
    Range *grad_used;
    double *grad_terms;

    SoftmaxGroups softmaxes;
    bool own_params; // whether parameters that the subject does not show may be any numbers
} Bounds;

// Return the number of a node's children, and one of them.
static inline uint32_t bounds_n_children(const Bounds *bounds, uint32_t node_id)
{
    return bounds->dump->first_edge[node_id + 1] - bounds->dump->first_edge[node_id];
}

static inline uint32_t bounds_child(const Bounds *bounds, uint32_t node_id, uint32_t slot)
{
    return bounds->children[bounds->dump->first_edge[node_id] + slot];
}

// Makes bounds for the graph of a dump; none of the subject's values are known yet.
// Errors: out of memory. Requires: a full dump, which outlives the bounds.
bool bounds_init(Bounds *bounds, const NodeDump *dump, Error *error);

// Computes the order of the graph again, after children were changed.
// Errors: out of memory.
bool bounds_reorder(Bounds *bounds, Error *error);

// Frees the bounds; does nothing to zeroed ones.
void bounds_free(Bounds *bounds);

// Computes data_bound and data_used of one node, after those of all its children. The caller sets
// those of parameters.
void bounds_compute_data(Bounds *bounds, uint32_t node_id);

// Computes grad_bound and grad_used of one node, after those of all its parents.
void bounds_compute_grad(Bounds *bounds, uint32_t node_id);

// The same for all nodes, in their order.
void bounds_compute_all_data(Bounds *bounds);
void bounds_compute_all_grads(Bounds *bounds);

// Finds the cone of the targets: the nodes that they are computed from and that the subject does
// not show, and the targets themselves, in the order of creation. Returns how many there are.
// Shapes: wanted [n_nodes], all false before and after; nodes [n_nodes].
size_t bounds_find_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                        bool *wanted, uint32_t *nodes);

// The same for gradients, in the order of backward: the nodes through which they are computed and
// whose gradients the subject does not show.
size_t bounds_find_grad_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                             bool *wanted, uint32_t *nodes);

// Return the local gradient of an edge: computed from the subject's data, and the one that the
// subject shows, if it does.
Range bounds_worked_out_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge);
Range bounds_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge);

// Returns one contribution to a gradient: local gradient * gradient of the parent * the edge's
// factor.
Range bounds_contribution(const Bounds *bounds, uint32_t parent, uint32_t edge);

// Returns the node that a node equals, because the other terms of its sum are the constant 0 or are
// left out, or because a hypothesis says so; NO_NODE otherwise.
uint32_t bounds_same_as(const Bounds *bounds, uint32_t node_id);

// Returns whether a range explains a value.
bool bounds_explain(const Bounds *bounds, Range range, double value);

#endif
