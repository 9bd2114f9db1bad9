// What the parts of the report for people share: see diff_report.h.
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

// A or B.
char text_side(int side);

// A number in hexadecimal and decimal digits, behind a name.
void text_number(const TextReport *r, const char *name, double number);

// `pos0.norm[3] (node 4193, mul)`
void text_node(const TextReport *r, uint32_t node_id);

// What rounding does not explain, the kind that matters first with all that is known of it; or that
// there is nothing.
// Errors: out of memory.
bool text_unexplained(const TextReport *r);

// One line that says where the first unexplained value is, or what explains all differences.
void text_judgement(const TextReport *r);

// All values that differ, one a line.
void text_all_differences(const TextReport *r);

#endif
