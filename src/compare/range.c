// Ranges of numbers: see range.h.
#include "compare/range.h"

#include <math.h>

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
