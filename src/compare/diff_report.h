// Prints what a comparison found: for people, and as one JSON object for programs.
#ifndef MICROGPT_DIFF_REPORT_H
#define MICROGPT_DIFF_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "compare/judge.h"
#include "microgpt/error.h"

// Prints the verdict, the unexplained differences, each finding with its first cause, and the table
// of the parts; if all is set, also every difference.
// Errors: out of memory.
bool diff_print_text(FILE *file, const Judgement *judgement, bool all, Error *error);

// Prints the same as JSON, described in docs/comparing.md.
// Errors: out of memory.
bool diff_print_json(FILE *file, const Judgement *judgement, Error *error);

#endif
