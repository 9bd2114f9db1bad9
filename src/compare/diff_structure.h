// Which node of one dump is which of the other, and whether both have the same graph.
#ifndef MICROGPT_DIFF_STRUCTURE_H
#define MICROGPT_DIFF_STRUCTURE_H

#include "compare/graph_diff.h"

// Fills counterpart, structure and by_path; marks nodes of another shape.
// Errors: out of memory; no names to compare by; a path that stands twice in a dump; no path in
// common.
bool diff_pair_nodes(GraphDiff *diff, Error *error);

#endif
