// Which rule explains what a port made of its parameters in one step: Adam as microgpt.py has it,
// or one of the usual mistakes.
#ifndef MICROGPT_UPDATE_DIFF_H
#define MICROGPT_UPDATE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compare/update_values.h"
#include "microgpt/error.h"

enum {
    UPDATE_MAX_RULES = 12, // that explain one update
    UPDATE_RULE_BYTES = 160,
};

typedef enum UpdateVerdict {
    UPDATE_SAME,        // all parameters after it have the same bits
    UPDATE_FOLLOWS,     // by the right rule, from other gradients or parameters
    UPDATE_ROUNDING,    // by the right rule, but for rounding
    UPDATE_EXPLAINED,   // by another rule
    UPDATE_UNEXPLAINED, // by none that is known here
    UPDATE_NO_CLAIM,    // A's is not by the right rule, or the moments are not known
} UpdateVerdict;

typedef struct UpdateDiff {
    const UpdateValues *values;
    UpdateVerdict verdict;
    bool is_single;       // B's numbers are floats
    double rate;          // the learning rate that explains A's step
    size_t n_data_differ; // parameters that differ before the update, and their gradients
    size_t n_grads_differ;
    size_t n_next_differ;
    size_t n_unexplained; // parameters that the right rule does not explain
    size_t first;         // of them
    size_t n_rules;
    char rules[UPDATE_MAX_RULES][UPDATE_RULE_BYTES]; // what explains B's step, the likeliest first
} UpdateDiff;

// The values must outlive the result.
// Errors: out of memory.
bool update_diff(UpdateDiff *diff, const UpdateValues *values, Error *error);

void update_diff_print_text(FILE *file, const UpdateDiff *diff);

// Errors: out of memory.
bool update_diff_print_json(FILE *file, const UpdateDiff *diff, Error *error);

#endif
