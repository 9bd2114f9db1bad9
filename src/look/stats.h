// Statistics of a vector: range, mean, standard deviation, L2 norm, and a small histogram.
#ifndef MICROGPT_STATS_H
#define MICROGPT_STATS_H

#include <stddef.h>

#include "cli/json_out.h"

typedef struct Stats {
    size_t n;
    double min;
    double max;
    double sum;
    double sum_of_squares;
} Stats;

// Adds a number; a zeroed Stats has none.
void stats_add(Stats *stats, double x);

// Returns the statistics of n numbers; all are 0 if n is 0.
Stats stats_of(const double *x, size_t n);

// Formula: sum / n
double stats_mean(const Stats *stats);

// Formula: sqrt(sum of squares)
double stats_l2(const Stats *stats);

// Returns the standard deviation of the whole population (not of a sample), from the same numbers.
// Formula: sqrt(sum((x - mean)^2) / n)
double stats_std(const Stats *stats, const double *x);

enum {
    STATS_N_BINS = 20,
};

// Counts the numbers in bins of equal width from min to max; skips those that are not finite.
// Shapes: bins [STATS_N_BINS].
void stats_histogram(const Stats *stats, const double *x, size_t *bins);

// Adds min, max, mean and l2 to an object.
void stats_put_json(const Stats *stats, JsonOut *out, json_t *object);

#endif
