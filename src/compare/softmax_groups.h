// Finds the softmaxes in a graph. Each softmax subtracts its largest input as a plain number, so
// these constants depend on the inputs although the graph has no edges between them.
#ifndef MICROGPT_SOFTMAX_GROUPS_H
#define MICROGPT_SOFTMAX_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

// The inputs of one softmax: a part of the list of inputs that starts at first.
typedef struct SoftmaxGroup {
    uint32_t first;
    uint32_t n;
} SoftmaxGroup;

typedef struct SoftmaxGroups {
    SoftmaxGroup *groups; // [n_groups]
    size_t n_groups;
    uint32_t *inputs;    // the inputs of all of them
    uint32_t *constants; // the constant that is added to each of them
    uint32_t *group_of;  // [n_nodes] for the constants that are such a maximum; NO_NODE for all
                         // other nodes
} SoftmaxGroups;

// Errors: out of memory. Requires: a full dump.
bool softmax_groups_init(SoftmaxGroups *groups, const NodeDump *dump, Error *error);

// Frees the groups; does nothing to zeroed ones.
void softmax_groups_free(SoftmaxGroups *groups);

#endif
