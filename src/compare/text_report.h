// Common functions of the text report: see diff_report.h.
#ifndef MICROGPT_TEXT_REPORT_H
#define MICROGPT_TEXT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compare/judge.h"
#include "microgpt/error.h"

typedef struct TextReport {
    FILE *file;
    const GraphDiff *diff;
    const Judgement *judgement;
    Error *error;
} TextReport;

// Returns the letter of a side, A or B.
char text_side(int side);

// Prints a node: `pos0.norm[3] (node 4193, mul)`.
void text_node(const TextReport *r, uint32_t node_id);

// Prints the differences that rounding does not explain, with all details for the most important
// kind, or prints that there are none.
// Errors: out of memory.
bool text_unexplained(const TextReport *r);

// Prints one line: where the first unexplained value is, or what explains all differences.
void text_judgement(const TextReport *r);

// Prints all values that differ, one per line.
void text_all_differences(const TextReport *r);

#endif
