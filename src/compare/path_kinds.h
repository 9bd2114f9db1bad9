// Groups nodes by the pattern of their paths: see path_pattern().
#ifndef MICROGPT_PATH_KINDS_H
#define MICROGPT_PATH_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "compare/path_pattern.h"
#include "microgpt/error.h"

enum {
    MAX_PATH_KINDS =
        512, // a model of one layer has some sixty; all further kinds are one kind together
};

typedef struct PathKinds {
    char (*patterns)[PATTERN_BYTES]; // [n]
    size_t n;
    uint16_t *kind_of; // [n_nodes]
} PathKinds;

// Groups the nodes. Without names, all nodes are of one kind, "node".
// Errors: out of memory.
bool path_kinds_init(PathKinds *kinds, const NodeDump *dump, Error *error);

// Frees the kinds; does nothing to zeroed ones.
void path_kinds_free(PathKinds *kinds);

#endif
