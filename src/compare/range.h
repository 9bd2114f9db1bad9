// Ranges of numbers: all values that something may have. These functions do not account for
// rounding: the caller widens the result.
#ifndef MICROGPT_RANGE_H
#define MICROGPT_RANGE_H

#include <stdbool.h>

typedef struct Range {
    double lo;
    double hi; // lo <= hi; neither is NaN
} Range;

// Any number at all.
Range range_all(void);

// One number; any number at all if x is NaN or infinite.
Range range_of(double x);

// The smallest range with both numbers in it; any number at all if one of them is NaN.
Range range_between(double a, double b);

// The sums and products of any two numbers of the ranges. 0 times anything is 0.
Range range_add(Range a, Range b);
Range range_mul(Range a, Range b);
Range range_scale(Range a, double factor);

// The squares of the range's numbers, their powers, exponentials and logarithms; any number at all
// if one of them is not defined.
Range range_square(Range a);
Range range_pow(Range a, double exponent);
Range range_exp(Range a);
Range range_log(Range a);

// The range with both ends moved outwards.
Range range_widen(Range a, double by);

bool range_is_finite(Range a);

// The largest absolute value in it.
double range_magnitude(Range a);

// Half of the sum of its ends, and half of their distance; NaN and infinity for an infinite range.
double range_middle(Range a);
double range_half_width(Range a);

#endif
