// Nodes by their paths: see path_index.h.
#include "compare/path_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare_nodes(const void *left, const void *right, void *context)
{
    const NodeDump *dump = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    int order = strcmp(dump_path(dump, a), dump_path(dump, b));
    if (order != 0) {
        return order;
    }
    return a < b ? -1 : 1;
}

bool path_index_init(PathIndex *index, const NodeDump *dump, Error *error)
{
    assert(index != NULL && dump != NULL && dump->has_names && error != NULL);
    *index = (PathIndex){dump, malloc((dump->n_nodes + 1) * sizeof *index->sorted)};
    if (index->sorted == NULL) {
        return error_out_of_memory(error, "an index of paths",
                                   dump->n_nodes * sizeof *index->sorted);
    }
    for (uint32_t i = 0; i < dump->n_nodes; i++) {
        index->sorted[i] = i;
    }
    // (Only read, though qsort_r() takes the context as it is.)
    qsort_r(index->sorted, dump->n_nodes, sizeof *index->sorted, compare_nodes, (void *)dump);
    return true;
}

void path_index_free(PathIndex *index)
{
    free(index->sorted);
    *index = (PathIndex){0};
}

uint32_t path_index_find(const PathIndex *index, const char *path)
{
    size_t low = 0; // the paths before low are smaller, those from high on are not
    size_t high = index->dump->n_nodes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(dump_path(index->dump, index->sorted[middle]), path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found =
        low < index->dump->n_nodes && strcmp(dump_path(index->dump, index->sorted[low]), path) == 0;
    return found ? index->sorted[low] : NO_NODE;
}
