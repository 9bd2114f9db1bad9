// A part of a graph, chosen by name, operation and depth: as much as a reader can look at.
#ifndef MICROGPT_SUBGRAPH_H
#define MICROGPT_SUBGRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"
#include "microgpt/error.h"
#include "microgpt/value.h"

enum {
    SUBGRAPH_MAX_NODES = 500, // more than that is no picture
};

// What to choose. The nodes to start from are: the node that the path names; or, where it names a
// part of the model (pos0.layer0.attn), all nodes in it; without a path the last node, the loss.
// With an operation: all nodes of that operation that have the path or are in it, and without a
// path those of the whole graph.
typedef struct SubgraphQuery {
    const char *path; // NULL: none
    bool has_op;
    ValueOp op;
    size_t depth; // how many steps down from where it starts
} SubgraphQuery;

typedef struct Subgraph {
    const Graph *graph;
    size_t *node_ids; // [n_nodes], rising: children come before parents
    size_t n_nodes;
    size_t n_starts; // how many of them the query has named
} Subgraph;

// Errors: nothing of that name or operation, more than SUBGRAPH_MAX_NODES (EXIT_USAGE); out of
// memory (EXIT_FAILED).
ExitStatus subgraph_find(Subgraph *subgraph, const Graph *g, const SubgraphQuery *query,
                         Error *error);

void subgraph_free(Subgraph *subgraph);

// Whether the node is in it.
bool subgraph_has(const Subgraph *subgraph, size_t node_id);

// Whether the node has children that are not in it.
bool subgraph_is_cut(const Subgraph *subgraph, size_t node_id);

#endif
