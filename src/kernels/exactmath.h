// Exactly what this machine's libm gives, several numbers at a time.
//
// microgpt.py computes every power and exponential by libm, whose answers are not always the
// correctly rounded ones; a fast substitute has to make the same exceptions. It can, because libm's
// error is bounded: the kernels (exactmath_lanes.h) compute the exact result to some 60 bits or
// more, and round it. Only where the exact result lies so close to the middle between two doubles
// that libm might have taken the other one is libm asked: for about one number in twenty.
#ifndef MICROGPT_EXACTMATH_H
#define MICROGPT_EXACTMATH_H

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

// libm's own answer: the definition of what is right.
double exactmath_libm(ExactFunction function, double x);

// 2^k where 2^k <= x < 2^(k+1), for a normal x > 0: its exponent field alone. 2^-52 times that is a
// unit in x's last place.
static inline double exactmath_power_of_two_below(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0x7FF0000000000000);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// The first 26 bits of x: their square is exact.
static inline double exactmath_high_part(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0xFFFFFFFFF8000000);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// What rounding took away: x * x = square + rest, to 2^-26 of a unit in square's last place. The
// first difference is exact, and the second product is what x has beyond its first 26 bits.
// Requires: 2^-400 < |x| < 2^400, square = x * x.
static inline double exactmath_square_rest(double x, double square)
{
    double high = exactmath_high_part(x);
    return (high * high - square) + (x - high) * (x + high);
}

// x - root * root in the same way, to 2^-22 of root times a unit in its last place.
// Requires: 2^-700 < x < 2^700, root = sqrt(x).
static inline double exactmath_root_remainder(double root, double x)
{
    double high = exactmath_high_part(root);
    return (x - high * high) - (root - high) * (root + high);
}

// pow(x, 2) and pow(x, 0.5) for single numbers without vector instructions, again without libm
// where it can be in no doubt.
double exactmath_square(double x);
double exactmath_root(double x);

// How far libm's error may go beyond the half unit in the last place (ULP) that rounding costs.
//
// glibc since 2.28 has S. Nagy's exp and pow. Their sources state the worst cases: exp 0.511 ULP
// built without FMA (0.509 with); pow the same plus |log(result)| * 2^53 * 1.5 * 2^-68. That makes
// 0.5123 ULP for results in [2^-40, 2^40], 0.5151 in [2^-128, 2^128], 0.5435 at the ends of the
// range of doubles. Later versions that round correctly are inside the same bounds. Tests of
// some million hard inputs on glibc 2.36 pass with margins of 0.008 with FMA and 0.010 without, and
// fail with 0.006 and 0.008.
//
// Any other libm: one ULP is far more than can be in doubt between two neighbours, so every number
// is libm's. (A program built with glibc >= 2.29 does not start with an older one.)
#ifndef EXACT_MARGIN
#include <features.h>
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
