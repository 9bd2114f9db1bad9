// Finds the matrices that one dump has transposed, by their paths: `lm_head[0,26]` where the other
// dump has `lm_head[26,0]`. Square matrices have the same paths either way, so they are not among
// them.
#ifndef MICROGPT_TRANSPOSED_MATRICES_H
#define MICROGPT_TRANSPOSED_MATRICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/path_index.h"
#include "compare/path_pattern.h"

enum {
    MAX_TRANSPOSED_MATRICES = 64, // further ones are not found
};

typedef struct TransposedMatrices {
    char names[MAX_TRANSPOSED_MATRICES][PATTERN_BYTES];
    size_t n;
} TransposedMatrices;

// A matrix is transposed if the base does not have all of its paths, and has all of them with row
// and column swapped. Shapes: base is an index of the base's nodes.
void transposed_matrices_find(TransposedMatrices *matrices, const PathIndex *base,
                              const NodeDump *other);

// Returns the node of the base for a path of the other dump; NO_NODE if there is none.
uint32_t transposed_matrices_find_node(const TransposedMatrices *matrices, const PathIndex *base,
                                       const char *path);

#endif
