// Finds which nodes of two dumps correspond, by their paths.
#ifndef MICROGPT_DUMP_PAIRS_H
#define MICROGPT_DUMP_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "compare/transposed_matrices.h"

typedef struct DumpPairs {
    size_t n_only_other;       // paths that only the other dump has
    uint32_t first_only_other; // the first of them; NO_NODE: none
    TransposedMatrices transposed;
    uint32_t first_transposed; // the base's node of their first element; NO_NODE: none
} DumpPairs;

// Sets counterpart[i] to the node of the other dump that has the path of node i of the base, if
// there is one; for matrices that the other dump has transposed, the path with row and column
// swapped. Shapes: counterpart [base->n_nodes]; unchanged if there is no such node.
// Errors: a dump without names; a path that occurs twice in a dump; no common path; out of memory.
bool dump_pair_by_path(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                       DumpPairs *pairs, Error *error);

#endif
