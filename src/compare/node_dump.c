// Writes node dumps: see node_dump.h.
#include "compare/node_dump.h"

#include <string.h>

#include "microgpt/node_path.h"
#include "python/hexfloat.h"

static void write_hex(FILE *file, double number)
{
    char text[HEXFLOAT_BYTES];
    int n = hexfloat_format(number, text);
    fwrite(text, 1, (size_t)n, file);
}

static void write_node(FILE *file, const Graph *g, size_t node_id)
{
    const Value *v = graph_node(g, node_id);
    fprintf(file, "%zu ", node_id);
    write_hex(file, v->data);
    fputc(' ', file);
    write_hex(file, v->grad);
    fputs(" [", file);
    for (int i = 0; i < v->n_children; i++) {
        fprintf(file, "%s%zu", i > 0 ? " " : "", graph_node_id(g, v->children[i]));
    }
    fputs("] [", file);
    for (int i = 0; i < v->n_children; i++) {
        fputs(i > 0 ? " " : "", file);
        write_hex(file, v->local_grads[i]);
    }
    fputc(']', file);
}

void node_dump_write(FILE *file, const Graph *g, size_t n_params, bool with_names)
{
    size_t n_nodes = graph_n_nodes(g);
    NodePaths paths = node_paths(g);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        write_node(file, g, node_id);
        if (with_names) {
            ValueOp op = graph_node(g, node_id)->op;
            char path[NODE_PATH_BYTES];
            node_paths_write(&paths, node_id, path);
            fprintf(file, " %s %s", node_id < n_params ? "param" : value_op_name(op), path);
        }
        fputc('\n', file);
    }
}

// Returns whether a path names a value that a port with other nodes has as well: the document's
// loss, or a position's logits, probabilities and loss.
static bool is_landmark(const char *path)
{
    if (strcmp(path, "loss") == 0) {
        return true;
    }
    const char *dot = strchr(path, '.');
    if (strncmp(path, "pos", 3) != 0 || dot == NULL) {
        return false;
    }
    const char *thing = dot + 1;
    bool is_result = strchr(thing, '.') == NULL;
    return is_result && (strcmp(thing, "loss") == 0 || strncmp(thing, "logit[", 6) == 0 ||
                         strncmp(thing, "prob[", 5) == 0);
}

void node_dump_write_sparse(FILE *file, const Graph *g, size_t n_params)
{
    size_t n_nodes = graph_n_nodes(g);
    NodePaths paths = node_paths(g);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        char path[NODE_PATH_BYTES];
        node_paths_write(&paths, node_id, path);
        if (node_id < n_params || is_landmark(path)) {
            const Value *v = graph_node(g, node_id);
            fprintf(file, "%s ", path);
            write_hex(file, v->data);
            fputc(' ', file);
            write_hex(file, v->grad);
            fputc('\n', file);
        }
    }
}

void node_dump_write_moments(FILE *file, const Graph *g, const Adam *adam)
{
    static const char *const names[] = {"adam.m.", "adam.v."};
    const double *const moments[] = {adam->m, adam->v};
    for (int part = 0; part < 2; part++) {
        for (size_t i = 0; i < adam->n_params; i++) {
            char path[NODE_PATH_BYTES];
            node_path(g, i, path);
            fprintf(file, "%s%s ", names[part], path);
            write_hex(file, moments[part][i]);
            fputc('\n', file);
        }
    }
}
