// Who a node is: its operation, and where in the model it was made, as a path that a reader of
// microgpt.py understands.
//
//     wte[3,7]                        a parameter: row 3, column 7 of the matrix
//     pos2.layer0.attn.q[5]           what linear() made: element 5 of the query of position 2
//     pos2.layer0.attn.q[5].mul[3]    on the way to it: the product with element 3 of x
//     pos2.layer0.mlp.fc1[17].relu    element 17 of the hidden layer
//     pos2.loss.log                   the logarithm in the loss of position 2
//     loss                            the average loss of the document
//
// A thing's own name is its result, the last node made for it. The nodes before it have their
// operation behind the name, and are counted from 0 where there are several of the operation.
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

// `add`, `mul` ...; `const` for a leaf.
const char *value_op_name(ValueOp op);

// Writes the node's path and returns how many characters it has. Every node of a model has a path
// of its own. A node of a graph without names is called by its operation and number, as `mul[3]`.
// Shapes: path [NODE_PATH_BYTES]; a longer path is cut.
// Requires: node_id < graph_n_nodes(g).
size_t node_path(const Graph *g, size_t node_id, char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
