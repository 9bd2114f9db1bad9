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
// has an operation with a constant and the other only its input, such as x + 0 and x, nodes
// computed from them are considered the same. If only some inputs of two nodes are the same and
// nothing is known about the others, this is their place as well; is_partly says so. Sets n_aligned
// to the number of nodes found. Shapes: counterpart [base->n_nodes], NO_NODE if there is none;
// is_partly [base->n_nodes]. Requires: full dumps. Errors: out of memory.
bool diff_align(const NodeDump *base, const NodeDump *other, uint32_t *counterpart, bool *is_partly,
                size_t *n_aligned, Error *error);

#endif
