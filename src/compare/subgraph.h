// A part of a graph, selected by name, operation and depth, that is small enough to be drawn.
#ifndef MICROGPT_SUBGRAPH_H
#define MICROGPT_SUBGRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"
#include "compare/dump_reader.h"
#include "microgpt/error.h"

enum {
    SUBGRAPH_MAX_NODES = 500, // more are too many to draw
};

// What to select. The nodes to start from are the node that the path names, or, if it names a part
// of the model (pos0.layer0.attn), all nodes in that part. Without a path it is the last node, the
// loss. With an operation, they are all nodes of that operation that have the path or are in that
// part, or without a path those of the whole graph.
typedef struct SubgraphQuery {
    const char *path; // NULL if there is none
    const char *op;   // NULL: any operation
    size_t depth;     // how many levels of children below the nodes to start from
} SubgraphQuery;

typedef struct Subgraph {
    const NodeDump *graph;
    size_t *node_ids; // [n_nodes], ascending: children before parents
    size_t n_nodes;
    size_t n_starts; // how many of them are nodes to start from
} Subgraph;

// Selects nodes.
// Requires: a full dump with names.
// Errors: no node of that name or operation, more than SUBGRAPH_MAX_NODES (EXIT_USAGE); out of
// memory (EXIT_FAILED).
ExitStatus subgraph_find(Subgraph *subgraph, const NodeDump *graph, const SubgraphQuery *query,
                         Error *error);

void subgraph_free(Subgraph *subgraph);

// Returns whether the node is in the subgraph.
bool subgraph_has(const Subgraph *subgraph, size_t node_id);

// Returns whether the node has children that are not in the subgraph.
bool subgraph_is_cut(const Subgraph *subgraph, size_t node_id);

#endif
