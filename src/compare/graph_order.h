// The order in which backward visits a graph, and the parents of its nodes.
#ifndef MICROGPT_GRAPH_ORDER_H
#define MICROGPT_GRAPH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/error.h"

// Nodes from which the root (the last node) is not computed come last. They contribute nothing.
typedef struct GraphOrder {
    size_t n_nodes;
    uint32_t *backward;   // [n_nodes] the nodes in the order of their visits, the root first
    size_t n_reachable;   // how many of them the root is computed from
    bool *is_reachable;   // [n_nodes]
    uint32_t *first_use;  // [n_nodes + 1] where a node's part of the following lists starts
    uint32_t *use_parent; // [edges] the node's parents, in the order of backward
    uint32_t *use_edge;   // [edges] the edge from that parent
} GraphOrder;

// Shapes: first_edge [n_nodes + 1], children [edges], as in a full dump.
// Errors: out of memory.
bool graph_order_init(GraphOrder *order, size_t n_nodes, const uint32_t *first_edge,
                      const uint32_t *children, Error *error);

// Frees the order; does nothing to a zeroed one.
void graph_order_free(GraphOrder *order);

// Reverses a list of nodes.
void reverse_nodes(uint32_t *nodes, size_t n);

#endif
