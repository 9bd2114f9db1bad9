// Nodes of two dumps side by side: see dump_pairs.h. A hash table of the base's paths finds them.
#include "compare/dump_pairs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FREE_SLOT UINT32_MAX

typedef struct PathTable {
    const NodeDump *dump;
    uint32_t *slots; // node ids; FREE_SLOT: none
    size_t mask;
} PathTable;

// FNV-1a.
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (; *text != '\0'; text++) {
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    }
    return h ^ h >> 32;
}

// The slot of a path: of the node that has it, or the free one where it belongs.
static uint32_t *find_slot(const PathTable *table, const char *path)
{
    size_t slot = (size_t)hash(path) & table->mask;
    while (table->slots[slot] != FREE_SLOT &&
           strcmp(dump_path(table->dump, table->slots[slot]), path) != 0) {
        slot = (slot + 1) & table->mask;
    }
    return &table->slots[slot];
}

// A line number is one more than the index of its node, in both kinds of dumps.
static bool fail_twice(const NodeDump *dump, uint32_t first, uint32_t second, Error *error)
{
    return error_set_file(error, dump->file_name, (size_t)second + 1,
                          "has the path %.100s of line %zu once more", dump_path(dump, second),
                          (size_t)first + 1);
}

static bool fill_table(PathTable *table, const NodeDump *dump, Error *error)
{
    size_t n_slots = 16;
    while (n_slots < 2 * dump->n_nodes) {
        n_slots *= 2;
    }
    *table = (PathTable){dump, malloc(n_slots * sizeof *table->slots), n_slots - 1};
    if (table->slots == NULL) {
        return error_out_of_memory(error, "a table of paths", n_slots * sizeof *table->slots);
    }
    memset(table->slots, 0xFF, n_slots * sizeof *table->slots); // FREE_SLOT everywhere
    for (uint32_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        uint32_t *slot = find_slot(table, dump_path(dump, node_id));
        if (*slot != FREE_SLOT) {
            return fail_twice(dump, *slot, node_id, error);
        }
        *slot = node_id;
    }
    return true;
}

static bool pair_all(const PathTable *table, const NodeDump *other, uint32_t *counterpart,
                     size_t *n_only_other, uint32_t *first_only_other, Error *error)
{
    size_t n_pairs = 0;
    for (uint32_t node_id = 0; node_id < other->n_nodes; node_id++) {
        uint32_t base_id = *find_slot(table, dump_path(other, node_id));
        if (base_id == FREE_SLOT) {
            *first_only_other = *n_only_other == 0 ? node_id : *first_only_other;
            *n_only_other += 1;
        } else if (counterpart[base_id] != UINT32_MAX) {
            return fail_twice(other, counterpart[base_id], node_id, error);
        } else {
            counterpart[base_id] = node_id;
            n_pairs++;
        }
    }
    return n_pairs > 0 ||
           error_set_file(error, other->file_name, 0, "has no path in common with %.200s",
                          table->dump->file_name);
}

bool dump_pair_by_path(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                       size_t *n_only_other, uint32_t *first_only_other, Error *error)
{
    const NodeDump *nameless = !base->has_names ? base : other;
    if (!nameless->has_names) {
        return error_set_file(error, nameless->file_name, 0,
                              "its nodes have no names to find them by, and %s", DUMP_OTHER_SIZES);
    }
    PathTable table = {0};
    *n_only_other = 0;
    *first_only_other = UINT32_MAX;
    bool ok = fill_table(&table, base, error) &&
              pair_all(&table, other, counterpart, n_only_other, first_only_other, error);
    free(table.slots);
    return ok;
}
