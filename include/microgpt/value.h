// The Value class of microgpt.py: a number that remembers what it was made of.
//
// Every operator makes a new node that points to its operands (its children) and keeps the local
// gradient d(node)/d(child) for each. value_backward() then visits the nodes from the result back
// to the leaves and applies the chain rule at every edge. This header needs nothing else of the
// library:
//
//     Graph *g = ...;
//     Value *a = value_leaf(g, 2.0);
//     Value *b = value_leaf(g, -3.0);
//     Value *loss = value_mul(g, value_add(g, a, b), b);
//     value_backward(g, loss, &error);      // a->grad == -3, b->grad == -4
//
// Nodes are made in exactly the order in which Python makes them, constants included, and their
// numbers are the doubles that Python computes.
#ifndef MICROGPT_VALUE_H
#define MICROGPT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/arena.h"
#include "microgpt/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// What made a node. The operators that are missing here (neg, sub, div) are made of these, as they
// are in microgpt.py.
typedef enum __attribute__((packed)) ValueOp {
    OP_LEAF, // a parameter or a constant: no children
    OP_ADD,  // a + b
    OP_MUL,  // a * b
    OP_POW,  // a ** c; the exponent is a plain number and is not kept
    OP_LOG,  // log a
    OP_EXP,  // e ** a
    OP_RELU, // max(0, a)
} ValueOp;

typedef struct Value Value;
struct Value {
    double data;           // what the forward pass computed
    double grad;           // d(root)/d(this), once backward has passed
    Value *children[2];    // the operands, from left to right; NULL where there is none
    double local_grads[2]; // d(this)/d(child)
    ValueOp op;
    uint8_t n_children;
    bool visited; // graph_build_topo() has been here, graph_backward() has not
};

// All nodes of one computation; what it consists of is described below.
typedef struct Graph Graph;

// A node without children: Python's Value(data).
Value *value_leaf(Graph *g, double data);

// a + b, a * b.
// Formula: d(a+b)/da = d(a+b)/db = 1; d(ab)/da = b, d(ab)/db = a
// Source: Value.__add__, __mul__
Value *value_add(Graph *g, Value *a, Value *b);
Value *value_mul(Graph *g, Value *a, Value *b);

// a ** exponent, by libm's pow. Where Python raises (0 to a negative power, a negative number to a
// fraction) the result is what C says: infinite or not a number.
// Formula: d(a**c)/da = c * a**(c-1)
// Source: Value.__pow__
Value *value_pow(Graph *g, Value *a, double exponent);

// log a; e ** a; max(0, a), where 0 wins a tie.
// Formula: 1/a; e**a; 1 if a > 0 else 0
// Source: Value.log, exp, relu
Value *value_log(Graph *g, Value *a);
Value *value_exp(Graph *g, Value *a);
Value *value_relu(Graph *g, Value *a);

// -a = a * -1;  a - b = a + -b;  a / b = a * b**-1.
// Source: Value.__neg__, __sub__, __truediv__
Value *value_neg(Graph *g, Value *a);
Value *value_sub(Graph *g, Value *a, Value *b);
Value *value_div(Graph *g, Value *a, Value *b);

// The same with a plain number on the right: it becomes a leaf, made just before the result. For a
// difference that leaf is -c, for a quotient c**-1: Python computes those on plain numbers.
// a + c also stands for c + a, and a * c for c * a (__radd__, __rmul__).
Value *value_add_number(Graph *g, Value *a, double c);
Value *value_mul_number(Graph *g, Value *a, double c);
Value *value_sub_number(Graph *g, Value *a, double c);
Value *value_div_number(Graph *g, Value *a, double c);

// With a plain number on the left: c - a = -a + c;  c / a = a**-1 * c.
// Source: Value.__rsub__, __rtruediv__
Value *value_rsub_number(Graph *g, Value *a, double c);
Value *value_rdiv_number(Graph *g, Value *a, double c);

// Python's sum(), which starts from the number 0: ((a[0] + 0) + a[1]) + a[2] ...
// Requires: n >= 1.
Value *value_sum(Graph *g, Value *const *a, size_t n);

// sum(ai * bi for ai, bi in zip(a, b)): each product is made just before it is added.
// Requires: n >= 1.
Value *value_dot(Graph *g, Value *const *a, Value *const *b, size_t n);

// Computes d(root)/d(node) into every node's grad: graph_build_topo(), then graph_backward().
// Errors: as graph_build_topo().
// Source: Value.backward
bool value_backward(Graph *g, Value *root, Error *error);

// Sets g->topo to the nodes that root is made of, children before parents: the post-order of a
// depth-first walk that takes children from left to right. The order matters for the bits: it is
// the order in which backward adds up gradients. Uses no recursion, however deep the graph is.
// Requires: graph_backward() has followed any earlier graph_build_topo().
// Errors: the graph ran out of memory, now or before.
// Source: Value.backward, build_topo
bool graph_build_topo(Graph *g, Value *root, Error *error);

// Visits g->topo from its end, the root, and adds to each child's gradient. Gradients of earlier
// calls stay and are added to, as in Python.
// Requires: graph_build_topo() came just before.
// Formula: child.grad += local_grad * v.grad
void graph_backward(Graph *g);

// A call of Python's recursive build_topo(v), as far as it has come: child i is the next.
typedef struct TopoCall {
    Value *v;
    int i;
} TopoCall;

// The name of the nodes from first_node on, up to the next scope's first node. So every node has a
// name, and no node spends memory on it: see node_path.h.
typedef struct Scope {
    const char *name;   // a literal: it must outlive the graph; the index goes where it has []
    size_t first_node;  // the id of the first node made in it
    uint32_t parent;    // the scope that this one is in, an index into Graph.scopes; or NO_SCOPE
    int32_t index;      // which of several of the name; -1: there is only one
    uint32_t n_columns; // of a matrix of parameters; otherwise 0
    bool is_part;       // a part with scopes inside, as pos2 or attn; otherwise a thing, as q[5]
} Scope;

#define NO_SCOPE UINT32_MAX

// All nodes of one computation in order of creation, the order in which backward visits them, and
// their names.
struct Graph {
    Arena arena;        // of Values and nothing else
    bool out_of_memory; // a node could not be made: what was built since is worthless
    Value no_memory;    // what operators return then, so that they never return NULL
    Value **topo;       // children before parents: Python's `topo`
    size_t n_topo;      // how many nodes are in topo
    size_t topo_capacity;
    TopoCall *stack; // what graph_build_topo() has in place of recursion
    Scope *scopes;   // by rising first_node
    size_t n_scopes;
    size_t scopes_capacity;
    uint32_t part; // the part being made, an index into scopes; or NO_SCOPE
};

// A place to go back to.
typedef struct GraphMark {
    ArenaMark nodes;
    size_t n_scopes;
    uint32_t part;
} GraphMark;

// An empty graph; allocates nothing yet.
void graph_init(Graph *g);

void graph_free(Graph *g);

// How many nodes there are.
size_t graph_n_nodes(const Graph *g);

// The most bytes that nodes, order and names have taken so far.
size_t graph_peak_bytes(const Graph *g);

// The most that graph_peak_bytes() says of a graph of so many nodes and scopes, backward included.
// SIZE_MAX where that overflows.
size_t graph_count_bytes(size_t n_nodes, size_t n_scopes);

// Remembers a place; drops all nodes made after it, and clears out_of_memory.
GraphMark graph_mark(const Graph *g);
void graph_reset(Graph *g, GraphMark mark);

// A node's id is how many nodes were made before it. graph_node_id() is SIZE_MAX for a pointer that
// is no node of the graph, graph_node() needs an id < graph_n_nodes().
size_t graph_node_id(const Graph *g, const Value *v);
Value *graph_node(const Graph *g, size_t node_id);

// n leaves next to each other in memory, for parameters; NULL where there is no memory for them.
// Shapes: data [n].
Value *graph_leaves(Graph *g, const double *data, size_t n);

// Names what is made from now on. A part (pos2, layer0, attn) lasts until it is left, and what is
// named meanwhile is inside it. graph_name() names one thing, as q[5], until the next name: index
// stands behind the name, or where the name has [], or is -1 where there is only one of it.
// graph_name_matrix() names leaves by row and column.
// Requires: a name that outlives the graph, as a literal does.
void graph_enter(Graph *g, const char *part, int32_t index);
void graph_leave(Graph *g);
void graph_name(Graph *g, const char *name, int32_t index);
void graph_name_matrix(Graph *g, const char *name, uint32_t n_columns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
