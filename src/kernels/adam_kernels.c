// Adam's update of all parameters in plain loops, and the choice of a kernel.
#include "kernels/adam_kernels.h"

#include <assert.h>
#include <math.h>

#include "kernels/adam_settle.h"
#include "kernels/exactmath.h"

enum {
    BLOCK = 32, // how many parameters the plain loops update at a time
};

// What the first half of a block's update saves for the second half, and what both save for libm:
// the old values, and doubts. A doubt is nonzero if libm may give another result. (Doubts are
// doubles, so that the compiler can vectorise the loops.)
typedef struct Block {
    double v_hat[BLOCK];
    double root[BLOCK]; // of v_hat, correctly rounded
    double old_v[BLOCK];
    double old_p[BLOCK];
    double v_doubt[BLOCK];
    double p_doubt[BLOCK]; // about p only
} Block;

// Updates m[i] and v[i]. libm's square is g * g, or the adjacent double in the direction of the
// exact rest. It can be the adjacent double only if the rest is so large that adding the rest,
// scaled by the factor, gives the adjacent double.
static inline void update_moments(const double *restrict g, double *restrict m, double *restrict v,
                                  Block *restrict block, size_t i, const AdamStep *s)
{
    double square = g[i] * g[i];
    double rest = exactmath_square_rest(g[i], square);
    double other_square = square + rest * (1 / (1 - 2 * EXACT_MARGIN));
    double decayed = s->beta2 * v[i];
    double new_v = decayed + s->one_minus_beta2 * square;
    double other_v = decayed + s->one_minus_beta2 * other_square;
    // If the square is below 2^-128, libm's margin is wider and the rest may have underflowed. But
    // where decayed is 2^-64 or more, so small a square is less than half an ULP of it and changes
    // nothing. is_known_of_any_size() looks at the others.
    double g_doubt = decayed >= 0x1p-64 || fabs(g[i]) >= 0x1p-64 || g[i] == 0 ? 0.0 : 1.0;
    double size_doubt = new_v < 0x1p120 ? g_doubt : 1.0;
    block->v_doubt[i] = new_v == other_v ? size_doubt : 1.0;
    block->old_v[i] = v[i];
    m[i] = s->beta1 * m[i] + s->one_minus_beta1 * g[i];
    v[i] = new_v;
    block->v_hat[i] = new_v / s->correction2;
    block->root[i] = sqrt(block->v_hat[i]);
}

// Updates p[i]. libm's root is root, or the adjacent double if the exact rest, remainder / (2
// root), is within libm's margin of the midpoint; the comparison avoids the division. A difference
// of one ULP of the root makes up to two ULP of the sum with eps, and the quotient may be rounded
// the other way: less than three ULP, at most three times 2^-52 of the change. (If the root is too
// small for its exact rest, adding it does not change eps >= 2^-64.)
//
// is_late: beta1**step is so small that correction1 is 1.
static inline void update_params(double *restrict p, const double *restrict m,
                                 Block *restrict block, size_t i, const AdamStep *s, bool is_late)
{
    double v_hat = block->v_hat[i];
    double root = block->root[i];
    double m_hat = is_late ? m[i] : m[i] / s->correction1;
    double change = s->lr_t * m_hat / (root + s->eps);
    double remainder = exactmath_root_remainder(root, v_hat);
    double limit = root * exactmath_power_of_two_below(root) * ((1 - 2 * EXACT_MARGIN) * 0x1p-52);
    double old_p = p[i];
    double new_p = old_p - change;
    double p_above = old_p - change * (1 - 0x1.8p-51);
    double p_below = old_p - change * (1 + 0x1.8p-51);
    // The factors above are valid only between these magnitudes, and not for NaN.
    double size_doubt = fabs(new_p) > 0x1p-700 && fabs(new_p) < 0x1p700 ? 0.0 : 1.0;
    double root_doubt = fabs(remainder) < limit ? 0.0 : 1.0;
    block->p_doubt[i] = size_doubt + (p_above == p_below ? 0.0 : root_doubt);
    block->old_p[i] = old_p;
    p[i] = new_p;
}

// Does the second half of a block's update together with the first half of the next block's: their
// divisions and roots do not depend on each other.
static void update_two_halves(double *restrict p, const double *restrict m, Block *restrict block,
                              const double *restrict next_g, double *restrict next_m,
                              double *restrict next_v, Block *restrict next, const AdamStep *step,
                              bool is_late)
{
    const AdamStep s = *step;
    if (is_late) {
        for (size_t i = 0; i < BLOCK; i++) {
            update_params(p, m, block, i, &s, true);
            update_moments(next_g, next_m, next_v, next, i, &s);
        }
    } else {
        for (size_t i = 0; i < BLOCK; i++) {
            update_params(p, m, block, i, &s, false);
            update_moments(next_g, next_m, next_v, next, i, &s);
        }
    }
}

// Returns whether libm must give the same v, for gradients of any size. v is a monotonic function
// of the square, so it is enough that v is the same for both ends of an interval that contains
// libm's square. The ends are two ULP away, since square and libm's square are off by less than one
// each, or 2^-1073, since subnormal ones are off by less than 2^-1074. (Infinities and NaN are not
// equal to anything.)
static bool is_known_of_any_size(double g, double old_v, const AdamStep *step)
{
    double square = g * g;
    double low_v = old_v;
    double high_v = old_v;
    adam_update_v(&low_v, square * (1 - 0x1p-51) - 0x1p-1073, step);
    adam_update_v(&high_v, square * (1 + 0x1p-51) + 0x1p-1073, step);
    return low_v == high_v && high_v < INFINITY;
}

// Computes the doubtful parameters, with libm where it matters. Returns false if a gradient's
// square is not finite.
static bool settle_block(double *p, const double *g, const double *m, double *v, const Block *block,
                         const AdamStep *step, size_t *n_asked)
{
    bool finite = true;
    for (size_t i = 0; i < BLOCK; i++) {
        bool v_doubt = block->v_doubt[i] != 0 && !is_known_of_any_size(g[i], block->old_v[i], step);
        if (v_doubt) {
            v[i] = block->old_v[i];
            finite = adam_update_v(&v[i], exactmath_square(g[i]), step) && finite;
            ++*n_asked;
        }
        if (v_doubt || block->p_doubt[i] != 0) {
            p[i] = block->old_p[i];
            *n_asked += adam_settle_p(&p[i], m[i], v[i], step);
        }
    }
    return finite;
}

// Returns whether no parameter of the block is in doubt.
static bool is_settled(const Block *block)
{
    double sums[4] = {0};
    for (size_t i = 0; i < BLOCK; i += 4) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] += block->v_doubt[i + j] + block->p_doubt[i + j];
        }
    }
    return sums[0] + sums[1] + sums[2] + sums[3] == 0;
}

static bool update_blocks(double *p, const double *g, double *m, double *v, size_t n_blocks,
                          const AdamStep *step, bool is_late, size_t *n_asked)
{
    Block blocks[2];
    bool finite = true;
    for (size_t i = 0; i < BLOCK; i++) {
        update_moments(g, m, v, &blocks[0], i, step);
    }
    for (size_t b = 0; b < n_blocks; b++) {
        Block *block = &blocks[b % 2];
        size_t at = b * BLOCK;
        size_t next = at + BLOCK;
        if (b + 1 < n_blocks) {
            update_two_halves(&p[at], &m[at], block, &g[next], &m[next], &v[next],
                              &blocks[(b + 1) % 2], step, is_late);
        } else {
            for (size_t i = 0; i < BLOCK; i++) {
                update_params(&p[at], &m[at], block, i, step, is_late);
            }
        }
        if (!is_settled(block)) {
            finite = settle_block(&p[at], &g[at], &m[at], &v[at], block, step, n_asked) && finite;
        }
    }
    return finite;
}

// Updates each parameter with libm. This is used for the parameters after the last block, and for
// all parameters if nothing is known about libm's errors or the settings are unusual.
static bool update_by_libm(double *p, const double *g, double *m, double *v, size_t n,
                           const AdamStep *step, size_t *n_asked)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    *n_asked += n;
    return finite;
}

static bool update_plain(double *p, const double *g, double *m, double *v, size_t n,
                         const AdamStep *step, size_t *n_asked)
{
    size_t n_blocks = n / BLOCK;
    size_t done = n_blocks * BLOCK;
    bool finite =
        n_blocks == 0 || update_blocks(p, g, m, v, n_blocks, step, step->correction1 == 1, n_asked);
    return update_by_libm(&p[done], &g[done], &m[done], &v[done], n - done, step, n_asked) &&
           finite;
}

// Returns whether the settings are in the range for which the kernels are exact. The settings of
// any sensible training run are.
static bool is_regular(const AdamStep *step)
{
    return step->eps >= 0x1p-64 && step->eps <= 0x1p64 && step->lr_t >= 0 && step->lr_t <= 0x1p64 &&
           step->correction1 > 0 && step->correction2 > 0;
}

static AdamKernel *const kernels[N_SIMD_LEVELS] = {
    [SIMD_NONE] = update_plain,
#ifdef __aarch64__
    [SIMD_NEON] = adam_update_neon,
#endif
#ifdef __x86_64__
    [SIMD_AVX2] = adam_update_avx2,
    [SIMD_AVX512] = adam_update_avx512,
#endif
};

bool adam_update(SimdLevel level, double *p, const double *g, double *m, double *v, size_t n,
                 const AdamStep *step, size_t *n_asked)
{
    assert(simd_has(level));
    if (EXACT_MARGIN >= 0.5 || !is_regular(step)) {
        return update_by_libm(p, g, m, v, n, step, n_asked);
    }
    return kernels[level](p, g, m, v, n, step, n_asked);
}
