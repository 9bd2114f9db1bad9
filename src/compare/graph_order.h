// How backward walks a graph, and whose children its nodes are.
#ifndef MICROGPT_GRAPH_ORDER_H
#define MICROGPT_GRAPH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/error.h"

// What the root, the last node, is not made of comes last in the order and contributes nothing.
typedef struct GraphOrder {
    size_t n_nodes;
    uint32_t *backward;   // [n_nodes] the order in which it visits nodes: the root first
    size_t n_reachable;   // how many of them the root is made of
    bool *is_reachable;   // [n_nodes]
    uint32_t *first_use;  // [n_nodes + 1] where in the lists of uses a node's start
    uint32_t *use_parent; // [edges] whose child the node is, in the order of backward
    uint32_t *use_edge;   // [edges] by which edge
} GraphOrder;

// Shapes: first_edge [n_nodes + 1], children [edges], as in a full dump.
// Errors: out of memory.
bool graph_order_init(GraphOrder *order, size_t n_nodes, const uint32_t *first_edge,
                      const uint32_t *children, Error *error);

// A zeroed order is fine, too.
void graph_order_free(GraphOrder *order);

#endif
