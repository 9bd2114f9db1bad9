// Finds out which gradients a side of a comparison has. A port with explicit gradients has only
// those of parameters, and may write zeros for other nodes.
#ifndef MICROGPT_MISSING_GRADS_H
#define MICROGPT_MISSING_GRADS_H

#include "compare/graph_diff.h"

// Fills has_grad and grads_of_side for one side, whose nodes are paired. A node has no gradient if
// the dump has none, or if this side has only zeros for all nodes that are not parameters (in a
// sparse dump: for all nodes of a kind) and the other side does not.
// Errors: out of memory.
bool missing_grads_find(GraphDiff *diff, int side, Error *error);

#endif
