// In which precision a side of a comparison computed: its numbers tell.
#ifndef MICROGPT_PRECISION_H
#define MICROGPT_PRECISION_H

#include <stdbool.h>

#include "compare/graph_diff.h"

// Whether a side computed in single precision: most of what it has computed, that is data of nodes
// that are no parameters and all gradients, are numbers of single precision, or were written with
// so few decimal digits as those need; or most parameters are, if it shows nothing else.
bool precision_is_single(const GraphDiff *diff, int side);

#endif
