// The graph of a document in a report: all that a page needs to compute it once more.
//
// Numbers are sent only where a page could not compute the same double: of leaves, and of what libm
// made (pow, log, exp). Sums, products and ReLUs, their local gradients, and the whole of backward
// are the same in every language that has doubles. A CRC-32 of all data and gradients says whether
// the page got them.
#ifndef MICROGPT_REPORT_GRAPH_H
#define MICROGPT_REPORT_GRAPH_H

#include <stdbool.h>

#include "cli/json_out.h"
#include "microgpt/value.h"

// Whether all numbers of the graph are finite: others have no place in a page.
// Errors: one is not; says which.
bool report_check_graph(const Graph *g, Error *error);

// Adds an object with the name `key`:
//
//     n_params     how many of the nodes are parameters; they come first
//     ops          of each node, a digit: ValueOp's number
//     children     of each node that has them, from left to right: the child's id, less what that
//                  was for the last node of the same operation. In a row of linear() it is mostly
//                  1s and 2s
//     numbers      by rising id: of leaves, log and exp the data; of pow data and local gradient
//     scopes       of each Scope of the graph, in six lists: names, first_nodes (each less the one
//                  before), parents (-1: none), indices, n_columns, are_parts
//     crc32        of all data and then all grads, in the order of the ids, little-endian
//
// Requires: graph_backward() has passed, from the last node.
void report_put_graph(JsonOut *out, const char *key, const Graph *g, size_t n_params);

#endif
