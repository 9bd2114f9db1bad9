// The exact functions over whole arrays of Lanes: exactmath_kernels.c includes this after lanes.h.
#include "kernels/exactmath_lanes.h"
#include "kernels/exactmath_tables.h"

#include <string.h>

typedef Lanes LanesFunction(Lanes x);

// The two powers of Adam, whose kernels call libm separately.

static inline Lanes exact_pow_1_2(Lanes x)
{
    Lanes root = lanes_sqrt(x);
    return exact_power(EXACT_POW_1_2, x, root, exact_root_rest(root, x));
}

static inline Lanes exact_pow_2(Lanes x)
{
    Lanes square = x * x;
    Lanes rest = lanes_fms(x, x, square);
    return exact_power(EXACT_POW_2, x, square, rest);
}

// Each call has a constant function, so that each array function gets its own loop.
static inline __attribute__((always_inline)) void exact_apply(LanesFunction *function,
                                                              const double *x, double *y, size_t n)
{
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES) {
        lanes_store(&y[i], function(lanes_load(&x[i])));
    }
    if (i == n) {
        return;
    }
    double last[N_LANES];
    for (size_t lane = 0; lane < N_LANES; lane++) {
        last[lane] = 1.0; // no function calls libm for it
    }
    memcpy(last, &x[i], (n - i) * sizeof *x);
    lanes_store(last, function(lanes_load(last)));
    memcpy(&y[i], last, (n - i) * sizeof *y);
}

static void exp_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_exp, x, y, n);
}

static void pow_minus_1_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_minus_1, x, y, n);
}

static void pow_minus_2_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_minus_2, x, y, n);
}

static void pow_minus_3_2_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_minus_3_2, x, y, n);
}

static void pow_minus_1_2_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_minus_1_2, x, y, n);
}

static void pow_1_2_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_1_2, x, y, n);
}

static void pow_2_array(const double *x, double *y, size_t n)
{
    exact_apply(exact_pow_2, x, y, n);
}
