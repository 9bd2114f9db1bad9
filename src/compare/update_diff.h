// Finds the rule that explains a port's update of its parameters in one step: Adam as in
// microgpt.py, or one of the usual mistakes.
#ifndef MICROGPT_UPDATE_DIFF_H
#define MICROGPT_UPDATE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compare/update_values.h"
#include "microgpt/error.h"

enum {
    UPDATE_MAX_RULES = 12, // how many rules that explain one update are kept
    UPDATE_RULE_BYTES = 160,
};

typedef enum UpdateVerdict {
    UPDATE_SAME,        // all parameters after the update have the same bits
    UPDATE_FOLLOWS,     // B follows the correct rule, applied to different gradients or parameters
    UPDATE_ROUNDING,    // B follows the correct rule, up to rounding
    UPDATE_EXPLAINED,   // B follows another rule
    UPDATE_UNEXPLAINED, // B follows an unknown rule
    UPDATE_NO_CLAIM,    // not known: A's rule is not the correct one, or there are no moments
} UpdateVerdict;

typedef struct UpdateDiff {
    const UpdateValues *values;
    UpdateVerdict verdict;
    bool is_single;       // B's numbers are floats
    double rate;          // the learning rate that explains A's step
    size_t n_data_differ; // how many parameters differ before the update, or in their gradients
    size_t n_grads_differ;
    size_t n_next_differ;
    size_t n_unexplained;     // how many parameters the correct rule does not explain
    size_t n_apart;           // how many of them differ from A's before the update
    size_t first;             // the first of them
    bool has_no_memory;       // B's moments before the update are all 0, and A's are not
    bool is_left_over;        // whether B adds the gradients of this step to those of the next one
    const char *left_over_in; // a parameter of the only matrix in which it does; NULL: in all
    size_t n_rules;
    // The rules that explain B's step, the most likely one first.
    char rules[UPDATE_MAX_RULES][UPDATE_RULE_BYTES];
} UpdateDiff;

// Compares the updates. The values must outlive the result.
// Errors: out of memory.
bool update_diff(UpdateDiff *diff, const UpdateValues *values, Error *error);

void update_diff_print_text(FILE *file, const UpdateDiff *diff);

// Errors: out of memory.
bool update_diff_print_json(FILE *file, const UpdateDiff *diff, Error *error);

#endif
