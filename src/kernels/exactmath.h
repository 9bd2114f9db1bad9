// The results of this machine's libm, for several numbers at a time.
//
// microgpt.py computes every power and exponential with libm, whose results are not always
// correctly rounded. A fast substitute has to give the same results. It can, because libm's error
// is bounded: the kernels (exactmath_lanes.h) compute the result to some 60 bits or more, and round
// it. If the result is so close to the midpoint of two doubles that libm might give the other one,
// they call libm. This happens for about one number in twenty.
#ifndef MICROGPT_EXACTMATH_H
#define MICROGPT_EXACTMATH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum ExactFunction {
    EXACT_EXP,           // exp(x)
    EXACT_POW_MINUS_1,   // pow(x, -1)
    EXACT_POW_MINUS_2,   // pow(x, -2)
    EXACT_POW_MINUS_3_2, // pow(x, -1.5)
    EXACT_POW_MINUS_1_2, // pow(x, -0.5)
    EXACT_POW_1_2,       // pow(x, 0.5)
    EXACT_POW_2,         // pow(x, 2)
    N_EXACT_FUNCTIONS,
} ExactFunction;

// Calls libm. The other functions must give the same results.
double exactmath_libm(ExactFunction function, double x);

// Returns 2^k with 2^k <= x < 2^(k+1), for a normal x > 0: the exponent field of x. Times 2^-52,
// this is one ULP of x.
static inline double exactmath_power_of_two_below(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0x7FF0000000000000);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Returns the first 26 bits of x; the square of these is exact.
static inline double exactmath_high_part(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0xFFFFFFFFF8000000);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Returns the rounding error rest of a square, x * x = square + rest, to 2^-26 ULP of square. The
// first difference is exact, and the second product has the bits of x after the first 26.
// Requires: 2^-400 < |x| < 2^400, square = x * x.
static inline double exactmath_square_rest(double x, double square)
{
    double high = exactmath_high_part(x);
    return (high * high - square) + (x - high) * (x + high);
}

// Returns x - root * root in the same way, to 2^-22 of root times its ULP.
// Requires: 2^-700 < x < 2^700, root = sqrt(x).
static inline double exactmath_root_remainder(double root, double x)
{
    double high = exactmath_high_part(root);
    return (x - high * high) - (root - high) * (root + high);
}

// Returns whether libm must round result + rest to result.
bool exactmath_is_certain(double result, double rest);

// pow(x, 2) for single numbers without vector instructions. Calls libm only if its result is in
// doubt.
double exactmath_square(double x);

// By how much libm's error may exceed the half ULP (unit in the last place) of correct rounding.
//
// glibc since 2.28 has S. Nagy's exp and pow. Their sources state the worst cases: for exp 0.511
// ULP without FMA and 0.509 with FMA; for pow the same plus |log(result)| * 2^53 * 1.5 * 2^-68.
// That is 0.5123 ULP for results in [2^-40, 2^40], 0.5151 in [2^-128, 2^128], and 0.5435 at the
// ends of the range of doubles. Later versions, which round correctly, are within the same bounds.
// Tests of some million hard inputs on glibc 2.36 pass with margins of 0.008 with FMA and 0.010
// without, and fail with 0.006 and 0.008.
//
// For any other libm the margin is a whole ULP, so that every number is in doubt and computed by
// libm. (A program built with glibc >= 2.29 does not start with an older one.)
#ifndef EXACT_MARGIN
#include <math.h> // defines __GLIBC__
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 28)
#define EXACT_MARGIN_NEAR 0.014 // exp, powers in [2^-40, 2^40]
#define EXACT_MARGIN 0.016      // powers in [2^-128, 2^128]
#define EXACT_MARGIN_FAR 0.06   // all powers that are normal numbers
#endif
#endif
#endif
#ifndef EXACT_MARGIN
#define EXACT_MARGIN_NEAR 1.0
#define EXACT_MARGIN 1.0
#define EXACT_MARGIN_FAR 1.0
#endif

#endif
