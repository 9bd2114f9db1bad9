// The results of this machine's libm: libm itself, and powers of single numbers.
#include "kernels/exactmath.h"

#include <math.h>

double exactmath_libm(ExactFunction function, double x)
{
    static const double exponents[N_EXACT_FUNCTIONS] = {0.0, -1.0, -2.0, -1.5, -0.5, 0.5, 2.0};
    if (function == EXACT_EXP) {
        return exp(x);
    }
    // The exponent is not a constant here: compilers replace pow(x, 2.0) by x * x, which gives
    // another number for about one x in a thousand.
    return pow(x, exponents[function]);
}

bool exactmath_is_certain(double result, double rest)
{
    double size = fabs(result);
    double margin = EXACT_MARGIN_FAR;
    if (size > 0x1p-128 && size < 0x1p128) {
        margin = EXACT_MARGIN;
    }
    return fabs(rest) < (0.5 - margin) * 0x1p-52 * exactmath_power_of_two_below(size);
}

double exactmath_square(double x)
{
    double square = x * x;
    if (fabs(x) > 0x1p-400 && fabs(x) < 0x1p400 &&
        exactmath_is_certain(square, exactmath_square_rest(x, square))) {
        return square;
    }
    return exactmath_libm(EXACT_POW_2, x);
}
