// Finds the same nodes in graphs of different structure that have no names to go by.
#ifndef MICROGPT_DIFF_ALIGN_H
#define MICROGPT_DIFF_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

// Sets counterpart[i] to the node of the other graph that computes the same as node i of the base,
// as far as that can be told: parameters by their numbers, all else by what it is made of. Where a
// graph has x + 0 and the other one only x, nodes made of them are the same. Sets n_aligned to how
// many were found. Shapes: counterpart [base->n_nodes], NO_NODE where there is none. Requires: full
// dumps. Errors: out of memory.
bool diff_align(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                size_t *n_aligned, Error *error);

#endif
