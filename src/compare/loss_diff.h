// Compares two files of losses: where they differ, how the difference grows, and its probable
// cause.
#ifndef MICROGPT_LOSS_DIFF_H
#define MICROGPT_LOSS_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "microgpt/error.h"

typedef struct StepLoss {
    double step;
    double loss;
} StepLoss;

// The losses of a run, in ascending order of steps.
typedef struct Losses {
    const char *file_name;
    size_t n;
    StepLoss *list; // [n]
    int n_digits;   // how many digits the losses were printed with, if they are few; otherwise 0
    int places;     // and how many after the point
} Losses;

// Reads one loss per line, `step loss`, a log whose first line names the columns step and loss, or
// lines as microgpt.py prints them, with or without the rest of its output.
// Errors: the file cannot be read; any other line; steps that are not in ascending order; no loss;
// out of memory.
bool losses_read(Losses *losses, const char *file_name, Error *error);

// Frees the losses; does nothing to zeroed ones.
void losses_free(Losses *losses);

typedef enum LossVerdict {
    LOSSES_SAME,
    LOSSES_SAME_AS_PRINTED, // one side was printed with fewer digits, and these are the same
    LOSSES_ROUNDING,        // the difference is small from the start, and grows slowly
    LOSSES_FLOATS,          // they are the same up to the rounding of single precision
    LOSSES_BUG,             // the difference is larger than rounding, from some step on
} LossVerdict;

// A step that both sides have.
typedef struct LossPair {
    double step; // as A counts it
    double losses[2];
    double difference; // relative; 0 if they are the same
} LossPair;

typedef struct LossDiff {
    const Losses *sides[2];
    size_t n;
    LossPair *pairs; // [n]
    bool is_shifted; // whether one side counts its steps from 0 and the other from 1
    bool is_single;  // whether all losses of A, or all losses of B, are floats
    size_t n_differ;
    size_t first;   // the first pair that differs; n if there is none
    size_t largest; // the pair that differs most
    size_t jump; // for LOSSES_BUG: the first one that rounding does not explain; n if there is none
    double before; // the largest relative difference before that one
    LossVerdict verdict;
} LossDiff;

// Compares the losses, which must outlive the result.
// Errors: no common step; out of memory.
bool loss_diff(LossDiff *diff, const Losses *a, const Losses *b, Error *error);

void loss_diff_free(LossDiff *diff);

void loss_diff_print_text(FILE *file, const LossDiff *diff);

// Errors: out of memory.
bool loss_diff_print_json(FILE *file, const LossDiff *diff, Error *error);

#endif
