// The common part of the measurements: the clock, statistics, and the operations of a document.
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

// Returns the microseconds since some point in the past.
double timing_now_us(void);

// Returns the microseconds of processor time of this thread, which does not depend on other load.
double timing_used_us(void);

// Returns minimum and median. Sorts the numbers. Requires: n > 0.
Timing timing_of(double *numbers, size_t n);

// Adds an object with both numbers; more may be added to it.
json_t *timing_put_json(JsonOut *out, json_t *parent, const char *key, Timing timing);

// Returns the number of products and sums in a document's forward and backward: those of the linear
// layers and of attention.
double timing_operations(const ModelConfig *config, size_t n_positions);

// Returns how many of 100,000 parameters Adam computed with libm in the n_steps steps so far.
double timing_asked(const Adam *adam, size_t n_steps);

#endif
