// Pairs the nodes of two dumps: see dump_pairs.h.
#include "compare/dump_pairs.h"

#include <stdio.h>
#include <string.h>

#include "compare/path_index.h"

// A line number is one more than the index of its node, in both kinds of dumps.
static bool fail_twice(const NodeDump *dump, uint32_t first, uint32_t second, Error *error)
{
    return error_set_file(error, dump->file_name, (size_t)second + 1,
                          "has the path %.100s of line %zu once more", dump_path(dump, second),
                          (size_t)first + 1);
}

// Reports the first line whose path occurs in an earlier line.
static bool refuse_twice(const PathIndex *index, Error *error)
{
    const NodeDump *dump = index->dump;
    uint32_t second = NO_NODE;
    for (size_t i = 1; i < dump->n_nodes; i++) {
        uint32_t node_id = index->sorted[i].node_id;
        bool same = strcmp(index->sorted[i - 1].path, index->sorted[i].path) == 0;
        second = same && node_id < second ? node_id : second;
    }
    return second == NO_NODE ||
           fail_twice(dump, path_index_find(index, dump_path(dump, second)), second, error);
}

// The base's first node of any transposed matrix.
static uint32_t find_first_transposed(const PathIndex *index, const TransposedMatrices *matrices)
{
    uint32_t first = NO_NODE;
    for (size_t i = 0; i < matrices->n; i++) {
        char path[PATTERN_BYTES + 8];
        snprintf(path, sizeof path, "%s[0,0]", matrices->names[i]);
        uint32_t node_id = path_index_find(index, path);
        first = node_id < first ? node_id : first;
    }
    return first;
}

static bool pair_all(const PathIndex *index, const NodeDump *other, uint32_t *counterpart,
                     DumpPairs *pairs, Error *error)
{
    size_t n_pairs = 0;
    for (uint32_t node_id = 0; node_id < other->n_nodes; node_id++) {
        uint32_t base_id =
            transposed_matrices_find_node(&pairs->transposed, index, dump_path(other, node_id));
        if (base_id == NO_NODE) {
            pairs->first_only_other = pairs->n_only_other == 0 ? node_id : pairs->first_only_other;
            pairs->n_only_other++;
        } else if (counterpart[base_id] != NO_NODE) {
            return fail_twice(other, counterpart[base_id], node_id, error);
        } else {
            counterpart[base_id] = node_id;
            n_pairs++;
        }
    }
    return n_pairs > 0 ||
           error_set_file(error, other->file_name, 0,
                          "has no path in common with %.100s: its first is %.60s, and not like "
                          "%.60s; see docs/node-format.md",
                          index->dump->file_name, dump_path(other, 0), dump_path(index->dump, 0));
}

bool dump_pair_by_path(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                       DumpPairs *pairs, Error *error)
{
    const NodeDump *nameless = !base->has_names ? base : other;
    *pairs = (DumpPairs){.first_only_other = NO_NODE, .first_transposed = NO_NODE};
    if (!nameless->has_names) {
        return error_set_file(error, nameless->file_name, 0,
                              "its nodes have no names to find them by, and %s", DUMP_OTHER_SIZES);
    }
    PathIndex index;
    if (!path_index_init(&index, base, error)) {
        return false;
    }
    transposed_matrices_find(&pairs->transposed, &index, other);
    pairs->first_transposed = find_first_transposed(&index, &pairs->transposed);
    bool ok = refuse_twice(&index, error) && pair_all(&index, other, counterpart, pairs, error);
    path_index_free(&index);
    return ok;
}
