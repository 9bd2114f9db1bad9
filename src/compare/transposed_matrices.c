// Finds transposed matrices: see transposed_matrices.h.
#include "compare/transposed_matrices.h"

#include <stdio.h>
#include <string.h>

// Splits `lm_head[3,7]` into `lm_head`, and `lm_head[7,3]`. Returns false for other paths.
static bool split(const char *path, char *name, char *swapped)
{
    unsigned row;
    unsigned column;
    int length = 0;
    size_t n_name = strcspn(path, "[");
    if (n_name == 0 || n_name + 32 >= PATTERN_BYTES ||
        sscanf(path + n_name, "[%8u,%8u]%n", &row, &column, &length) != 2 || length == 0 ||
        path[n_name + (size_t)length] != '\0') {
        return false;
    }
    memcpy(name, path, n_name);
    name[n_name] = '\0';
    snprintf(swapped, PATTERN_BYTES, "%s[%u,%u]", name, column, row);
    return true;
}

static size_t find_name(const TransposedMatrices *matrices, const char *name)
{
    size_t i = 0;
    while (i < matrices->n && strcmp(matrices->names[i], name) != 0) {
        i++;
    }
    return i;
}

// Adds the matrices of paths that the base has only with row and column swapped.
static void add_candidates(TransposedMatrices *matrices, const PathIndex *base,
                           const NodeDump *other)
{
    char name[PATTERN_BYTES];
    char swapped[PATTERN_BYTES];
    for (size_t i = 0; i < other->n_nodes; i++) {
        const char *path = dump_path(other, i);
        if (path_index_find(base, path) == NO_NODE && split(path, name, swapped) &&
            path_index_find(base, swapped) != NO_NODE && find_name(matrices, name) == matrices->n &&
            matrices->n < MAX_TRANSPOSED_MATRICES) {
            snprintf(matrices->names[matrices->n], PATTERN_BYTES, "%s", name);
            matrices->n++;
        }
    }
}

// Removes the matrices of which the base does not have all paths with row and column swapped.
static void remove_others(TransposedMatrices *matrices, const PathIndex *base,
                          const NodeDump *other)
{
    char name[PATTERN_BYTES];
    char swapped[PATTERN_BYTES];
    for (size_t i = 0; i < other->n_nodes && matrices->n > 0; i++) {
        if (!split(dump_path(other, i), name, swapped)) {
            continue;
        }
        size_t found = find_name(matrices, name);
        if (found < matrices->n && path_index_find(base, swapped) == NO_NODE) {
            matrices->n--;
            memmove(matrices->names[found], matrices->names[found + 1],
                    (matrices->n - found) * sizeof matrices->names[0]);
        }
    }
}

void transposed_matrices_find(TransposedMatrices *matrices, const PathIndex *base,
                              const NodeDump *other)
{
    matrices->n = 0;
    add_candidates(matrices, base, other);
    remove_others(matrices, base, other);
}

uint32_t transposed_matrices_find_node(const TransposedMatrices *matrices, const PathIndex *base,
                                       const char *path)
{
    char name[PATTERN_BYTES];
    char swapped[PATTERN_BYTES];
    bool is_transposed =
        matrices->n > 0 && split(path, name, swapped) && find_name(matrices, name) < matrices->n;
    return path_index_find(base, is_transposed ? swapped : path);
}
