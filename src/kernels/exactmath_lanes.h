// exp and four powers of Lanes, bit-identical to libm's. Include lanes.h first.
//
// Each function computes high + low, the result with far more bits than a double has;
// exact_round() then finds the double that libm returns. In the comments, ULP is the distance of
// two doubles at the result.
#ifndef MICROGPT_EXACTMATH_LANES_H
#define MICROGPT_EXACTMATH_LANES_H

#include "kernels/exactmath.h"
#include "kernels/exp_table.h"

// Replaces the lanes whose bits are set with libm's results.
static __attribute__((noinline, cold)) Lanes exact_by_libm(ExactFunction function, Lanes x, Lanes y,
                                                           unsigned bits)
{
    double numbers[N_LANES];
    double results[N_LANES];
    lanes_store(numbers, x);
    lanes_store(results, y);
    while (bits != 0) {
        int lane = __builtin_ctz(bits);
        results[lane] = exactmath_libm(function, numbers[lane]);
        bits &= bits - 1;
    }
    return lanes_load(results);
}

// Rounds a result high + low as libm does: if both ends of the margin around it round to the same
// double, libm returns this double; otherwise the lane is doubtful. (With a margin of a whole ULP,
// every lane is.)
// Requires: |low| <= 1 ULP of high; margin in absolute terms.
static inline Lanes exact_round(Lanes high, Lanes low, Lanes margin, LaneMask *doubtful)
{
    Lanes above = high + (low + margin);
    Lanes below = high + (low - margin);
    *doubtful = lanes_not_equal(above, below);
    return above;
}

// exp(x) = 2^(k/16) * exp(r), k an integer, |r| <= ln(2)/32. The first factor is from a table, the
// second from the Taylor series, whose largest terms 1 + r are exact. The error is below 2^-63 of
// the result, 0.001 ULP; EXACT_MARGIN_NEAR includes this.
//
// This function does not call libm: a lane is certain if its bit of doubt is not set.
static inline Lanes exact_exp_try(Lanes x, unsigned *doubt)
{
    // Outside of this range, results are subnormal, zero, infinite or NaN, and libm rounds them
    // twice or not at all.
    LaneMask unusual =
        lanes_either(lanes_not_less(x, lanes_all(709.0)), lanes_not_less(lanes_all(-707.0), x));

    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the lowest bits.
    Lanes shift = lanes_all(0x1.8p52);
    Lanes shifted_k = lanes_fma(x, lanes_all(exp_steps_per_unit), shift);
    Lanes k = shifted_k - shift;
    // Both products with k and the first difference are exact, except for the last bits of r_low.
    Lanes r_high = x - k * lanes_all(exp_step_high);
    Lanes r_low = lanes_fnma(k, lanes_all(exp_step_low), lanes_all(0.0));
    Lanes r = r_high + r_low;

    // rest = exp(r) - 1 - r_high, and series = 1/2 + r/6 + ... + r^6/8!, two halves at a time.
    Lanes r2 = r * r;
    Lanes c01 = lanes_fma(r, lanes_all(1.0 / 6), lanes_all(1.0 / 2));
    Lanes c23 = lanes_fma(r, lanes_all(1.0 / 120), lanes_all(1.0 / 24));
    Lanes c45 = lanes_fma(r, lanes_all(1.0 / 5040), lanes_all(1.0 / 720));
    Lanes c456 = lanes_fma(r2, lanes_all(1.0 / 40320), c45);
    Lanes series = lanes_fma(r2, lanes_fma(r2, c456, c23), c01);
    Lanes rest = lanes_fma(r2, series, r_low);

    // table_high * (1 + r_high) exactly, as high + (sum_error + product_error); then small terms.
    Lanes table_high = lanes_lookup(exp_table_high, shifted_k);
    Lanes table_low = lanes_lookup(exp_table_low, shifted_k);
    Lanes product = table_high * r_high;
    Lanes product_error = lanes_fms(table_high, r_high, product);
    Lanes high = table_high + product;
    Lanes sum_error = (table_high - high) + product;
    Lanes small = lanes_fma(table_high, rest, lanes_fma(table_low, r, table_low));
    Lanes low = sum_error + (product_error + small);

    // high is in [0.97, 2): its ULP is 2^-52, or half of that; then the margin is twice as wide as
    // necessary.
    LaneMask doubtful;
    Lanes y = exact_round(high, low, lanes_all(EXACT_MARGIN_NEAR * 0x1p-52), &doubtful);
    *doubt = lanes_bits(lanes_either(doubtful, unusual));
    return lanes_scale(y, shifted_k);
}

static inline Lanes exact_exp(Lanes x)
{
    unsigned doubt;
    Lanes y = exact_exp_try(x, &doubt);
    if (__builtin_expect(doubt != 0, 0)) {
        y = exact_by_libm(EXACT_EXP, x, y, doubt);
    }
    return y;
}

// Returns libm's power, given high + low, the power of x with a relative error of at most 2^-80.
static inline Lanes exact_power(ExactFunction function, Lanes x, Lanes high, Lanes low)
{
    // In this range no intermediate result overflows or loses bits to underflow, and powers are in
    // [2^-40, 2^40]. Outside are zeros, negative numbers, infinities, NaN and a few other numbers.
    LaneMask unusual =
        lanes_either(lanes_not_less(lanes_all(0x1p-20), x), lanes_not_less(x, lanes_all(0x1p20)));
    Lanes margin = lanes_exponent(high) * lanes_all(EXACT_MARGIN_NEAR * 0x1p-52);
    LaneMask doubtful;
    Lanes y = exact_round(high, low, margin, &doubtful);
    unsigned bits = lanes_bits(lanes_either(doubtful, unusual));
    if (__builtin_expect(bits != 0, 0)) {
        y = exact_by_libm(function, x, y, bits);
    }
    return y;
}

// Returns the difference of 1 / (high + low) and its approximation q.
static inline Lanes exact_quotient_rest(Lanes q, Lanes high, Lanes low)
{
    Lanes remainder = lanes_fnma(q, high, lanes_all(1.0)); // exact: q is close enough
    return lanes_fnma(q, low, remainder) * q;
}

// Returns the difference of the exact square root of x and root, which is rounded. The remainder is
// exact.
static inline Lanes exact_root_rest(Lanes root, Lanes x)
{
    return lanes_fnma(root, root, x) / (root + root);
}

static inline Lanes exact_pow_minus_1(Lanes x)
{
    Lanes q = lanes_all(1.0) / x;
    Lanes rest = exact_quotient_rest(q, x, lanes_all(0.0));
    return exact_power(EXACT_POW_MINUS_1, x, q, rest);
}

static inline Lanes exact_pow_minus_2(Lanes x)
{
    Lanes square = x * x;
    Lanes square_rest = lanes_fms(x, x, square);
    Lanes q = lanes_all(1.0) / square;
    Lanes rest = exact_quotient_rest(q, square, square_rest);
    return exact_power(EXACT_POW_MINUS_2, x, q, rest);
}

static inline Lanes exact_pow_minus_3_2(Lanes x)
{
    Lanes root = lanes_sqrt(x);
    Lanes root_rest = exact_root_rest(root, x);
    Lanes product = x * root;
    Lanes product_rest = lanes_fms(x, root, product);
    Lanes q = lanes_all(1.0) / product;
    Lanes rest = exact_quotient_rest(q, product, lanes_fma(x, root_rest, product_rest));
    return exact_power(EXACT_POW_MINUS_3_2, x, q, rest);
}

static inline Lanes exact_pow_minus_1_2(Lanes x)
{
    Lanes root = lanes_sqrt(x);
    Lanes q = lanes_all(1.0) / root;
    Lanes rest = exact_quotient_rest(q, root, exact_root_rest(root, x));
    return exact_power(EXACT_POW_MINUS_1_2, x, q, rest);
}

#endif
