// Writes the dot language: see graph_draw.h.
#include "compare/graph_draw.h"

#include <string.h>

// Writes a name of a dump, in which any ASCII character may occur, as part of a record's label.
static void put_name(FILE *file, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '&') {
            fputs("&amp;", file);
        } else {
            fprintf(file, strchr("\"\\{}|<>", *name) != NULL ? "\\%c" : "%c", *name);
        }
    }
}

static void draw_node(FILE *file, const Subgraph *subgraph, size_t node_id)
{
    const NodeDump *graph = subgraph->graph;
    bool is_param = strcmp(dump_op(graph, node_id), "param") == 0;
    fprintf(file, "  n%zu [label=\"", node_id);
    put_name(file, dump_path(graph, node_id));
    fprintf(file, " | data %.4g", graph->data[node_id]);
    if (graph->has_grad[node_id]) {
        fprintf(file, " | grad %.4g", graph->grad[node_id]);
    }
    fprintf(file, "\"%s%s];\n",
            is_param ? ", class=param, style=filled, fillcolor=\"#e3eefb\"" : "",
            subgraph_is_cut(subgraph, node_id) ? ", style=dashed" : "");
}

// Labels the edge with its local gradient and, after backward, with what it adds to the child.
static void draw_edge(FILE *file, const NodeDump *graph, size_t node_id, uint32_t slot)
{
    double local_grad = dump_local_grad(graph, node_id, slot);
    double grad = graph->grad[node_id];
    fprintf(file, "  n%u -> op%zu [label=\"%.4g", (unsigned)dump_child(graph, node_id, slot),
            node_id, local_grad);
    if (grad != 0) {
        fprintf(file, " * %.4g = %.4g", grad, local_grad * grad);
    }
    fputs("\"];\n", file);
}

// Draws the operation and the edges from its operands and to its result.
static void draw_op(FILE *file, const Subgraph *subgraph, size_t node_id)
{
    const NodeDump *graph = subgraph->graph;
    uint32_t n_children = dump_n_children(graph, node_id);
    if (n_children == 0) {
        return;
    }
    fprintf(file, "  op%zu [shape=ellipse, label=\"", node_id);
    put_name(file, dump_op(graph, node_id));
    fprintf(file, "\"];\n  op%zu -> n%zu;\n", node_id, node_id);
    for (uint32_t i = 0; i < n_children; i++) {
        if (subgraph_has(subgraph, dump_child(graph, node_id, i))) {
            draw_edge(file, graph, node_id, i);
        }
    }
}

void graph_draw(FILE *file, const Subgraph *subgraph)
{
    fputs("// Boxes: name, data, gradient. Dashed: children not shown.\n"
          "// Edges: d(node)/d(child) * the node's gradient = what backward adds to the child's.\n"
          "digraph microgpt {\n"
          "  rankdir=LR;\n"
          "  ranksep=0.25;\n"
          "  node [shape=record, fontname=\"monospace\", fontsize=11];\n"
          "  edge [fontname=\"monospace\", fontsize=11];\n",
          file);
    for (size_t i = 0; i < subgraph->n_nodes; i++) {
        draw_node(file, subgraph, subgraph->node_ids[i]);
        draw_op(file, subgraph, subgraph->node_ids[i]);
    }
    fputs("}\n", file);
}
