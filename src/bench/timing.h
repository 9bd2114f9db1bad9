// What the measurements share: the clock, what many times come to, and how much work a document is.
#ifndef MICROGPT_TIMING_H
#define MICROGPT_TIMING_H

#include <stddef.h>

#include "cli/json_out.h"
#include "microgpt/adam.h"
#include "microgpt/model.h"

typedef struct Timing {
    double min;
    double median;
} Timing;

// Microseconds since some point in the past.
double timing_now_us(void);

// Microseconds of processor time that this thread has used, which others' load does not lengthen.
double timing_used_us(void);

// Sorts the numbers. Requires: n > 0.
Timing timing_of(double *numbers, size_t n);

// Adds an object with both numbers; more may be added to it.
json_t *timing_put_json(JsonOut *out, json_t *parent, const char *key, Timing timing);

// The products and sums of a document's forward and backward, those of linear layers and attention.
double timing_operations(const ModelConfig *config, size_t n_positions);

// How many of 100,000 parameters Adam has left to libm, in the n_steps steps so far.
double timing_asked(const Adam *adam, size_t n_steps);

#endif
