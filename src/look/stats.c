// Statistics of numbers: see stats.h.
#include "look/stats.h"

#include <math.h>
#include <string.h>

void stats_add(Stats *stats, double x)
{
    stats->min = stats->n == 0 || x < stats->min ? x : stats->min;
    stats->max = stats->n == 0 || x > stats->max ? x : stats->max;
    stats->sum += x;
    stats->sum_of_squares += x * x;
    stats->n++;
}

Stats stats_of(const double *x, size_t n)
{
    Stats stats = {0};
    for (size_t i = 0; i < n; i++) {
        stats_add(&stats, x[i]);
    }
    return stats;
}

double stats_mean(const Stats *stats)
{
    return stats->n > 0 ? stats->sum / (double)stats->n : 0;
}

double stats_l2(const Stats *stats)
{
    return sqrt(stats->sum_of_squares);
}

double stats_std(const Stats *stats, const double *x)
{
    double mean = stats_mean(stats);
    double sum = 0;
    for (size_t i = 0; i < stats->n; i++) {
        double difference = x[i] - mean;
        sum += difference * difference;
    }
    return stats->n > 0 ? sqrt(sum / (double)stats->n) : 0;
}

void stats_histogram(const Stats *stats, const double *x, size_t *bins)
{
    double width = stats->max - stats->min;
    memset(bins, 0, STATS_N_BINS * sizeof *bins);
    for (size_t i = 0; i < stats->n; i++) {
        double place = width > 0 ? (x[i] - stats->min) / width * (double)STATS_N_BINS : 0;
        if (isfinite(place)) {
            size_t bin = (size_t)place;
            bins[bin < STATS_N_BINS ? bin : STATS_N_BINS - 1]++; // the last one includes max
        }
    }
}

void stats_put_json(const Stats *stats, JsonOut *out, json_t *object)
{
    json_out_number(out, object, "min", stats->min);
    json_out_number(out, object, "max", stats->max);
    json_out_number(out, object, "mean", stats_mean(stats));
    json_out_number(out, object, "l2", stats_l2(stats));
}
