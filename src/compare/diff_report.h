// Prints what a comparison found: for people, and as one JSON object for programs.
#ifndef MICROGPT_DIFF_REPORT_H
#define MICROGPT_DIFF_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "compare/graph_diff.h"
#include "microgpt/error.h"

// The verdict and the first cause, then each finding in full, then the table of parts.
// Errors: out of memory.
bool diff_print_text(FILE *file, const GraphDiff *diff, Error *error);

// The same as JSON, described in docs/comparing.md.
// Errors: out of memory.
bool diff_print_json(FILE *file, const GraphDiff *diff, Error *error);

#endif
