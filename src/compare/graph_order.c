// The order of a graph: see graph_order.h.
#include "compare/graph_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Sets topo to the nodes that the root is computed from, in the post-order of a depth-first
// traversal that takes children from left to right. The stack grows from the end of topo, which is
// possible because a node is in at most one of the two. Source: Value.backward, build_topo
static void build_topo(GraphOrder *order, const uint32_t *first_edge, const uint32_t *children,
                       uint32_t *topo, uint32_t *next_edge)
{
    size_t n_done = 0;
    size_t top = order->n_nodes;
    uint32_t root = (uint32_t)order->n_nodes - 1;
    order->is_reachable[root] = true;
    topo[--top] = root;
    while (top < order->n_nodes) {
        uint32_t node_id = topo[top];
        if (next_edge[node_id] == first_edge[node_id + 1]) {
            top++;
            topo[n_done++] = node_id;
            continue;
        }
        uint32_t child = children[next_edge[node_id]++];
        if (!order->is_reachable[child]) {
            order->is_reachable[child] = true;
            topo[--top] = child;
        }
    }
    order->n_reachable = n_done;
}

void reverse_nodes(uint32_t *nodes, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t node_id = nodes[i];
        nodes[i] = nodes[n - 1 - i];
        nodes[n - 1 - i] = node_id;
    }
}

// Appends the nodes that the traversal did not reach, in descending order.
static void append_unreachable(GraphOrder *order)
{
    size_t n = order->n_reachable;
    for (uint32_t node_id = (uint32_t)order->n_nodes; node_id-- > 0;) {
        if (!order->is_reachable[node_id]) {
            order->backward[n++] = node_id;
        }
    }
}

// Lists the parents of each node, in the order of backward. At first, next[] contains the start of
// each node's list.
static void list_uses(GraphOrder *order, const uint32_t *first_edge, const uint32_t *children,
                      uint32_t *next)
{
    for (size_t i = 0; i < order->n_nodes; i++) {
        uint32_t parent = order->backward[i];
        for (uint32_t edge = first_edge[parent]; edge < first_edge[parent + 1]; edge++) {
            uint32_t use = next[children[edge]]++;
            order->use_parent[use] = parent;
            order->use_edge[use] = edge;
        }
    }
}

// Computes where each node's list starts: after the lists of all nodes before it.
static void count_uses(GraphOrder *order, const uint32_t *first_edge, const uint32_t *children)
{
    for (size_t i = 0; i < order->n_nodes; i++) {
        uint32_t parent = order->backward[i];
        for (uint32_t edge = first_edge[parent]; edge < first_edge[parent + 1]; edge++) {
            order->first_use[children[edge] + 1]++;
        }
    }
    for (size_t node_id = 0; node_id < order->n_nodes; node_id++) {
        order->first_use[node_id + 1] += order->first_use[node_id];
    }
}

static bool allocate(GraphOrder *order, size_t n_edges, Error *error)
{
    size_t n_nodes = order->n_nodes;
    order->backward = malloc(n_nodes * sizeof *order->backward);
    order->is_reachable = calloc(n_nodes, sizeof *order->is_reachable);
    order->first_use = calloc(n_nodes + 1, sizeof *order->first_use);
    order->use_parent = malloc((n_edges + 1) * sizeof *order->use_parent);
    order->use_edge = malloc((n_edges + 1) * sizeof *order->use_edge);
    return (order->backward != NULL && order->is_reachable != NULL && order->first_use != NULL &&
            order->use_parent != NULL && order->use_edge != NULL) ||
           error_out_of_memory(error, "the order of the graph", n_edges * 2 * sizeof(uint32_t));
}

bool graph_order_init(GraphOrder *order, size_t n_nodes, const uint32_t *first_edge,
                      const uint32_t *children, Error *error)
{
    assert(order != NULL && first_edge != NULL && error != NULL);
    *order = (GraphOrder){.n_nodes = n_nodes};
    size_t n_edges = first_edge[n_nodes];
    uint32_t *next = malloc((n_nodes + 1) * sizeof *next);
    if (next == NULL || !allocate(order, n_edges, error)) {
        error_out_of_memory(error, "the order of the graph", n_edges * 2 * sizeof(uint32_t));
        free(next);
        graph_order_free(order);
        return false;
    }
    memcpy(next, first_edge, n_nodes * sizeof *next);
    build_topo(order, first_edge, children, order->backward, next);
    reverse_nodes(order->backward, order->n_reachable);
    append_unreachable(order);
    count_uses(order, first_edge, children);
    memcpy(next, order->first_use, (n_nodes + 1) * sizeof *next);
    list_uses(order, first_edge, children, next);
    free(next);
    return true;
}

void graph_order_free(GraphOrder *order)
{
    assert(order != NULL);
    free(order->backward);
    free(order->is_reachable);
    free(order->first_use);
    free(order->use_parent);
    free(order->use_edge);
    *order = (GraphOrder){0};
}
