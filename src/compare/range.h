// Ranges of numbers: all values that something may have. The functions ignore rounding; the caller
// widens the result for it.
//
// All functions are here, because comparing two graphs calls them a hundred million times.
#ifndef MICROGPT_RANGE_H
#define MICROGPT_RANGE_H

#include <math.h>
#include <stdbool.h>

typedef struct Range {
    double lo;
    double hi; // lo <= hi; neither is NaN
} Range;

// Returns the range of all numbers.
static inline Range range_all(void)
{
    return (Range){-INFINITY, INFINITY};
}

// Returns the range of one number; all numbers if x is NaN or infinite.
static inline Range range_of(double x)
{
    return isfinite(x) ? (Range){x, x} : range_all();
}

// Returns the smallest range that contains both numbers; all numbers if one of them is NaN.
static inline Range range_between(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return range_all();
    }
    return (Range){a < b ? a : b, a < b ? b : a};
}

// Returns the range with these ends, lo <= hi; all numbers if one of them is NaN.
static inline Range range_with_ends(double lo, double hi)
{
    return isnan(lo) || isnan(hi) ? range_all() : (Range){lo, hi};
}

// An infinite end is a limit that is not reached, so 0 times infinity is 0 here.
static inline double range_product(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

// Return the range of the sums or products of any two numbers of the ranges. 0 times anything is 0.
static inline Range range_add(Range a, Range b)
{
    return range_with_ends(a.lo + b.lo, a.hi + b.hi);
}

static inline Range range_mul(Range a, Range b)
{
    double products[] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi};
    if (!isfinite(products[0] + products[1] + products[2] + products[3])) {
        Range left = range_between(range_product(a.lo, b.lo), range_product(a.lo, b.hi));
        Range right = range_between(range_product(a.hi, b.lo), range_product(a.hi, b.hi));
        return (Range){left.lo < right.lo ? left.lo : right.lo,
                       left.hi > right.hi ? left.hi : right.hi};
    }
    double lo_left = products[0] < products[1] ? products[0] : products[1];
    double lo_right = products[2] < products[3] ? products[2] : products[3];
    double hi_left = products[0] > products[1] ? products[0] : products[1];
    double hi_right = products[2] > products[3] ? products[2] : products[3];
    return (Range){(lo_left < lo_right ? lo_left : lo_right) + 0.0,
                   (hi_left > hi_right ? hi_left : hi_right) + 0.0};
}

static inline Range range_scale(Range a, double factor)
{
    return factor == 1 ? a : range_mul(a, range_of(factor));
}

// Return the range of the squares, powers, exponentials or logarithms of the range's numbers; all
// numbers if one of these is not defined.
static inline Range range_square(Range a)
{
    Range ends = range_between(a.lo * a.lo, a.hi * a.hi);
    return a.lo < 0 && a.hi > 0 ? (Range){0, ends.hi} : ends;
}

static inline Range range_pow(Range a, double exponent)
{
    if (exponent == 2) {
        return range_square(a);
    }
    bool has_power = a.lo > 0 || (exponent == 1);
    return has_power ? range_between(pow(a.lo, exponent), pow(a.hi, exponent)) : range_all();
}

static inline Range range_exp(Range a)
{
    return (Range){exp(a.lo), exp(a.hi)};
}

static inline Range range_log(Range a)
{
    return a.lo > 0 ? (Range){log(a.lo), log(a.hi)} : range_all();
}

// Returns the range with both ends moved outwards.
static inline Range range_widen(Range a, double by)
{
    return range_with_ends(a.lo - by, a.hi + by);
}

static inline bool range_is_finite(Range a)
{
    return isfinite(a.lo) && isfinite(a.hi);
}

// Returns the largest absolute value in the range.
static inline double range_magnitude(Range a)
{
    double lo = fabs(a.lo);
    double hi = fabs(a.hi);
    return lo > hi ? lo : hi;
}

// Return half the sum of the ends, and half their distance; NaN and infinity for an infinite range.
static inline double range_middle(Range a)
{
    return range_is_finite(a) ? a.lo / 2 + a.hi / 2 : (double)NAN;
}

static inline double range_half_width(Range a)
{
    return a.hi / 2 - a.lo / 2;
}

#endif
