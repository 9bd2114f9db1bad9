// The graph of a document in a report: everything that a page needs to compute it again.
//
// A page contains only the numbers that it could not compute: leaves, and the results of libm's
// pow, log and exp. Sums, products and ReLUs, their local gradients, and all of backward give the
// same doubles in every language. A CRC-32 of all data and gradients shows whether the page
// computed the right ones.
#ifndef MICROGPT_REPORT_GRAPH_H
#define MICROGPT_REPORT_GRAPH_H

#include <stdbool.h>

#include "cli/json_out.h"
#include "microgpt/value.h"

// Checks that all numbers of the graph are finite, since JSON has no others.
// Errors: a number is not finite; the message names its node.
bool report_check_graph(const Graph *g, Error *error);

// Adds an object with the name `key`:
//
//     n_params     how many of the nodes are parameters; they come first
//     ops          a digit for each node: the number of its ValueOp
//     children     for each child of each node, from left to right: the child's id minus that of
//                  the same child of the last node with the same operation. In a row of linear()
//                  these are mostly 1 and 2
//     numbers      by rising id: the data of leaves, log and exp; data and local gradient of pow
//     scopes       six lists with an element for each Scope of the graph: names, first_nodes (each
//                  minus the one before), parents (-1: none), indices, n_columns, are_parts
//     crc32        of all data and then all grads, in the order of the ids, little-endian
//
// Requires: graph_backward() has run from the last node.
void report_put_graph(JsonOut *out, const char *key, const Graph *g, size_t n_params);

#endif
