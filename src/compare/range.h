// Ranges of numbers: all values that something may have. Whoever computes with them widens the
// result by what rounding may have done; the functions here add nothing for that.
#ifndef MICROGPT_RANGE_H
#define MICROGPT_RANGE_H

#include <stdbool.h>

typedef struct Range {
    double lo;
    double hi; // lo <= hi; no end is nan
} Range;

// Any number at all.
Range range_all(void);

// One number; any number at all for a nan or an infinity, of which nothing can be said.
Range range_of(double x);

// The smallest range with both ends in it; any number at all where one of them is a nan.
Range range_between(double a, double b);

// Sums and products of any number of the one and any number of the other. 0 times anything is 0.
Range range_add(Range a, Range b);
Range range_mul(Range a, Range b);
Range range_scale(Range a, double factor);

// The squares of its numbers, and their powers, exponentials and logarithms; any number at all
// where one of them has none.
Range range_square(Range a);
Range range_pow(Range a, double exponent);
Range range_exp(Range a);
Range range_log(Range a);

// The same with both ends further apart.
Range range_widen(Range a, double by);

bool range_is_finite(Range a);

// The largest absolute value in it.
double range_magnitude(Range a);

// Half of the sum of its ends, and half of their distance; nan and infinite for an infinite range.
double range_middle(Range a);
double range_half_width(Range a);

#endif
