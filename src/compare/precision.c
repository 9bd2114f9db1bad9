// Finds the precision: see precision.h.
#include "compare/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_SAMPLES = 4096, // the most numbers that are counted
    NUMBER_BYTES = 32,
};

// How many numbers distinguish the precisions, and how many of them are of single precision.
typedef struct Count {
    size_t n;
    size_t n_single;
} Count;

// Returns whether nine decimal digits give the number. They identify any number of single
// precision, and a port may write only these. Hardly any other double is that short.
static bool has_nine_digits(double x)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%.9g", x);
    return strtod(text, NULL) == x;
}

static bool is_single_number(double x)
{
    return (double)(float)x == x || has_nine_digits(x);
}

// Counts a number, unless it has few digits on both sides.
static void count(Count *count, double own, double other)
{
    if (!isfinite(own) || own == 0) {
        return;
    }
    bool is_single = is_single_number(own);
    if (!is_single || own != other) {
        count->n++;
        count->n_single += is_single;
    }
}

static bool is_mostly_single(const Count *count)
{
    return count->n > 0 && count->n_single > count->n / 2;
}

static size_t count_known(const GraphDiff *diff)
{
    size_t n = 0;
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        n += diff->counterpart[i] != NO_NODE;
    }
    return n;
}

bool precision_is_single(const GraphDiff *diff, int side)
{
    Count of_params = {0, 0};
    Count of_computed = {0, 0};
    size_t n_leaves = diff->has_graph ? dump_n_leading_leaves(diff->dumps[diff->base]) : 0;
    size_t stride = count_known(diff) / MAX_SAMPLES + 1;
    size_t n_known = 0;
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff->counterpart[i] == NO_NODE || n_known++ % stride != 0) {
            continue;
        }
        count(i < n_leaves ? &of_params : &of_computed, diff_data(diff, side, i),
              diff_data(diff, 1 - side, i));
        if (diff_has_grads(diff, i)) {
            count(&of_computed, diff_grad(diff, side, i), diff_grad(diff, 1 - side, i));
        }
    }
    return is_mostly_single(of_computed.n > 0 ? &of_computed : &of_params);
}
