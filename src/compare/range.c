// Ranges of numbers: see range.h.
#include "compare/range.h"

#include <math.h>

Range range_all(void)
{
    return (Range){-INFINITY, INFINITY};
}

Range range_of(double x)
{
    return isfinite(x) ? (Range){x, x} : range_all();
}

Range range_between(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return range_all();
    }
    return a < b ? (Range){a, b} : (Range){b, a};
}

Range range_add(Range a, Range b)
{
    return range_between(a.lo + b.lo, a.hi + b.hi);
}

// An infinite end is a limit that is not reached, so 0 times infinity is 0 here.
static double product(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

Range range_mul(Range a, Range b)
{
    Range left = range_between(product(a.lo, b.lo), product(a.lo, b.hi));
    Range right = range_between(product(a.hi, b.lo), product(a.hi, b.hi));
    return (Range){fmin(left.lo, right.lo), fmax(left.hi, right.hi)};
}

Range range_scale(Range a, double factor)
{
    return range_mul(a, range_of(factor));
}

Range range_square(Range a)
{
    Range ends = range_between(a.lo * a.lo, a.hi * a.hi);
    return a.lo < 0 && a.hi > 0 ? (Range){0, ends.hi} : ends;
}

Range range_pow(Range a, double exponent)
{
    if (exponent == 2) {
        return range_square(a);
    }
    bool has_power = a.lo > 0 || (exponent == 1);
    return has_power ? range_between(pow(a.lo, exponent), pow(a.hi, exponent)) : range_all();
}

Range range_exp(Range a)
{
    return (Range){exp(a.lo), exp(a.hi)};
}

Range range_log(Range a)
{
    return a.lo > 0 ? (Range){log(a.lo), log(a.hi)} : range_all();
}

Range range_widen(Range a, double by)
{
    return range_between(a.lo - by, a.hi + by);
}

bool range_is_finite(Range a)
{
    return isfinite(a.lo) && isfinite(a.hi);
}

double range_magnitude(Range a)
{
    return fmax(fabs(a.lo), fabs(a.hi));
}

double range_middle(Range a)
{
    return range_is_finite(a) ? a.lo / 2 + a.hi / 2 : (double)NAN;
}

double range_half_width(Range a)
{
    return a.hi / 2 - a.lo / 2;
}
