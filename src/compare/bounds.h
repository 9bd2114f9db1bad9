// What one side's values may be, by what they were made of on that side.
//
// The side that is judged, the subject, computes the graph of the other side, with rounding of its
// own: in its own precision, sums in any order, products fused or not. From its own inputs, each
// operation is done again, in ranges: whatever the subject may rightly have got is within them, and
// hardly anything else. docs/comparing.md gives the reasoning; the formulas stand at the functions.
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
    RULE_PARAM,     // its constant, or any number where the subject has parameters of its own
    RULE_MINUS_MAX, // what softmax takes off: the negative of the largest of its inputs
    RULE_ADD,       // of any number of children, each times its edge's factor
    RULE_MUL,
    RULE_DIV,
    RULE_POW, // to the power of its constant
    RULE_LOG,
    RULE_EXP,
    RULE_RELU,
    RULE_UNKNOWN, // nothing is known of the result
    // What ports have in these places.
    RULE_IDENTITY,
    RULE_RELU_SQUARED,
    RULE_LEAKY_RELU, // 0.01 * x below 0
    RULE_GELU,       // x * Phi(x)
    RULE_GELU_TANH,  // its approximation
    RULE_SILU,
    RULE_ROOT_PLUS, // 1 / (sqrt(x) + constant)
} Rule;

typedef struct Bounds {
    const NodeDump *dump; // has the graph
    GraphOrder order;     // of the graph as the subject computes it
    size_t n_nodes;
    double unit; // half the distance of 1 from the next number in the subject's precision
    double tiny; // its smallest normal number: what is smaller may become 0

    // The graph as the subject computes it: that of the dump, but for what is found out about it.
    Rule *rules;          // [n_nodes]
    double *constants;    // [n_nodes] a leaf's value, a power's exponent
    double *factors;      // [n_nodes] times what the rule gives; 1 unless a factor was found
    uint32_t *children;   // [edges]
    double *edge_factors; // [edges] of sums: 1, or -1, or 0 for what is left out
    bool *is_single;      // [n_nodes] rounded to single precision, by a port in doubles
    bool *is_odd;         // [n_nodes] nobody knows how the subject computes it

    // What is known: the subject's own values.
    double *data; // [n_nodes] nan where the subject does not have it
    double *grad;
    bool *has_data; // [n_nodes]
    bool *has_grad;
    double *local_grads; // [edges] nan where they are not known

    // What its inputs explain, and what whoever is made of it has to reckon with: the value itself
    // where the subject has it.
    Range *data_bound;
    Range *data_used;
    double *data_terms; // the sum of the absolute values of what was added up
    uint32_t *n_terms;
    Range *grad_bound;
    Range *grad_used;
    double *grad_terms;

    SoftmaxGroups softmaxes;
    bool own_params; // parameters that the subject does not show may be any numbers
} Bounds;

// Takes the graph of a dump; nothing is known of the subject yet.
// Errors: out of memory. Requires: a full dump, which outlives the bounds.
bool bounds_init(Bounds *bounds, const NodeDump *dump, Error *error);

// Finds the order of the graph anew, after children were changed.
// Errors: out of memory.
bool bounds_reorder(Bounds *bounds, Error *error);

// A zeroed one is fine, too.
void bounds_free(Bounds *bounds);

// Works out data_bound and data_used of one node, of which all children have theirs. What bounds a
// parameter is up to the caller.
void bounds_compute_data(Bounds *bounds, uint32_t node_id);

// Works out grad_bound and grad_used of one node, of which all parents have theirs.
void bounds_compute_grad(Bounds *bounds, uint32_t node_id);

// The same for all nodes, in their order.
void bounds_compute_all_data(Bounds *bounds);
void bounds_compute_all_grads(Bounds *bounds);

// Finds what targets are made of and the subject does not show: their cone, the targets included.
// They are listed in the order of creation. Returns how many there are. Shapes: wanted [n_nodes],
// all false before and after; cone [n_nodes].
size_t bounds_find_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                        bool *wanted, uint32_t *cone);

// The same for gradients: what they come by and the subject does not show. In the order of
// backward.
size_t bounds_find_grad_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                             bool *wanted, uint32_t *cone);

// What a node passes on to the child of an edge: its local gradient, worked out from the subject's
// data; and the one that the subject shows, where it does.
Range bounds_worked_out_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge);
Range bounds_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge);

// One contribution to a gradient: local gradient * gradient of the parent.
Range bounds_contribution(const Bounds *bounds, uint32_t parent, uint32_t edge);

// How much rounding may change the sum of n terms, of which terms is the sum of absolute values.
double bounds_rounding(const Bounds *bounds, double terms, size_t n);

// The node that a sum is the same as, because all else in it is a constant 0; NO_NODE otherwise.
uint32_t bounds_same_as(const Bounds *bounds, uint32_t node_id);

// Whether a value is within what a range explains.
bool bounds_explain(const Bounds *bounds, Range range, double value);

#endif
