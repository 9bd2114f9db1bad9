// Adam over Lanes, for one instruction set: adam_avx2.c and adam_avx512.c include this after their
// lanes_*.h.
//
// Of four divisions and roots per parameter two are left to the divider, which is the slowest unit:
// the corrections are constants, and dividing by a constant is a multiplication, then one step that
// makes the quotient exact.
#include "adam_kernels.h"
#include "exactmath.h"

#include <math.h>
#include <string.h>

// A divisor, and whether its reciprocal will do.
typedef struct Divisor {
    double number;
    double reciprocal; // rounded
} Divisor;

// Whether divide() by the reciprocal is always correctly rounded.
//
// With y = divisor, z = 1/y rounded, q = x * z rounded, r = x - q * y (exact), the result q + r * z
// is x / y rounded if q is less than one ULP off (Markstein). For x and y scaled to [1, 2): the
// error of q before rounding is at most x * 2^-54, half an ULP where x >= y; where x < y it is less
// than one, so that with the rounding q may be 1.5 ULP off; but then it takes x > 2 - 3 * 2^-52 for
// x/y to be so near a midpoint that the last step errs, and y > x. So all divisors are good but the
// last few below a power of two: for a correction 1 - beta**step the last ones before it becomes 1.
static bool has_good_reciprocal(double divisor)
{
    int exponent;
    return frexp(divisor, &exponent) < 1 - 8 * 0x1p-53;
}

static inline __attribute__((always_inline)) Lanes divide(Lanes x, Divisor by, bool by_reciprocal)
{
    Lanes y = lanes_all(by.number);
    if (!by_reciprocal) {
        return x / y;
    }
    Lanes z = lanes_all(by.reciprocal);
    Lanes q = x * z;
    return lanes_fma(lanes_fnma(q, y, x), z, q);
}

enum {
    LAG = 8 * N_LANES, // how many parameters the second half is behind the first
};

// What the first half leaves for the second, of the last LAG parameters: parameter i's is at i mod
// LAG.
typedef struct Halfway {
    double v_hat[LAG];
    double root[LAG]; // of v_hat, correctly rounded
} Halfway;

// Squares the lanes of doubt as libm does. Returns false where a square is not finite.
static __attribute__((noinline, cold)) bool repair_moments(const double *g, double *m, double *v,
                                                           Lanes new_m, Lanes new_v, unsigned doubt,
                                                           const AdamStep *step)
{
    double old_v[N_LANES];
    bool finite = true;
    memcpy(old_v, v, sizeof old_v);
    lanes_store(m, new_m);
    lanes_store(v, new_v);
    for (; doubt != 0; doubt &= doubt - 1) {
        int i = __builtin_ctz(doubt);
        double square = exactmath_square(g[i]);
        v[i] = step->beta2 * old_v[i] + step->one_minus_beta2 * square;
        finite = finite && isfinite(square);
    }
    return finite;
}

// Updates N_LANES parameters' m and v. s is a copy of step.
static inline __attribute__((always_inline)) bool
update_moments(const double *g, double *m, double *v, const AdamStep *s, const AdamStep *step)
{
    Lanes grad = lanes_load(g);
    Lanes new_m = lanes_all(s->beta1) * lanes_load(m) + lanes_all(s->one_minus_beta1) * grad;

    // If the square's exact rest is so large that libm may go to the neighbour, this factor does.
    Lanes square = grad * grad;
    Lanes rest = lanes_fms(grad, grad, square);
    Lanes other_square = lanes_fma(rest, lanes_all(1 / (1 - 2 * EXACT_MARGIN)), square);
    Lanes old_v = lanes_all(s->beta2) * lanes_load(v);
    Lanes new_v = old_v + lanes_all(s->one_minus_beta2) * square;
    Lanes other_v = old_v + lanes_all(s->one_minus_beta2) * other_square;

    // Where squares are tiny or huge, libm's margin is wider and the rest may have underflowed.
    // (The gradient has to be tested, not v, which may be tiny by decay.)
    LaneMask usual =
        lanes_both(lanes_zero_or_above(grad, 0x1p-64), lanes_less(new_v, lanes_all(0x1p120)));
    unsigned certain = lanes_bits(lanes_both(usual, lanes_equal(new_v, other_v)));
    if (__builtin_expect(certain != ALL_LANES, 0)) {
        return repair_moments(g, m, v, new_m, new_v, certain ^ ALL_LANES, step);
    }
    lanes_store(m, new_m);
    lanes_store(v, new_v);
    return true;
}

// Takes the roots for the lanes of doubt as libm does.
static __attribute__((noinline, cold)) void repair_params(double *p, const double *m,
                                                          const double *v, Lanes new_p,
                                                          unsigned doubt, const AdamStep *step)
{
    double old_p[N_LANES];
    memcpy(old_p, p, sizeof old_p);
    lanes_store(p, new_p);
    for (; doubt != 0; doubt &= doubt - 1) {
        int i = __builtin_ctz(doubt);
        double root = exactmath_root(v[i] / step->correction2);
        p[i] = old_p[i] - step->lr_t * (m[i] / step->correction1) / (root + step->eps);
    }
}

// Updates N_LANES parameters. s is a copy of step.
static inline __attribute__((always_inline)) void
update_params(double *p, const double *m, const double *v, Lanes v_hat, Lanes root,
              const AdamStep *s, const AdamStep *step, Divisor correction1, bool by_reciprocal)
{
    Lanes old_p = lanes_load(p);
    Lanes m_hat = divide(lanes_load(m), correction1, by_reciprocal);
    Lanes change = (lanes_all(s->lr_t) * m_hat) / (root + lanes_all(s->eps));
    Lanes new_p = old_p - change;

    // The exact root is root + remainder / (2 * root). Where that is too near a midpoint, libm's
    // root may be the neighbour on the remainder's side; then the change is another by at most one
    // part in 2^52 for the root's unit and as much for its own rounding.
    Lanes remainder = lanes_fnma(root, root, v_hat);
    Lanes limit = (root * lanes_exponent(root)) * lanes_all((1 - 2 * EXACT_MARGIN) * 0x1p-52);
    LaneMask near_middle = lanes_not_less(lanes_abs(remainder), limit);
    Lanes other_factor = lanes_all(1.0) - lanes_copysign(lanes_all(0x1.8p-51), remainder);
    Lanes other_p = lanes_fnma(change, other_factor, old_p);
    LaneMask changes = lanes_both(near_middle, lanes_not_equal(new_p, other_p));

    // Quotients may have lost bits to underflow where m is tiny, but those would show only in a p
    // that is tiny as well, given eps >= 2^-64. (One that overflowed has become nan, and new_p with
    // it.)
    LaneMask tiny = lanes_not_less(lanes_all(0x1p-700), lanes_abs(new_p));
    if (__builtin_expect(lanes_any(changes, tiny), 0)) {
        unsigned doubt = lanes_bits(lanes_either(changes, tiny));
        repair_params(p, m, v, new_p, doubt, step);
        return;
    }
    lanes_store(p, new_p);
}

// Updates n parameters, a multiple of N_LANES. A parameter's way is one long chain of operations.
// Cut in two halves, and the second half of one parameter done beside the first half of a later
// one, it leaves the processor more to do at the same time.
static inline __attribute__((always_inline)) bool update_whole(double *p, const double *g,
                                                               double *m, double *v, size_t n,
                                                               const AdamStep *step,
                                                               bool by_reciprocal)
{
    const AdamStep s = *step; // whose address no other function has: its numbers stay in registers
    const Divisor correction1 = {s.correction1, 1 / s.correction1};
    const Divisor correction2 = {s.correction2, 1 / s.correction2};
    Halfway halfway;
    bool finite = true;
    for (size_t i = 0; i < n + LAG; i += N_LANES) {
        double *v_hat_slot = &halfway.v_hat[i % LAG];
        double *root_slot = &halfway.root[i % LAG];
        if (i >= LAG) {
            size_t j = i - LAG;
            update_params(&p[j], &m[j], &v[j], lanes_load(v_hat_slot), lanes_load(root_slot), &s,
                          step, correction1, by_reciprocal);
        }
        if (i < n) {
            finite = update_moments(&g[i], &m[i], &v[i], &s, step) && finite;
            Lanes v_hat = divide(lanes_load(&v[i]), correction2, by_reciprocal);
            lanes_store(v_hat_slot, v_hat);
            lanes_store(root_slot, lanes_sqrt(v_hat));
        }
    }
    return finite;
}

static inline __attribute__((always_inline)) bool update_all(double *p, const double *g, double *m,
                                                             double *v, size_t n,
                                                             const AdamStep *step,
                                                             bool by_reciprocal)
{
    const size_t whole = n - n % N_LANES;
    bool finite = update_whole(p, g, m, v, whole, step, by_reciprocal);
    for (size_t i = whole; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    return finite;
}

static bool update_lanes(double *p, const double *g, double *m, double *v, size_t n,
                         const AdamStep *step)
{
    if (has_good_reciprocal(step->correction1) && has_good_reciprocal(step->correction2)) {
        return update_all(p, g, m, v, n, step, true);
    }
    return update_all(p, g, m, v, n, step, false);
}
