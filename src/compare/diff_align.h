// Finds the nodes that correspond in graphs of different structure without names.
#ifndef MICROGPT_DIFF_ALIGN_H
#define MICROGPT_DIFF_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

// Sets counterpart[i] to the node of the other graph that computes the same as node i of the base,
// if it can be found: parameters by their numbers, all other nodes by their inputs. If one graph
// has x + 0 and the other only x, nodes computed from them are considered the same. Sets n_aligned
// to the number of nodes found.
// Shapes: counterpart [base->n_nodes], NO_NODE if there is none.
// Requires: full dumps.
// Errors: out of memory.
bool diff_align(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                size_t *n_aligned, Error *error);

#endif
