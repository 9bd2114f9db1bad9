// Copies a graph: see dump_copy.h.
#include "compare/dump_copy.h"

#include <stdlib.h>

#include "compare/dump_names.h"

static size_t count_edges(const Graph *g)
{
    size_t n_edges = 0;
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        n_edges += graph_node(g, node_id)->n_children;
    }
    return n_edges;
}

static bool allocate(NodeDump *dump, size_t n_nodes, size_t n_edges)
{
    *dump = (NodeDump){
        .n_nodes = n_nodes,
        .data = calloc(n_nodes, sizeof *dump->data),
        .grad = calloc(n_nodes, sizeof *dump->grad),
        .has_grad = calloc(n_nodes, sizeof *dump->has_grad),
        .first_edge = calloc(n_nodes + 1, sizeof *dump->first_edge),
        .children = calloc(n_edges + 1, sizeof *dump->children),
        .local_grads = calloc(n_edges + 1, sizeof *dump->local_grads),
        .ops = calloc(n_nodes, sizeof *dump->ops),
        .paths = calloc(n_nodes, sizeof *dump->paths),
    };
    return dump->data != NULL && dump->grad != NULL && dump->has_grad != NULL &&
           dump->first_edge != NULL && dump->children != NULL && dump->local_grads != NULL &&
           dump->ops != NULL && dump->paths != NULL;
}

static void copy_numbers(NodeDump *dump, const Graph *g)
{
    uint32_t n_edges = 0;
    for (size_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        const Value *v = graph_node(g, node_id);
        dump->data[node_id] = v->data;
        dump->grad[node_id] = v->grad;
        dump->has_grad[node_id] = true;
        for (int i = 0; i < v->n_children; i++) {
            dump->children[n_edges] = (uint32_t)graph_node_id(g, v->children[i]);
            dump->local_grads[n_edges] = v->local_grads[i];
            n_edges++;
        }
        dump->first_edge[node_id + 1] = n_edges;
    }
}

bool dump_copy_graph(NodeDump *dump, const Graph *g, size_t n_params, Error *error)
{
    if (!allocate(dump, graph_n_nodes(g), count_edges(g))) {
        dump_free(dump);
        return error_out_of_memory(error, "the graph", graph_n_nodes(g) * sizeof(Value));
    }
    copy_numbers(dump, g);
    if (!dump_copy_names(dump, g, n_params, error)) {
        dump_free(dump);
        return false;
    }
    return true;
}
