// Finds out from the numbers of one side of a comparison in which precision it computed them.
#ifndef MICROGPT_PRECISION_H
#define MICROGPT_PRECISION_H

#include <stdbool.h>

#include "compare/graph_diff.h"

// Returns whether a side computed in single precision: whether most of its computed numbers (all
// gradients, and the data of nodes that are not parameters) are floats, or were written with no
// more decimal digits than floats need. If a side has only parameters, these are tested.
bool precision_is_single(const GraphDiff *diff, int side);

#endif
