// Kinds of nodes: see path_kinds.h.
#include "compare/path_kinds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KIND_OTHERS = 0,
    N_RECENT = 16, // consecutive nodes are of a few alternating kinds
};

// The kinds that were found last, the most recent first.
typedef struct Recent {
    uint16_t kinds[N_RECENT];
    size_t n;
} Recent;

static void put_first(Recent *recent, size_t place, uint16_t kind)
{
    memmove(recent->kinds + 1, recent->kinds, place * sizeof kind);
    recent->kinds[0] = kind;
}

static uint16_t add_kind(PathKinds *kinds, const char *pattern)
{
    snprintf(kinds->patterns[kinds->n], PATTERN_BYTES, "%s", pattern);
    return (uint16_t)kinds->n++;
}

static uint16_t find_among_all(PathKinds *kinds, const char *pattern)
{
    for (size_t i = 0; i < kinds->n; i++) {
        if (strcmp(kinds->patterns[i], pattern) == 0) {
            return (uint16_t)i;
        }
    }
    return kinds->n == MAX_PATH_KINDS ? KIND_OTHERS : add_kind(kinds, pattern);
}

static uint16_t find_kind(PathKinds *kinds, Recent *recent, const char *pattern)
{
    for (size_t i = 0; i < recent->n; i++) {
        uint16_t kind = recent->kinds[i];
        if (strcmp(kinds->patterns[kind], pattern) == 0) {
            put_first(recent, i, kind);
            return kind;
        }
    }
    uint16_t kind = find_among_all(kinds, pattern);
    recent->n += recent->n < N_RECENT;
    put_first(recent, recent->n - 1, kind);
    return kind;
}

bool path_kinds_init(PathKinds *kinds, const NodeDump *dump, Error *error)
{
    assert(kinds != NULL && dump != NULL && error != NULL);
    *kinds = (PathKinds){
        .patterns = malloc(MAX_PATH_KINDS * sizeof *kinds->patterns),
        .kind_of = calloc(dump->n_nodes + 1, sizeof *kinds->kind_of),
    };
    if (kinds->patterns == NULL || kinds->kind_of == NULL) {
        path_kinds_free(kinds);
        return error_out_of_memory(error, "the kinds of nodes",
                                   dump->n_nodes * sizeof *kinds->kind_of);
    }
    add_kind(kinds, "node"); // KIND_OTHERS
    Recent recent = {.n = 0};
    for (size_t i = 0; dump->has_names && i < dump->n_nodes; i++) {
        char pattern[PATTERN_BYTES];
        kinds->kind_of[i] = find_kind(kinds, &recent, path_pattern(dump_path(dump, i), pattern));
    }
    return true;
}

void path_kinds_free(PathKinds *kinds)
{
    free(kinds->patterns);
    free(kinds->kind_of);
    *kinds = (PathKinds){0};
}
