// Which gradients a side of a comparison has: a port with explicit gradients has them at parameters
// only, and may write zeros elsewhere.
#ifndef MICROGPT_MISSING_GRADS_H
#define MICROGPT_MISSING_GRADS_H

#include "compare/graph_diff.h"

// Fills has_grad and grads_of_side for one side, of which the nodes are paired: a node without a
// gradient in the dump has none. Neither have nodes at which all of the side's gradients are zeros
// while the other side's are not: all that are no parameters, or, in a sparse dump, all of a kind.
// Errors: out of memory.
bool missing_grads_find(GraphDiff *diff, int side, Error *error);

#endif
