// Writes the graph of one document, node by node, in the format of docs/node-format.md.
#ifndef MICROGPT_NODE_DUMP_H
#define MICROGPT_NODE_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/adam.h"
#include "microgpt/value.h"

// Writes one line per node, in order of creation: `index data grad [children] [local gradients]`,
// with doubles as Python's float.hex() writes them; with_names adds operation and path.
void node_dump_write(FILE *file, const Graph *g, size_t n_params, bool with_names);

// Writes one line for each parameter, logit, probability and loss: `path data grad`.
void node_dump_write_sparse(FILE *file, const Graph *g, size_t n_params);

// Writes one line for each of Adam's moments: `adam.m.PATH data` and `adam.v.PATH data`.
void node_dump_write_moments(FILE *file, const Graph *g, const Adam *adam);

#endif
