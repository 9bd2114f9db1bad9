// Finds nodes by their paths: see path_index.h.
#include "compare/path_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare_entries(const void *left, const void *right)
{
    const PathEntry *a = left;
    const PathEntry *b = right;
    int order = strcmp(a->path, b->path);
    if (order != 0) {
        return order;
    }
    return a->node_id < b->node_id ? -1 : 1;
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
        index->sorted[i] = (PathEntry){dump_path(dump, i), i};
    }
    qsort(index->sorted, dump->n_nodes, sizeof *index->sorted, compare_entries);
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
        if (strcmp(index->sorted[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < index->dump->n_nodes && strcmp(index->sorted[low].path, path) == 0;
    return found ? index->sorted[low].node_id : NO_NODE;
}
