// The clock and the statistics of the measurements: see timing.h.
#include "bench/timing.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static double read_us(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

double timing_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

double timing_used_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

Timing timing_of(double *numbers, size_t n)
{
    assert(n > 0);
    qsort(numbers, n, sizeof *numbers, compare_doubles);
    return (Timing){numbers[0], numbers[n / 2]};
}

// Counts two operations per weight and position forward, and four backward (for the gradients of
// the input and of the weight).
double timing_operations(const ModelConfig *config, size_t n_positions)
{
    double n_embd = config->n_embd;
    double n = (double)n_positions;
    double per_layer = 12 * n_embd * n_embd * n + n_embd * n * (n + 1);
    return 6 * (config->n_layer * per_layer + config->vocab_size * n_embd * n);
}

double timing_asked(const Adam *adam, size_t n_steps)
{
    return 1e5 * (double)adam->n_asked / ((double)adam->n_params * (double)n_steps);
}

json_t *timing_put_json(JsonOut *out, json_t *parent, const char *key, Timing timing)
{
    json_t *object = json_out_object(out, parent, key);
    json_out_number(out, object, "min", timing.min);
    json_out_number(out, object, "median", timing.median);
    return object;
}
