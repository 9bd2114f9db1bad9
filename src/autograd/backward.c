// Backpropagation: the order in which to visit the nodes, then the chain rule at every edge.
//
// Implements `backward` of `class Value` in microgpt.py, for the nodes that value.c makes. The
// contracts are in microgpt/value.h.
#include <assert.h>

#include "autograd/graph.h"
#include "base/exact.h"
#include "microgpt/value.h"

// The order of a recursive traversal that takes the children from left to right:
//
//     build_topo(v): if v is not visited: mark it; build_topo() of each child; append v to topo
//
// The graph of a sum is as deep as the sum has terms, which is too deep for recursion in C. So this
// is one loop, which does what the call for call.v does. The stack has the calls that wait for that
// one, and below them a call without a node, which ends the loop.
bool graph_build_topo(Graph *g, Value *root, Error *error)
{
    assert(g != NULL && root != NULL && !root->visited);
    if (!graph_reserve_topo(g, error)) {
        return false;
    }
    Value **topo = g->topo;
    TopoCall *waiting = g->stack;
    *waiting++ = (TopoCall){NULL, 0};
    root->visited = true;
    TopoCall call = {root, 0};
    while (call.v != NULL) {
        if (call.i < call.v->n_children) {
            Value *child = call.v->children[call.i];
            call.i++;
            if (!child->visited) {
                child->visited = true;
                *waiting++ = call;
                call = (TopoCall){child, 0};
            }
        } else {
            *topo++ = call.v;
            call = *--waiting;
        }
    }
    g->n_topo = (size_t)(topo - g->topo);
    return true;
}

// The chain rule, at the edge from v to its child i.
static void edge_backward(Value *v, int i)
{
    v->children[i]->grad += v->local_grads[i] * v->grad;
}

void graph_backward(Graph *g)
{
    assert(g != NULL && g->n_topo > 0);
    Value *root = g->topo[g->n_topo - 1];
    root->grad = 1;
    for (size_t n_left = g->n_topo; n_left > 0; n_left--) {
        Value *v = g->topo[n_left - 1];
        for (int i = 0; i < v->n_children; i++) {
            edge_backward(v, i);
        }
        v->visited = false; // for the next order
    }
}

bool value_backward(Graph *g, Value *root, Error *error)
{
    if (!graph_build_topo(g, root, error)) {
        return false;
    }
    graph_backward(g);
    return true;
}
