// The graph of a document in a report: see report_graph.h.
#include "report/report_graph.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/little_endian.h"
#include "microgpt/node_path.h"

enum {
    N_OPS = OP_RELU + 1,
};

bool report_check_graph(const Graph *g, Error *error)
{
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        const Value *v = graph_node(g, node_id);
        if (!isfinite(v->data) || !isfinite(v->grad)) {
            char path[NODE_PATH_BYTES];
            node_path(g, node_id, path);
            return error_set(error,
                             "%s has a number that is not finite, which a page cannot show; try a "
                             "smaller --learning-rate or --init-std",
                             path);
        }
    }
    return true;
}

static void put_ops(JsonOut *out, json_t *graph, const Graph *g)
{
    size_t n_nodes = graph_n_nodes(g);
    char *ops = malloc(n_nodes);
    if (ops == NULL) {
        out->out_of_memory = true;
        return;
    }
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        ops[node_id] = (char)('0' + graph_node(g, node_id)->op);
    }
    json_out_text_of(out, graph, "ops", ops, n_nodes);
    free(ops);
}

static void put_children(JsonOut *out, json_t *graph, const Graph *g)
{
    long long last_id[N_OPS][2] = {{0}};
    json_t *children = json_out_array(out, graph, "children");
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        const Value *v = graph_node(g, node_id);
        for (int i = 0; i < v->n_children; i++) {
            long long child_id = (long long)graph_node_id(g, v->children[i]);
            json_out_integer(out, children, NULL, child_id - last_id[v->op][i]);
            last_id[v->op][i] = child_id;
        }
    }
}

static void put_numbers(JsonOut *out, json_t *graph, const Graph *g)
{
    json_t *numbers = json_out_array(out, graph, "numbers");
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        const Value *v = graph_node(g, node_id);
        if (v->op != OP_ADD && v->op != OP_MUL && v->op != OP_RELU) {
            json_out_number(out, numbers, NULL, v->data);
        }
        if (v->op == OP_POW) {
            json_out_number(out, numbers, NULL, v->local_grads[0]);
        }
    }
}

static void put_scopes(JsonOut *out, json_t *graph, const Graph *g)
{
    json_t *scopes = json_out_object(out, graph, "scopes");
    json_t *names = json_out_array(out, scopes, "names");
    json_t *first_nodes = json_out_array(out, scopes, "first_nodes");
    json_t *parents = json_out_array(out, scopes, "parents");
    json_t *indices = json_out_array(out, scopes, "indices");
    json_t *n_columns = json_out_array(out, scopes, "n_columns");
    json_t *are_parts = json_out_array(out, scopes, "are_parts");
    size_t before = 0;
    for (size_t i = 0; i < g->n_scopes; i++) {
        const Scope *scope = &g->scopes[i];
        json_out_text(out, names, NULL, scope->name);
        json_out_integer(out, first_nodes, NULL, (long long)(scope->first_node - before));
        json_out_integer(out, parents, NULL,
                         scope->parent == NO_SCOPE ? -1 : (long long)scope->parent);
        json_out_integer(out, indices, NULL, scope->index);
        json_out_integer(out, n_columns, NULL, scope->n_columns);
        json_out_integer(out, are_parts, NULL, scope->is_part);
        before = scope->first_node;
    }
}

static uLong add_to_crc(uLong crc, double number)
{
    unsigned char bytes[8];
    little_endian_put(&number, 1, bytes);
    return crc32(crc, bytes, sizeof bytes);
}

static uLong find_crc(const Graph *g)
{
    uLong crc = crc32(0, NULL, 0);
    size_t n_nodes = graph_n_nodes(g);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        crc = add_to_crc(crc, graph_node(g, node_id)->data);
    }
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        crc = add_to_crc(crc, graph_node(g, node_id)->grad);
    }
    return crc;
}

void report_put_graph(JsonOut *out, const char *key, const Graph *g, size_t n_params)
{
    assert(g->n_topo > 0 && g->topo[g->n_topo - 1] == graph_node(g, graph_n_nodes(g) - 1));
    json_t *graph = json_out_object(out, out->root, key);
    json_out_count(out, graph, "n_params", n_params);
    put_ops(out, graph, g);
    put_children(out, graph, g);
    put_numbers(out, graph, g);
    put_scopes(out, graph, g);
    json_out_count(out, graph, "crc32", find_crc(g));
}
