// Finds which nodes of two dumps correspond, and whether both have the same graph.
#ifndef MICROGPT_DIFF_STRUCTURE_H
#define MICROGPT_DIFF_STRUCTURE_H

#include "compare/graph_diff.h"

// Fills counterpart, structure and by_path, and marks nodes whose children or operation differ.
// Errors: out of memory; no names to compare by; a path that occurs twice in a dump; no common
// path.
bool diff_pair_nodes(GraphDiff *diff, Error *error);

#endif
