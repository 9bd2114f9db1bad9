// Finds out in which precision a side of a comparison computed, from its numbers.
#ifndef MICROGPT_PRECISION_H
#define MICROGPT_PRECISION_H

#include <stdbool.h>

#include "compare/graph_diff.h"

// Whether a side computed in single precision: most of its computed numbers (all gradients, and the
// data of nodes that are not parameters) are numbers of single precision, or were written with as
// few decimal digits as those need. If it shows nothing else, the same for its parameters.
bool precision_is_single(const GraphDiff *diff, int side);

#endif
