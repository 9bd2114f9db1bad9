// `microgpt graph`: part of the graph of a document, chosen by name, as a drawing or as JSON.
#include "look/look_commands.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/out_file.h"
#include "cli/temporary_file.h"
#include "look/graph_draw.h"
#include "look/graphviz.h"
#include "look/look_session.h"
#include "look/subgraph.h"
#include "microgpt/node_path.h"

typedef enum GraphFormat {
    FORMAT_DOT,
    FORMAT_SVG,
    FORMAT_JSON,
} GraphFormat;

typedef struct GraphOptions {
    LookOptions look;
    SubgraphQuery query;
    const char *op_name; // NULL: any operation
    const char *format_name;
    GraphFormat format;
    const char *output; // NULL: standard output
    const char *svg;    // short for --format svg and --output
} GraphOptions;

static bool find_op(const char *name, ValueOp *op)
{
    for (int i = OP_LEAF; i <= OP_RELU; i++) {
        if (strcmp(name, value_op_name((ValueOp)i)) == 0) {
            *op = (ValueOp)i;
            return true;
        }
    }
    return false;
}

static bool find_format(const char *name, GraphFormat *format)
{
    static const char *const names[] = {"dot", "svg", "json"};
    for (int i = FORMAT_DOT; i <= FORMAT_JSON; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (GraphFormat)i;
            return true;
        }
    }
    return false;
}

static bool check_options(GraphOptions *chosen, Error *error)
{
    if (!look_take_svg(&chosen->look, chosen->svg, &chosen->format_name, &chosen->output, error)) {
        return false;
    }
    if (chosen->op_name != NULL) {
        chosen->query.has_op = true;
        if (!find_op(chosen->op_name, &chosen->query.op)) {
            return error_set(error,
                             "--op: '%.100s' is not an operation; choose const, add, mul, pow, "
                             "log, exp, relu",
                             chosen->op_name);
        }
    }
    if (!find_format(chosen->format_name, &chosen->format)) {
        return error_set(error, "--format: '%.100s' is not a format; choose dot, svg or json",
                         chosen->format_name);
    }
    if (chosen->look.json) {
        const Option *format = options_find(&chosen->look.list, &chosen->format_name);
        if (format->given != NULL && chosen->format != FORMAT_JSON) {
            return error_set(error, "--json: contradicts --format %s; leave one out",
                             chosen->format_name);
        }
        chosen->format = FORMAT_JSON;
    }
    return true;
}

static void put_node(JsonOut *out, json_t *parent, const Subgraph *subgraph, size_t node_id)
{
    const Graph *g = subgraph->graph;
    const Value *v = graph_node(g, node_id);
    char path[NODE_PATH_BYTES];
    node_path(g, node_id, path);
    json_t *node = json_out_object(out, parent, NULL);
    json_out_count(out, node, "id", node_id);
    json_out_text(out, node, "path", path);
    json_out_text(out, node, "op", value_op_name(v->op));
    json_out_number(out, node, "data", v->data);
    json_out_number(out, node, "grad", v->grad);
    json_t *children = json_out_array(out, node, "children");
    json_t *local_grads = json_out_array(out, node, "local_grads");
    for (int i = 0; i < v->n_children; i++) {
        json_out_count(out, children, NULL, graph_node_id(g, v->children[i]));
        json_out_number(out, local_grads, NULL, v->local_grads[i]);
    }
    json_out_bool(out, node, "is_cut", subgraph_is_cut(subgraph, node_id));
}

static bool write_json(FILE *file, const LookSession *look, const Subgraph *subgraph, Error *error)
{
    JsonOut out = json_out_begin();
    look_put_subject(look, &out, "graph");
    json_out_number(&out, out.root, "loss", look->loss);
    json_out_count(&out, out.root, "n_nodes", graph_n_nodes(subgraph->graph));
    json_t *nodes = json_out_array(&out, out.root, "nodes");
    for (size_t i = 0; i < subgraph->n_nodes; i++) {
        put_node(&out, nodes, subgraph, subgraph->node_ids[i]);
    }
    return json_out_write(&out, file, error);
}

static void copy(FILE *from, FILE *to)
{
    char bytes[4096];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0) {
        fwrite(bytes, 1, n, to);
    }
}

static bool write_output(const LookSession *look, const GraphOptions *options,
                         const Subgraph *subgraph, FILE *svg, Error *error)
{
    OutFile out;
    if (!out_file_open(&out, options->output, error)) {
        return false;
    }
    bool ok = true;
    if (options->format == FORMAT_JSON) {
        ok = write_json(out.file, look, subgraph, error);
    } else if (options->format == FORMAT_DOT) {
        graph_draw(out.file, subgraph, look->model->n_params);
    } else {
        assert(svg != NULL);
        copy(svg, out.file);
    }
    if (!ok) {
        out_file_discard(&out);
        return false;
    }
    return out_file_close(&out, error);
}

// Writes the graph to a temporary file, and runs dot to make the SVG in another one.
static bool write_subgraph(const LookSession *look, const GraphOptions *options,
                           const Subgraph *subgraph, Error *error)
{
    if (options->format != FORMAT_SVG) {
        return write_output(look, options, subgraph, NULL, error);
    }
    FILE *dot_text;
    FILE *svg;
    if (!temporary_file_open(&dot_text, error)) {
        return false;
    }
    if (!temporary_file_open(&svg, error)) {
        fclose(dot_text);
        return false;
    }
    graph_draw(dot_text, subgraph, look->model->n_params);
    bool ok = graphviz_make_svg(dot_text, svg, error) &&
              write_output(look, options, subgraph, svg, error);
    fclose(dot_text);
    fclose(svg);
    return ok;
}

static ExitStatus show(LookSession *look, const void *chosen, Error *error)
{
    const GraphOptions *options = chosen;
    Subgraph subgraph;
    if (!look_forward(look, error) || !look_backward(look, error)) {
        return EXIT_FAILED;
    }
    ExitStatus status = subgraph_find(&subgraph, look_graph(look), &options->query, error);
    if (status != EXIT_DONE) {
        return status;
    }
    bool ok = write_subgraph(look, options, &subgraph, error);
    subgraph_free(&subgraph);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static const LookUsage usage = {
    .usage = "graph [--node PATH] [--depth N] [--op OP] [OPTION ...]",
    .summary = "Draws part of a document's graph, with data and gradients after backward: from\n"
               "the node PATH (default: the loss) down to a depth of N. PATH is a node, such as\n"
               "wte[3,7] or pos2.layer0.attn.q[5], or a part of the model, such as\n"
               "pos2.layer0.attn, for all nodes in it. With OP (const, add, mul, pow, log, exp,\n"
               "relu): from all nodes of that operation, in PATH or everywhere. Draws at most\n"
               "500 nodes.\n",
    .has_text_option = true,
};

ExitStatus command_graph(int argc, char **argv, Error *error)
{
    GraphOptions chosen = {.query.depth = 2, .format_name = "dot"};
    const Option own[] = {
        {"node", &chosen.query.path, "PATH", "where to start", OPTION_TEXT, .group = OPTION_OWN},
        {"depth", &chosen.query.depth, "N", "how many levels of children to draw", OPTION_COUNT,
         .max = OPTION_MAX_COUNT},
        {"op", &chosen.op_name, "OP", "start from this operation only", OPTION_TEXT,
         .group = OPTION_OWN},
        {"format", &chosen.format_name, "FORMAT", "dot, svg (needs graphviz) or json", OPTION_TEXT,
         .group = OPTION_OWN},
        {"output", &chosen.output, "FILE", "the file to write", OPTION_TEXT,
         .default_text = "standard output"},
        {"svg", &chosen.svg, "FILE", "short for --format svg --output FILE", OPTION_TEXT,
         .group = OPTION_OWN},
    };
    ExitStatus status = look_parse(&chosen.look, &usage, own, 6, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    if (!check_options(&chosen, error)) {
        return EXIT_USAGE;
    }
    chosen.look.output = chosen.output;
    chosen.look.output_option = chosen.svg != NULL ? "--svg" : "--output";
    return look_run(&chosen.look, show, &chosen, error);
}
