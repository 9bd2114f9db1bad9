// A vector of numbers in a few: range, mean, spread, length, and a small histogram.
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

// Takes one number more; a zeroed Stats has none.
void stats_add(Stats *stats, double x);

// Of all numbers; 0 where there are none.
Stats stats_of(const double *x, size_t n);

// Formula: sum / n
double stats_mean(const Stats *stats);

// Formula: sqrt(sum of squares)
double stats_l2(const Stats *stats);

// The standard deviation of all there is (not of a sample): it needs the numbers once more.
// Formula: sqrt(sum((x - mean)^2) / n)
double stats_std(const Stats *stats, const double *x);

enum {
    STATS_N_BINS = 20,
};

// Counts the numbers in bins of equal width from min to max; those that are not finite are left
// out. Shapes: bins [STATS_N_BINS].
void stats_histogram(const Stats *stats, const double *x, size_t *bins);

// Adds min, max, mean and l2 to an object.
void stats_put_json(const Stats *stats, JsonOut *out, json_t *object);

#endif
