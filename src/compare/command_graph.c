// `microgpt graph`: part of the graph of a document or of a node dump, chosen by name, as a drawing
// or as JSON.
#include "compare/compare_commands.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/command_files.h"
#include "cli/out_file.h"
#include "cli/spooled_input.h"
#include "cli/temporary_file.h"
#include "compare/dump_copy.h"
#include "compare/dump_names.h"
#include "compare/graph_draw.h"
#include "compare/graphviz.h"
#include "compare/subgraph.h"
#include "look/look_session.h"
#include "microgpt/node_path.h"

typedef enum GraphFormat {
    FORMAT_DOT,
    FORMAT_SVG,
    FORMAT_JSON,
} GraphFormat;

enum {
    N_OWN_OPTIONS = 7, // come first in the list of options
};

typedef struct GraphOptions {
    LookOptions look;
    const char *dump; // a node dump, whose graph is drawn instead of the model's; NULL: none
    SubgraphQuery query;
    const char *format_name;
    GraphFormat format;
    const char *svg; // short for --format svg and --output
} GraphOptions;

typedef struct Drawing {
    const GraphOptions *options;
    const LookSession *look; // NULL: the graph is that of a dump
    Subgraph subgraph;
} Drawing;

static bool is_op(const char *name)
{
    bool is_one = strcmp(name, "param") == 0;
    for (int i = OP_LEAF; i <= OP_RELU; i++) {
        is_one = is_one || strcmp(name, value_op_name((ValueOp)i)) == 0;
    }
    return is_one;
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

static bool check_beside_dump(const GraphOptions *chosen, Error *error)
{
    const Options *list = &chosen->look.list;
    for (size_t i = N_OWN_OPTIONS; i < list->n; i++) {
        const Option *option = &list->list[i];
        if (option->given != NULL && option->target != &chosen->look.json) {
            return error_set(error, "%.100s: has no effect beside --dump; leave it out",
                             option->given);
        }
    }
    return true;
}

static bool check_options(GraphOptions *chosen, Error *error)
{
    if (!look_take_svg(&chosen->look, chosen->svg, &chosen->format_name, error)) {
        return false;
    }
    if (chosen->dump != NULL && !check_beside_dump(chosen, error)) {
        return false;
    }
    if (chosen->dump == NULL && chosen->query.op != NULL && !is_op(chosen->query.op)) {
        return error_set(error,
                         "--op: '%.100s' is not an operation; choose const, add, mul, pow, log, "
                         "exp, relu, param",
                         chosen->query.op);
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
    const NodeDump *graph = subgraph->graph;
    json_t *node = json_out_object(out, parent, NULL);
    json_out_count(out, node, "id", node_id);
    json_out_text(out, node, "path", dump_path(graph, node_id));
    json_out_text(out, node, "op", dump_op(graph, node_id));
    json_out_number(out, node, "data", graph->data[node_id]);
    if (graph->has_grad[node_id]) {
        json_out_number(out, node, "grad", graph->grad[node_id]);
    } else {
        json_out_null(out, node, "grad");
    }
    json_t *children = json_out_array(out, node, "children");
    json_t *local_grads = json_out_array(out, node, "local_grads");
    for (uint32_t i = 0; i < dump_n_children(graph, node_id); i++) {
        json_out_count(out, children, NULL, dump_child(graph, node_id, i));
        json_out_number(out, local_grads, NULL, dump_local_grad(graph, node_id, i));
    }
    json_out_bool(out, node, "is_cut", subgraph_is_cut(subgraph, node_id));
}

static bool write_json(FILE *file, const Drawing *drawing, Error *error)
{
    const Subgraph *subgraph = &drawing->subgraph;
    JsonOut out = json_out_begin();
    if (drawing->look != NULL) {
        look_put_subject(drawing->look, &out, "graph");
        json_out_number(&out, out.root, "loss", drawing->look->loss);
    } else {
        const char *file_name = subgraph->graph->file_name;
        json_out_text(&out, out.root, "command", "graph");
        json_out_bytes(&out, out.root, "dump", file_name, strlen(file_name));
    }
    json_out_count(&out, out.root, "n_nodes", subgraph->graph->n_nodes);
    json_t *nodes = json_out_array(&out, out.root, "nodes");
    for (size_t i = 0; i < subgraph->n_nodes; i++) {
        put_node(&out, nodes, subgraph, subgraph->node_ids[i]);
    }
    return json_out_write(&out, file, error);
}

static bool write_output(const Drawing *drawing, FILE *svg, Error *error)
{
    const GraphOptions *options = drawing->options;
    OutFile out;
    if (!out_file_open(&out, options->look.output, error)) {
        return false;
    }
    bool ok = true;
    if (options->format == FORMAT_JSON) {
        ok = write_json(out.file, drawing, error);
    } else if (options->format == FORMAT_DOT) {
        graph_draw(out.file, &drawing->subgraph);
    } else {
        assert(svg != NULL);
        graphviz_copy_svg(svg, out.file);
    }
    if (!ok) {
        out_file_discard(&out);
        return false;
    }
    return out_file_close(&out, error);
}

// Writes the graph to a temporary file, and runs dot to make the SVG in another one.
static bool write_drawing(const Drawing *drawing, Error *error)
{
    if (drawing->options->format != FORMAT_SVG) {
        return write_output(drawing, NULL, error);
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
    graph_draw(dot_text, &drawing->subgraph);
    bool ok = graphviz_make_svg(dot_text, svg, error) && write_output(drawing, svg, error);
    fclose(dot_text);
    fclose(svg);
    return ok;
}

static ExitStatus draw(const GraphOptions *options, const LookSession *look, const NodeDump *graph,
                       Error *error)
{
    Drawing drawing = {options, look, {.graph = NULL}};
    ExitStatus status = subgraph_find(&drawing.subgraph, graph, &options->query, error);
    if (status != EXIT_DONE) {
        return status;
    }
    bool ok = write_drawing(&drawing, error);
    subgraph_free(&drawing.subgraph);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static ExitStatus draw_document(LookSession *look, const void *chosen, Error *error)
{
    NodeDump graph;
    if (!look_forward(look, error) || !engine_backward(look->engine, error) ||
        !dump_copy_graph(&graph, engine_graph(look->engine), look->model->n_params, error)) {
        return EXIT_FAILED;
    }
    ExitStatus status = draw(chosen, look, &graph, error);
    dump_free(&graph);
    return status;
}

// A dump without names has those of the model of the sizes in its first line.
static bool read_dump(NodeDump *dump, const SpooledInput *input, const ModelConfig *defaults,
                      Error *error)
{
    if (!dump_read(dump, input->path, error)) {
        return false;
    }
    dump->file_name = input->name;
    if (dump->is_sparse) {
        return error_set_file(error, input->name, 0, "is a sparse dump, which has no graph");
    }
    ModelConfig sizes = dump_sizes(dump, defaults);
    return dump_name_by_model(dump, &sizes, error) &&
           (dump->has_names ||
            error_set_file(error, input->name, 0,
                           "has no names, and it is not a graph of the model; add operation and "
                           "path to each line"));
}

static ExitStatus draw_dump(const GraphOptions *options, Error *error)
{
    const CommandFile files[] = {
        {options->dump, FILE_READ, "--dump", "the node dump"},
        {options->look.output, FILE_REPLACED, options->look.output_option, "the output"},
    };
    ExitStatus status = command_files_check(files, 2, false, error);
    if (status != EXIT_DONE) {
        return status;
    }
    SpooledInput input = {0};
    NodeDump dump = {0};
    bool ok = spooled_input_open(&input, options->dump, "node dump", error) &&
              read_dump(&dump, &input, &options->look.run.model, error);
    status = ok ? draw(options, NULL, &dump, error) : EXIT_FAILED;
    dump_free(&dump);
    spooled_input_close(&input, error);
    return status;
}

static const LookUsage usage = {
    .usage = "graph [--node PATH] [--depth N] [--op OP] [OPTION ...]",
    .summary = "Draws part of a document's graph, with data and gradients after backward: from\n"
               "the node PATH (default: the loss) down to a depth of N. PATH is a node, such as\n"
               "wte[3,7] or pos2.layer0.attn.q[5], or a part of the model, such as\n"
               "pos2.layer0.attn, for all nodes in it. With OP (const, add, mul, pow, log, exp,\n"
               "relu, param): from all nodes of that operation, in PATH or everywhere. Draws at\n"
               "most 500 nodes. With --dump it draws a node dump, of any program, instead.\n",
    .has_text_option = true,
};

ExitStatus command_graph(int argc, char **argv, Error *error)
{
    GraphOptions chosen = {.query.depth = 2, .format_name = "dot"};
    const Option own[N_OWN_OPTIONS] = {
        {"dump", &chosen.dump, "FILE", "draw this dump; see docs/node-format.md", OPTION_TEXT,
         .group = OPTION_OWN},
        {"node", &chosen.query.path, "PATH", "where to start", OPTION_TEXT, .group = OPTION_OWN},
        {"depth", &chosen.query.depth, "N", "how many levels of children to draw", OPTION_COUNT,
         .max = OPTION_MAX_COUNT},
        {"op", &chosen.query.op, "OP", "start from this operation only", OPTION_TEXT,
         .group = OPTION_OWN},
        {"format", &chosen.format_name, "FORMAT", "dot, svg (needs graphviz) or json", OPTION_TEXT,
         .group = OPTION_OWN},
        {"output", &chosen.look.output, "FILE", "the file to write", OPTION_TEXT,
         .default_text = "standard output"},
        {"svg", &chosen.svg, "FILE", "short for --format svg --output FILE", OPTION_TEXT,
         .group = OPTION_OWN},
    };
    ExitStatus status = look_parse(&chosen.look, &usage, own, N_OWN_OPTIONS, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    if (!check_options(&chosen, error)) {
        return EXIT_USAGE;
    }
    return chosen.dump != NULL ? draw_dump(&chosen, error)
                               : look_run(&chosen.look, draw_document, &chosen, error);
}
