// Draws part of a graph for graphviz, in the manner of micrograd's draw_dot: each node a box with
// its name, data and gradient, and before it a circle with the operation that made it.
#ifndef MICROGPT_GRAPH_DRAW_H
#define MICROGPT_GRAPH_DRAW_H

#include <stdio.h>

#include "look/subgraph.h"

// Edges carry the local gradient; a dashed box has children that are not shown, a filled one is a
// parameter.
void graph_draw(FILE *file, const Subgraph *subgraph, size_t n_params);

#endif
