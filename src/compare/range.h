// Ranges of numbers: all values that something may have. The functions ignore rounding; the caller
// widens the result for it.
#ifndef MICROGPT_RANGE_H
#define MICROGPT_RANGE_H

#include <stdbool.h>

typedef struct Range {
    double lo;
    double hi; // lo <= hi; neither is NaN
} Range;

// Returns the range of all numbers.
Range range_all(void);

// Returns the range of one number; all numbers if x is NaN or infinite.
Range range_of(double x);

// Returns the smallest range that contains both numbers; all numbers if one of them is NaN.
Range range_between(double a, double b);

// Return the range of the sums or products of any two numbers of the ranges. 0 times anything is 0.
Range range_add(Range a, Range b);
Range range_mul(Range a, Range b);
Range range_scale(Range a, double factor);

// Return the range of the squares, powers, exponentials or logarithms of the range's numbers; all
// numbers if one of these is not defined.
Range range_square(Range a);
Range range_pow(Range a, double exponent);
Range range_exp(Range a);
Range range_log(Range a);

// Returns the range with both ends moved outwards.
Range range_widen(Range a, double by);

bool range_is_finite(Range a);

// Returns the largest absolute value in the range.
double range_magnitude(Range a);

// Return half the sum of the ends, and half their distance; NaN and infinity for an infinite range.
double range_middle(Range a);
double range_half_width(Range a);

#endif
