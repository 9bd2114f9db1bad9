// Adam over Lanes, compiled once for each SIMD level.
//
// The divider is the slowest unit, so it does only two of the four divisions and roots per
// parameter: the corrections are constants, and dividing by a constant is a multiplication and a
// step that makes the quotient exact. If libm may give another result, the loop saves the numbers
// before the update, and libm is called at the end: a call in the loop would slow down every
// parameter.
#include "kernels/adam_kernels.h"

#include <math.h>
#include <stdint.h>

#include "kernels/adam_settle.h"
#include "kernels/exactmath.h"
#include "kernels/lanes.h"

typedef struct Divisor {
    double number;
    double reciprocal; // rounded
} Divisor;

typedef enum Division {
    BY_DIVIDING,
    BY_RECIPROCAL, // requires has_good_reciprocal()
    BY_ONE,        // the correction is 1: beta**step is too small to change it
} Division;

// Returns whether divide() by the reciprocal is always correctly rounded.
//
// With y = divisor, z = 1/y rounded, q = x * z rounded, r = x - q * y (exact), the result q + r * z
// is x / y rounded if q is less than one ULP off (Markstein). For x and y scaled to [1, 2): the
// error of q before rounding is at most x * 2^-54, half an ULP if x >= y. If x < y it is less than
// one ULP, so that q may be 1.5 ULP off after rounding; but then x/y is close enough to a midpoint
// for the last step to be wrong only if x > 2 - 3 * 2^-52, and y > x. So all divisors are good
// except the last few below a power of two: for a correction 1 - beta**step, these are the last
// ones before it becomes 1.
static bool has_good_reciprocal(double divisor)
{
    int exponent;
    return frexp(divisor, &exponent) < 1 - 8 * 0x1p-53;
}

static inline __attribute__((always_inline)) Lanes divide(Lanes x, Divisor by, Division how)
{
    Lanes y = lanes_all(by.number);
    if (how == BY_ONE) {
        return x;
    }
    if (how == BY_DIVIDING) {
        return x / y;
    }
    Lanes z = lanes_all(by.reciprocal);
    Lanes q = x * z;
    return lanes_fma(lanes_fnma(q, y, x), z, q);
}

enum {
    LAG = 8,   // how many vectors the second half is behind the first
    MANY = 32, // doubts at which a block ends; the default model has about six per step
};

// What the first half of the update saves for the second half.
typedef struct Halfway {
    Lanes v_hat;
    Lanes root; // of v_hat, correctly rounded
} Halfway;

// A vector with lanes that may need libm, as it was before its update.
typedef struct Doubt {
    size_t first;   // the first parameter of the vector
    unsigned lanes; // that are in doubt, as bits
    double p[N_LANES];
    double v[N_LANES]; // not used if only p is in doubt
} Doubt;

// The doubts of a block: about v, and therefore also about p; and about p only.
typedef struct Doubts {
    size_t n_v;
    size_t n_p;
    size_t n_asked; // parameters in all blocks so far
    Doubt v[MANY];
    Doubt p[MANY + LAG]; // when a block ends, LAG second halves are still to be done
} Doubts;

static inline __attribute__((always_inline)) void note_doubt(Doubt *doubt, size_t first,
                                                             LaneMask is_known, Lanes p)
{
    doubt->first = first;
    doubt->lanes = ALL_LANES ^ lanes_bits(is_known);
    lanes_store(doubt->p, p);
}

// Computes the new v from a square.
static inline __attribute__((always_inline)) Lanes v_by(Lanes square, Lanes decayed,
                                                        const AdamStep *s)
{
    return decayed + lanes_all(s->one_minus_beta2) * square;
}

// Updates m and v of N_LANES parameters. is_known tells in which lanes libm must give the same v.
static inline __attribute__((always_inline)) Halfway
update_moment_lanes(const double *g, double *m, double *v, const AdamStep *s, Divisor correction2,
                    Division how, LaneMask *is_known)
{
    Lanes grad = lanes_load(g);
    lanes_store(m, lanes_all(s->beta1) * lanes_load(m) + lanes_all(s->one_minus_beta1) * grad);

    // If the square's exact rest is so large that libm may give the adjacent double, so does this
    // factor.
    Lanes square = grad * grad;
    Lanes rest = lanes_fms(grad, grad, square);
    Lanes other_square = lanes_fma(rest, lanes_all(1 / (1 - 2 * EXACT_MARGIN)), square);
    Lanes decayed = lanes_all(s->beta2) * lanes_load(v);
    Lanes new_v = v_by(square, decayed, s);
    lanes_store(v, new_v);

    // If the square is below 2^-128, libm's margin is wider and rest may have underflowed. But
    // where decayed is 2^-64 or more, so small a square is less than half an ULP of it and changes
    // nothing, whichever double libm returns. settle_doubts() looks at the others.
    LaneMask is_safe = lanes_either(lanes_not_less(decayed, lanes_all(0x1p-64)),
                                    lanes_equal(grad, lanes_all(0.0)));
    LaneMask usual = lanes_both(is_safe, lanes_less(new_v, lanes_all(0x1p120)));
    *is_known = lanes_both(usual, lanes_equal(new_v, v_by(other_square, decayed, s)));

    Lanes v_hat = divide(new_v, correction2, how);
    return (Halfway){v_hat, lanes_sqrt(v_hat)};
}

// Updates N_LANES parameters. Returns in which lanes libm must give the same p, given v.
//
// The exact root of v_hat is root + remainder / (2 * root). Unless that is within libm's margin of
// a midpoint, libm's root is root. Otherwise it may be the adjacent double in the direction of the
// remainder. Then root + eps is the same or an adjacent double, so that the exact quotient changes
// by at most 2^-52 of it, and the two rounded ones by 2^-53 more each: together by less than a
// factor of 1 - 5 * 2^-53 or 1 + 3 * 2^-52. p is a monotonic function of the quotient: if it is the
// same for change and for change times this factor, it is the same for all numbers between them.
// adam_settle_p() tests the other lanes precisely. (EXACT_MARGIN is too small below 2^-128 and
// above 2^128. But such small roots do not change eps >= 2^-64, and if a root is so large, v is in
// doubt.)
static inline __attribute__((always_inline)) LaneMask
update_param_lanes(double *p, const double *m, Halfway halfway, const AdamStep *s,
                   Divisor correction1, Division how)
{
    Lanes root = halfway.root;
    Lanes old_p = lanes_load(p);
    Lanes numerator = lanes_all(s->lr_t) * divide(lanes_load(m), correction1, how);
    Lanes change = numerator / (root + lanes_all(s->eps));
    Lanes new_p = old_p - change;
    lanes_store(p, new_p);

    Lanes remainder = lanes_fnma(root, root, halfway.v_hat);
    Lanes part_of_ulp = lanes_exponent(root) * lanes_all((1 - 2 * EXACT_MARGIN) * 0x1p-52);
    LaneMask one_root = lanes_less(lanes_abs(remainder), root * part_of_ulp);
    LaneMask is_above = lanes_less(lanes_all(0.0), remainder);
    Lanes factor = lanes_select(is_above, lanes_all(1 - 5 * 0x1p-53), lanes_all(1 + 3 * 0x1p-52));
    Lanes other_p = lanes_fnma(change, factor, old_p);

    // If m is tiny, numbers may have lost bits to underflow; but since eps >= 2^-64, these bits
    // matter only if p is tiny as well. (Numbers that overflowed are NaN now, and so is new_p.)
    LaneMask one_p = lanes_either(one_root, lanes_equal(new_p, other_p));
    return lanes_both(lanes_not_tiny(new_p), one_p);
}

// Updates up to n vectors of parameters, and returns how many it has updated. The update of a
// parameter is one long chain of dependent operations. The loop does the second half of the chain
// for one parameter together with the first half for a later one, so that the processor can run
// both in parallel.
static inline __attribute__((always_inline)) size_t
update_block(double *p, const double *g, double *m, double *v, size_t n, const AdamStep *step,
             Division how1, Division how2, Doubts *doubts)
{
    const AdamStep s = *step; // a copy whose address is not taken: its numbers stay in registers
    const Divisor correction1 = {s.correction1, 1 / s.correction1};
    const Divisor correction2 = {s.correction2, 1 / s.correction2};
    Halfway halfway[LAG];
    size_t n_v = 0;
    size_t n_p = 0;
    for (size_t i = 0; i < n + LAG; i++) {
        Halfway *slot = &halfway[i % LAG];
        if (i >= LAG) {
            size_t j = (i - LAG) * N_LANES;
            Lanes old_p = lanes_load(&p[j]);
            LaneMask is_known = update_param_lanes(&p[j], &m[j], *slot, &s, correction1, how1);
            if (__builtin_expect(lanes_bits(is_known) != ALL_LANES, 0)) {
                note_doubt(&doubts->p[n_p], j, is_known, old_p);
                n_p++;
                n = n_p >= MANY && n > i ? i : n;
            }
        }
        if (i < n) {
            size_t j = i * N_LANES;
            Lanes old_v = lanes_load(&v[j]);
            LaneMask is_known;
            *slot = update_moment_lanes(&g[j], &m[j], &v[j], &s, correction2, how2, &is_known);
            if (__builtin_expect(lanes_bits(is_known) != ALL_LANES, 0)) {
                note_doubt(&doubts->v[n_v], j, is_known, lanes_load(&p[j]));
                lanes_store(doubts->v[n_v].v, old_v);
                n_v++;
                n = n_v >= MANY ? i + 1 : n;
            }
        }
    }
    doubts->n_v = n_v;
    doubts->n_p = n_p;
    return n;
}

// Computes the doubtful p. Returns for how many it called libm.
static size_t settle_p(double *p, const double *m, const double *v, const Doubt *doubt,
                       const AdamStep *step)
{
    size_t n_asked = 0;
    for (unsigned lanes = doubt->lanes; lanes != 0; lanes &= lanes - 1) {
        int lane = __builtin_ctz(lanes);
        size_t i = doubt->first + (size_t)lane;
        p[i] = doubt->p[lane];
        n_asked += adam_settle_p(&p[i], m[i], v[i], step);
    }
    return n_asked;
}

// Returns as bits the lanes in which libm must give the same v, new_v, for gradients of any size:
// g * g = square + rest.
//
// By cases:
// - Squares of 2^-970 or more: rest is exact, as it is a multiple of the square of g's last place.
//   libm's square is square, or the adjacent double in the direction of rest if rest times this
//   factor reaches it; the margin is wider below 2^-128. The slack only widens the interval on
//   that side.
// - Smaller squares, also subnormal ones: libm's is square or an adjacent double, at most 2^-1022
//   away; rest is at most half of that, so that with the slack it reaches both of them.
// Each rounded operation on the way to v is monotonic: if both ends of the interval give the same
// v, so do all numbers between them. (Infinities and NaN are not equal to anything here. A huge v
// remains in doubt because of its root: see update_param_lanes().)
//
// As a part of update_moment_lanes(), even after a branch, this made Adam slower by a fifth for
// a small model, and no faster for a wide model, which has many tiny gradients.
static unsigned known_of_any_size(const double *g, const double *old_v, const double *new_v,
                                  const AdamStep *s)
{
    Lanes grad = lanes_load(g);
    Lanes square = grad * grad;
    Lanes rest = lanes_fms(grad, grad, square);
    Lanes factor = lanes_select(lanes_less(square, lanes_all(0x1p-128)),
                                lanes_all(1 / (1 - 2 * EXACT_MARGIN_FAR)),
                                lanes_all(1 / (1 - 2 * EXACT_MARGIN)));
    Lanes slack = lanes_all(0x1p-1020);
    Lanes decayed = lanes_all(s->beta2) * lanes_load(old_v);
    Lanes v = lanes_load(new_v);
    Lanes low_v = v_by(lanes_fma(rest - slack, factor, square), decayed, s);
    Lanes high_v = v_by(lanes_fma(rest + slack, factor, square), decayed, s);
    LaneMask one_v = lanes_both(lanes_equal(v, low_v), lanes_equal(v, high_v));
    return lanes_bits(lanes_both(one_v, lanes_less(v, lanes_all(0x1p120))));
}

// Computes the doubtful v with libm. Returns false if a gradient's square is not finite.
static bool settle_v(const double *g, double *v, const Doubt *doubt, const AdamStep *step)
{
    bool finite = true;
    for (unsigned lanes = doubt->lanes; lanes != 0; lanes &= lanes - 1) {
        int lane = __builtin_ctz(lanes);
        size_t i = doubt->first + (size_t)lane;
        v[i] = doubt->v[lane];
        finite = adam_update_v(&v[i], exactmath_libm(EXACT_POW_2, g[i]), step) && finite;
    }
    return finite;
}

// Computes p first: if v is in doubt as well, this p is wrong, and is computed again.
static bool settle_doubts(double *p, const double *g, const double *m, double *v, Doubts *doubts,
                          const AdamStep *step)
{
    bool finite = true;
    for (size_t i = 0; i < doubts->n_p; i++) {
        doubts->n_asked += settle_p(p, m, v, &doubts->p[i], step);
    }
    for (size_t i = 0; i < doubts->n_v; i++) {
        Doubt *doubt = &doubts->v[i];
        doubt->lanes &= ~known_of_any_size(&g[doubt->first], doubt->v, &v[doubt->first], step);
        finite = settle_v(g, v, doubt, step) && finite;
        doubts->n_asked += (size_t)__builtin_popcount(doubt->lanes);
        doubts->n_asked += settle_p(p, m, v, doubt, step);
    }
    return finite;
}

static inline __attribute__((always_inline)) bool update_all(double *p, const double *g, double *m,
                                                             double *v, size_t n,
                                                             const AdamStep *step, Division how1,
                                                             Division how2, size_t *n_asked)
{
    Doubts doubts;
    doubts.n_asked = 0;
    bool finite = true;
    size_t i = 0;
    while (n - i >= N_LANES) {
        size_t n_done =
            update_block(&p[i], &g[i], &m[i], &v[i], (n - i) / N_LANES, step, how1, how2, &doubts);
        finite = settle_doubts(&p[i], &g[i], &m[i], &v[i], &doubts, step) && finite;
        i += n_done * N_LANES;
    }
    *n_asked += doubts.n_asked + (n - i);
    for (; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    return finite;
}

bool AT_LEVEL(adam_update)(double *p, const double *g, double *m, double *v, size_t n,
                           const AdamStep *step, size_t *n_asked)
{
    bool one1 = step->correction1 == 1;
    bool one2 = step->correction2 == 1;
    bool good1 = has_good_reciprocal(step->correction1);
    bool good2 = has_good_reciprocal(step->correction2);
    if (one1 && one2) {
        return update_all(p, g, m, v, n, step, BY_ONE, BY_ONE, n_asked);
    }
    if (one1 && good2) {
        return update_all(p, g, m, v, n, step, BY_ONE, BY_RECIPROCAL, n_asked);
    }
    if (good1 && good2) {
        return update_all(p, g, m, v, n, step, BY_RECIPROCAL, BY_RECIPROCAL, n_asked);
    }
    return update_all(p, g, m, v, n, step, BY_DIVIDING, BY_DIVIDING, n_asked);
}
