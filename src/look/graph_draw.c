// Writes the dot language: see graph_draw.h.
#include "look/graph_draw.h"

#include "microgpt/node_path.h"

// A path contains no character with a special meaning in a record's label.
static void draw_node(FILE *file, const Subgraph *subgraph, size_t node_id, size_t n_params)
{
    const Graph *g = subgraph->graph;
    const Value *v = graph_node(g, node_id);
    const char *style = subgraph_is_cut(subgraph, node_id) ? ", style=dashed"
                        : node_id < n_params               ? ", style=filled, fillcolor=\"#e3eefb\""
                                                           : "";
    char path[NODE_PATH_BYTES];
    node_path(g, node_id, path);
    fprintf(file, "  n%zu [shape=record, label=\"{ %s | data %.4g | grad %.4g }\"%s];\n", node_id,
            path, v->data, v->grad, style);
}

// Draws the operation and the edges from its operands and to its result.
static void draw_op(FILE *file, const Subgraph *subgraph, size_t node_id)
{
    const Graph *g = subgraph->graph;
    const Value *v = graph_node(g, node_id);
    if (v->n_children == 0) {
        return;
    }
    fprintf(file, "  op%zu [label=\"%s\"];\n", node_id, value_op_name(v->op));
    fprintf(file, "  op%zu -> n%zu;\n", node_id, node_id);
    for (int i = 0; i < v->n_children; i++) {
        size_t child_id = graph_node_id(g, v->children[i]);
        if (subgraph_has(subgraph, child_id)) {
            fprintf(file, "  n%zu -> op%zu [label=\"%.4g\"];\n", child_id, node_id,
                    v->local_grads[i]);
        }
    }
}

void graph_draw(FILE *file, const Subgraph *subgraph, size_t n_params)
{
    fputs("// Boxes: name, data, gradient. Edges: d(node)/d(child). Dashed: children not shown.\n"
          "digraph microgpt {\n"
          "  rankdir=LR;\n"
          "  node [fontname=\"sans-serif\", fontsize=11];\n"
          "  edge [fontname=\"sans-serif\", fontsize=9];\n",
          file);
    for (size_t i = 0; i < subgraph->n_nodes; i++) {
        draw_node(file, subgraph, subgraph->node_ids[i], n_params);
        draw_op(file, subgraph, subgraph->node_ids[i]);
    }
    fputs("}\n", file);
}
