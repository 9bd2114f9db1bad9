// The name of a node: a path that says where in the model it was made and by which operation, with
// the names of microgpt.py.
//
//     wte[3,7]                        a parameter: row 3, column 7 of the matrix
//     pos2.layer0.attn.q[5]           an output of linear(): element 5 of the query of position 2
//     pos2.layer0.attn.q[5].mul[3]    one of its products: that with element 3 of x
//     pos2.layer0.mlp.fc1[17].relu    element 17 of the hidden layer
//     pos2.loss.log                   the logarithm in the loss of position 2
//     loss                            the average loss of the document
//
// The last node made under a name is the result, and has just the name. The nodes made before it
// have the name and their operation, numbered from 0 if there are several of that operation.
#ifndef MICROGPT_NODE_PATH_H
#define MICROGPT_NODE_PATH_H

#include <stddef.h>

#include "microgpt/value.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    NODE_PATH_BYTES = 160,
};

// Returns the name of an operation: `add`, `mul` ...; `const` for a leaf.
const char *value_op_name(ValueOp op);

// Writes the node's path and returns how many characters it has. The paths of a model's nodes are
// unique. In a graph without names, the path is the operation and a number, such as `mul[3]`.
// Shapes: path [NODE_PATH_BYTES]; a longer path is truncated.
// Requires: node_id < graph_n_nodes(g).
size_t node_path(const Graph *g, size_t node_id, char *path);

// Writes the paths of many nodes, and reuses for each what was counted for the one before. If the
// nodes are in ascending order, the total time is proportional to their number.
typedef struct NodePaths {
    const Graph *graph;
    size_t first; // the first of the nodes whose operations are counted: those that share a name
    size_t end;   // one past the last of them
    size_t next;  // n_before counts the nodes before this one
    size_t n_all[OP_RELU + 1];
    size_t n_before[OP_RELU + 1];
} NodePaths;

NodePaths node_paths(const Graph *g);

// The same as node_path(), for paths->graph.
size_t node_paths_write(NodePaths *paths, size_t node_id, char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
