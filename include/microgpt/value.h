// The Value class of microgpt.py: a number that keeps references to the operands it was made from.
//
// Every operator makes a new node that points to its operands (its children) and keeps the local
// gradient d(node)/d(child) for each. value_backward() then visits the nodes from the result back
// to the leaves and applies the chain rule at every edge. Together with arena.h and error.h, this
// header can be used without the rest of the library:
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

// The operation that made a node. The operators that are missing here (neg, sub, div) are composed
// of these, as in microgpt.py.
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
    double grad;           // d(root)/d(this), after backward
    Value *children[2];    // the operands, from left to right; NULL if there is none
    double local_grads[2]; // d(this)/d(child)
    ValueOp op;
    uint8_t n_children;
    bool visited;      // set by graph_build_topo(), cleared by graph_backward()
    uint32_t graph_id; // Graph.id: the operands of an operator are nodes of the same graph
};

// All nodes of one computation; defined below.
typedef struct Graph Graph;

// A node without children: Python's Value(data).
Value *value_leaf(Graph *g, double data);

// a + b, a * b.
// Formula: d(a+b)/da = d(a+b)/db = 1; d(ab)/da = b, d(ab)/db = a
// Source: Value.__add__, __mul__
Value *value_add(Graph *g, Value *a, Value *b);
Value *value_mul(Graph *g, Value *a, Value *b);

// a ** exponent, computed by libm's pow. Where Python raises an exception or returns a complex
// number (0 to a negative power, a negative number to a fraction), the result is infinite or NaN.
// Formula: d(a**c)/da = c * a**(c-1)
// Source: Value.__pow__
Value *value_pow(Graph *g, Value *a, double exponent);

// log a; e ** a; max(0, a), with the gradient 0 at a = 0.
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

// The same with a plain number on the right, which becomes a leaf, made just before the result. The
// leaf of a difference is -c, that of a quotient c**-1: Python computes these as plain numbers.
// Use a + c for c + a as well, and a * c for c * a: so do __radd__ and __rmul__.
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

// sum(ai * bi for ai, bi in zip(a, b)). Each product is made just before it is added.
// Requires: n >= 1.
Value *value_dot(Graph *g, Value *const *a, Value *const *b, size_t n);

// Adds d(root)/d(node) to every node's grad: calls graph_build_topo(), then graph_backward().
// Errors: as graph_build_topo().
// Source: Value.backward
bool value_backward(Graph *g, Value *root, Error *error);

// Sets g->topo to the nodes that root is made of, children before parents: the post-order of a
// depth-first traversal that takes children from left to right. Backward adds up gradients in the
// reverse order, on which their bits depend. Does not recurse, so that no graph is too deep.
// Requires: graph_backward() was called after any earlier graph_build_topo().
// Errors: the graph ran out of memory, now or before.
// Source: Value.backward, build_topo
bool graph_build_topo(Graph *g, Value *root, Error *error);

// Visits g->topo from its end, the root, and adds to the gradients of each node's children. Does
// not reset the gradients of earlier calls, as in Python.
// Requires: graph_build_topo() was called just before.
// Formula: child.grad += local_grad * v.grad
void graph_backward(Graph *g);

// The state of a call of Python's recursive build_topo(v): child i is the next to visit.
typedef struct TopoCall {
    Value *v;
    int i;
} TopoCall;

// The name of the nodes from first_node up to the next scope's first node. This gives every node a
// name without storing one in each: see node_path.h.
typedef struct Scope {
    const char *name;   // must outlive the graph, as a literal does; may contain [] for the index
    size_t first_node;  // the id of the first node made in it
    uint32_t parent;    // the enclosing scope, an index into Graph.scopes; or NO_SCOPE
    int32_t index;      // which of several scopes with this name; -1: there is only one
    uint32_t n_columns; // of a matrix of parameters; otherwise 0
    bool is_part;       // a part with scopes inside, such as pos2 or attn; false for q[5]
} Scope;

#define NO_SCOPE UINT32_MAX

// All nodes of one computation in order of creation, the order in which backward visits them, and
// their names.
struct Graph {
    Arena arena;        // of Values and nothing else
    uint32_t id;        // its nodes have it, too
    bool out_of_memory; // a node could not be made: the nodes made since are not valid
    Value no_memory;    // operators return it then, so that they never return NULL
    Value **topo;       // children before parents: Python's `topo`
    size_t n_topo;      // how many nodes are in topo
    size_t topo_capacity;
    TopoCall *stack; // graph_build_topo() uses it instead of recursion
    Scope *scopes;   // in ascending order of first_node
    size_t n_scopes;
    size_t scopes_capacity;
    uint32_t part; // the current part, an index into scopes; or NO_SCOPE
};

// A state of the graph to which graph_reset() can return.
typedef struct GraphMark {
    ArenaMark nodes;
    size_t n_scopes;
    uint32_t part;
} GraphMark;

// Makes an empty graph, without allocating anything yet.
void graph_init(Graph *g);

void graph_free(Graph *g);

// The same for languages that do not know the size of a Graph: allocate and initialise one, or
// return NULL if memory runs out; free it (NULL does nothing).
Graph *graph_new(void);
void graph_delete(Graph *g);

// Returns how many nodes there are.
size_t graph_n_nodes(const Graph *g);

// Returns the most bytes in use at any time by nodes, topo, stack and scopes.
size_t graph_peak_bytes(const Graph *g);

// Returns an upper bound of graph_peak_bytes() for a graph with so many nodes and scopes, including
// backward; SIZE_MAX if that overflows.
size_t graph_count_bytes(size_t n_nodes, size_t n_scopes);

// Return the current state; drop all nodes made since then and clear out_of_memory.
GraphMark graph_mark(const Graph *g);
void graph_reset(Graph *g, GraphMark mark);

// Sets the gradients of all nodes to 0. After graph_reset() these are the parameters, whose
// gradients value_backward() would otherwise add to. Source: p.grad = 0 for p in params
void graph_zero_grad(Graph *g);

// A node's id is how many nodes were made before it. graph_node_id() returns SIZE_MAX if the
// pointer is not a node of the graph; graph_node() requires an id < graph_n_nodes().
size_t graph_node_id(const Graph *g, const Value *v);
Value *graph_node(const Graph *g, size_t node_id);

// Makes n leaves next to each other in memory, for parameters; returns NULL if memory runs out.
// Shapes: data [n].
Value *graph_leaves(Graph *g, const double *data, size_t n);

// Name the nodes that are made next. A part (pos2, layer0, attn) ends with graph_leave() and
// encloses all names in between. graph_name() gives a name, such as q[5], to all nodes until the
// next name. The index is appended to the name, or inserted at its []; -1 means that there is no
// index. graph_name_matrix() names leaves by row and column.
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
