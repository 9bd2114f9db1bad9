// Adam over Lanes, for one instruction set: adam_avx2.c and adam_avx512.c include this after their
// lanes_*.h.
//
// Of four divisions and roots per parameter two are left to the divider, which is the slowest unit:
// the corrections are constants, and dividing by a constant is a multiplication, then one step that
// makes the quotient exact. Where libm has to be asked is noted on the way and done at the end: a
// call in the loop would cost every parameter.
#include "adam_kernels.h"
#include "exactmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct Divisor {
    double number;
    double reciprocal; // rounded
} Divisor;

typedef enum Division {
    BY_DIVIDING,
    BY_RECIPROCAL, // requires has_good_reciprocal()
    BY_ONE,        // what a correction is once beta**step is too small to change it
} Division;

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
    LAG = 8,                // how many vectors of parameters the second half is behind the first
    BLOCK = 8192 / N_LANES, // vectors whose doubts are collected: all of the default model
};

// What the first half leaves for the second.
typedef struct Halfway {
    Lanes v_hat;
    Lanes root;          // of v_hat, correctly rounded
    LaneMask v_is_known; // and stored
} Halfway;

// For each vector of a block, as bits: the parameters whose v is not yet updated, since libm has to
// be asked, and those whose p is not, the former among them.
typedef struct Doubts {
    uint8_t v[BLOCK];
    uint8_t p[BLOCK + 8]; // looked through eight at a time
} Doubts;

// Updates N_LANES parameters' m, and v where libm is in no doubt.
static inline __attribute__((always_inline)) Halfway update_moments(const double *g, double *m,
                                                                    double *v, const AdamStep *s,
                                                                    Divisor correction2,
                                                                    Division how)
{
    Lanes grad = lanes_load(g);
    lanes_store(m, lanes_all(s->beta1) * lanes_load(m) + lanes_all(s->one_minus_beta1) * grad);

    // If the square's exact rest is so large that libm may go to the neighbour, this factor does.
    Lanes square = grad * grad;
    Lanes rest = lanes_fms(grad, grad, square);
    Lanes other_square = lanes_fma(rest, lanes_all(1 / (1 - 2 * EXACT_MARGIN)), square);
    Lanes old_v = lanes_load(v);
    Lanes decayed = lanes_all(s->beta2) * old_v;
    Lanes new_v = decayed + lanes_all(s->one_minus_beta2) * square;
    Lanes other_v = decayed + lanes_all(s->one_minus_beta2) * other_square;

    // Where squares are tiny or huge, libm's margin is wider and the rest may have underflowed.
    // (The gradient has to be tested, not v, which may be tiny by decay.)
    LaneMask usual =
        lanes_both(lanes_zero_or_above(grad, 0x1p-64), lanes_less(new_v, lanes_all(0x1p120)));
    LaneMask is_known = lanes_both(usual, lanes_equal(new_v, other_v));
    lanes_store(v, lanes_select(is_known, new_v, old_v));

    Lanes v_hat = divide(new_v, correction2, how);
    return (Halfway){v_hat, lanes_sqrt(v_hat), is_known};
}

// Updates N_LANES parameters where libm is in no doubt; returns where.
//
// The exact root of v_hat is root + remainder / (2 * root). Where that is too near a midpoint,
// libm's root may be the neighbour on the remainder's side: other_root is that neighbour there, and
// root elsewhere. The quotient by it would be change + other_remainder / divisor, rounded. Taken a
// little too far, by an inverse that is a little too large, it still tells that p is known: p rises
// or falls with the quotient, so if p is the same for both ends, it is for all between. (Roots
// below the smallest one here add nothing to eps >= 2^-64.)
static inline __attribute__((always_inline)) LaneMask
update_params(double *p, const double *m, Halfway halfway, const AdamStep *s, Divisor correction1,
              Division how)
{
    Lanes root = halfway.root;
    Lanes eps = lanes_all(s->eps);
    Lanes old_p = lanes_load(p);
    Lanes numerator = lanes_all(s->lr_t) * divide(lanes_load(m), correction1, how);
    Lanes change = numerator / (root + eps);
    Lanes new_p = old_p - change;

    Lanes inverse = lanes_inverse_estimate(lanes_max(root, lanes_all(0x1p-120)));
    inverse = inverse * lanes_all(1 + 4 * lanes_inverse_error);
    Lanes remainder = lanes_fnma(root, root, halfway.v_hat);
    Lanes half_inverse = inverse * lanes_all(0.5 / (1 - 2 * EXACT_MARGIN));
    Lanes other_root = lanes_fma(remainder, half_inverse, root);
    Lanes other_remainder = lanes_fnma(change, other_root + eps, numerator);
    Lanes other_p = old_p - lanes_fma(other_remainder, inverse, change);

    // Numbers may have lost bits to underflow where m is tiny, but those would show only in a p
    // that is tiny as well, given eps >= 2^-64. (What overflowed has become nan, and new_p with
    // it.)
    LaneMask usual = lanes_less(lanes_all(0x1p-700), lanes_abs(new_p));
    LaneMask is_known =
        lanes_both(lanes_both(halfway.v_is_known, usual), lanes_equal(new_p, other_p));
    lanes_store(p, lanes_select(is_known, new_p, old_p));
    return is_known;
}

// Updates n vectors of parameters, n <= BLOCK, where libm is in no doubt. A parameter's way is one
// long chain of operations. Cut in two halves, and the second half of one parameter done beside the
// first half of a later one, it leaves the processor more to do at the same time.
static inline __attribute__((always_inline)) void update_block(double *p, const double *g,
                                                               double *m, double *v, size_t n,
                                                               const AdamStep *step, Division how1,
                                                               Division how2, Doubts *doubts)
{
    const AdamStep s = *step; // whose address no other function has: its numbers stay in registers
    const Divisor correction1 = {s.correction1, 1 / s.correction1};
    const Divisor correction2 = {s.correction2, 1 / s.correction2};
    Halfway halfway[LAG];
    for (size_t i = 0; i < n + LAG; i++) {
        Halfway *slot = &halfway[i % LAG];
        if (i >= LAG) {
            size_t j = i - LAG;
            LaneMask is_known =
                update_params(&p[j * N_LANES], &m[j * N_LANES], *slot, &s, correction1, how1);
            doubts->p[j] = (uint8_t)(ALL_LANES ^ lanes_bits(is_known));
        }
        if (i < n) {
            size_t j = i * N_LANES;
            *slot = update_moments(&g[j], &m[j], &v[j], &s, correction2, how2);
            doubts->v[i] = (uint8_t)(ALL_LANES ^ lanes_bits(slot->v_is_known));
        }
    }
    memset(&doubts->p[n], 0, 8);
}

// Asks libm for one vector. Returns false where a gradient's square is not finite.
static bool settle_vector(double *p, const double *g, const double *m, double *v, unsigned v_doubt,
                          unsigned p_doubt, const AdamStep *step)
{
    bool finite = true;
    for (; p_doubt != 0; p_doubt &= p_doubt - 1) {
        int i = __builtin_ctz(p_doubt);
        if ((v_doubt >> i & 1) != 0) {
            double square = exactmath_libm(EXACT_POW_2, g[i]);
            finite = adam_update_v(&v[i], square, step) && finite;
        }
        double root = exactmath_libm(EXACT_POW_1_2, v[i] / step->correction2);
        adam_update_p(&p[i], m[i], root, step);
    }
    return finite;
}

static bool settle_doubts(double *p, const double *g, const double *m, double *v, size_t n,
                          const Doubts *doubts, const AdamStep *step)
{
    bool finite = true;
    for (size_t first = 0; first < n; first += 8) {
        uint64_t eight;
        memcpy(&eight, &doubts->p[first], sizeof eight);
        while (eight != 0) {
            size_t byte = (size_t)__builtin_ctzll(eight) / 8; // x86 has the first one lowest
            size_t i = first + byte;
            size_t j = i * N_LANES;
            finite = settle_vector(&p[j], &g[j], &m[j], &v[j], doubts->v[i], doubts->p[i], step) &&
                     finite;
            eight &= ~(UINT64_C(0xFF) << byte * 8);
        }
    }
    return finite;
}

static inline __attribute__((always_inline)) bool update_all(double *p, const double *g, double *m,
                                                             double *v, size_t n,
                                                             const AdamStep *step, Division how1,
                                                             Division how2)
{
    Doubts doubts;
    bool finite = true;
    size_t i = 0;
    while (n - i >= N_LANES) {
        size_t n_vectors = (n - i) / N_LANES < BLOCK ? (n - i) / N_LANES : BLOCK;
        update_block(&p[i], &g[i], &m[i], &v[i], n_vectors, step, how1, how2, &doubts);
        finite = settle_doubts(&p[i], &g[i], &m[i], &v[i], n_vectors, &doubts, step) && finite;
        i += n_vectors * N_LANES;
    }
    for (; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    return finite;
}

static bool update_lanes(double *p, const double *g, double *m, double *v, size_t n,
                         const AdamStep *step)
{
    bool one1 = step->correction1 == 1;
    bool one2 = step->correction2 == 1;
    bool good1 = has_good_reciprocal(step->correction1);
    bool good2 = has_good_reciprocal(step->correction2);
    if (one1 && one2) {
        return update_all(p, g, m, v, n, step, BY_ONE, BY_ONE);
    }
    if (one1 && good2) {
        return update_all(p, g, m, v, n, step, BY_ONE, BY_RECIPROCAL);
    }
    if (good1 && good2) {
        return update_all(p, g, m, v, n, step, BY_RECIPROCAL, BY_RECIPROCAL);
    }
    return update_all(p, g, m, v, n, step, BY_DIVIDING, BY_DIVIDING);
}
