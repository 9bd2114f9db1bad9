// An index of a dump's nodes, sorted by path, so that a search is fast for any set of paths.
#ifndef MICROGPT_PATH_INDEX_H
#define MICROGPT_PATH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

typedef struct PathEntry {
    const char *path; // the dump's
    uint32_t node_id;
} PathEntry;

typedef struct PathIndex {
    const NodeDump *dump;
    PathEntry *sorted; // [n_nodes] by path, then by node
} PathIndex;

// Errors: out of memory. Requires: a dump with names, which outlives the index.
bool path_index_init(PathIndex *index, const NodeDump *dump, Error *error);

// Frees the index; does nothing to a zeroed one.
void path_index_free(PathIndex *index);

// Returns the first node with this path; NO_NODE if there is none.
uint32_t path_index_find(const PathIndex *index, const char *path);

#endif
