// Draws part of a graph for graphviz, in the style of micrograd's draw_dot: each node is a box with
// its name, data and gradient, preceded by a circle with the operation that made it.
#ifndef MICROGPT_GRAPH_DRAW_H
#define MICROGPT_GRAPH_DRAW_H

#include <stdio.h>

#include "compare/subgraph.h"

// Writes the graph in the dot language. Edges are labelled with the local gradient and, if the node
// has a gradient, with the product of both. A dashed box has children that are not shown; a filled
// box is a parameter.
void graph_draw(FILE *file, const Subgraph *subgraph);

#endif
