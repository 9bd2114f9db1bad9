// Adam's update of all parameters: for one parameter, in plain loops, and the way to the kernels.
#include "adam_kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "exactmath.h"

enum {
    BLOCK = 32, // parameters that the plain loops take at a time
};

AdamStep adam_step_numbers(const AdamConfig *config, size_t step, size_t num_steps)
{
    return (AdamStep){
        .beta1 = config->beta1,
        .beta2 = config->beta2,
        .one_minus_beta1 = 1 - config->beta1,
        .one_minus_beta2 = 1 - config->beta2,
        .correction1 = 1 - pow(config->beta1, (double)(step + 1)),
        .correction2 = 1 - pow(config->beta2, (double)(step + 1)),
        .lr_t = config->learning_rate * (1 - (double)step / (double)num_steps),
        .eps = config->eps_adam,
    };
}

bool adam_update_one(double *p, double g, double *m, double *v, const AdamStep *step)
{
    double square = exactmath_square(g);
    *m = step->beta1 * *m + step->one_minus_beta1 * g;
    *v = step->beta2 * *v + step->one_minus_beta2 * square;
    double m_hat = *m / step->correction1;
    double v_hat = *v / step->correction2;
    *p -= step->lr_t * m_hat / (exactmath_root(v_hat) + step->eps);
    return isfinite(square);
}

// 2^k where 2^k <= x < 2^(k+1), for a normal x > 0: its exponent field alone.
static double power_of_two_below(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= UINT64_C(0x7FF0000000000000);
    memcpy(&x, &bits, sizeof x);
    return x;
}

// One block as if pow(g, 2) were g * g and pow(v_hat, 0.5) were sqrt(v_hat). doubt tells where that
// may be wrong: where another power would change v or p. libm's powers are these or their
// neighbours. v and p rise and fall with the powers, so if a little more and a little less than a
// neighbour give the same v and p, then so does libm. (One unit in the last place of the root makes
// up to two in the quotient.) For the root it is also enough that its exact rest, remainder / (2
// root), is within libm's margin: compared without the division. Shapes: all [BLOCK].
static void update_block(double *restrict p, const double *restrict g, double *restrict m,
                         double *restrict v, double *restrict doubt, const AdamStep *step)
{
    const AdamStep s = *step;
    for (size_t i = 0; i < BLOCK; i++) {
        double square = g[i] * g[i];
        double v_rest = s.beta2 * v[i];
        double v_above = v_rest + s.one_minus_beta2 * (square * (1 + 0x1p-52));
        double v_below = v_rest + s.one_minus_beta2 * (square * (1 - 0x1p-52));
        m[i] = s.beta1 * m[i] + s.one_minus_beta1 * g[i];
        v[i] = v_rest + s.one_minus_beta2 * square;
        double numerator = s.lr_t * (m[i] / s.correction1);
        double v_hat = v[i] / s.correction2;
        double root = sqrt(v_hat);
        double change = numerator / (root + s.eps);
        double root_square = root * root;
        double remainder = (v_hat - root_square) - exactmath_square_rest(root, root_square);
        double limit = root * power_of_two_below(root) * ((1 - 2 * EXACT_MARGIN) * 0x1p-52);
        double p_above = p[i] - change * (1 - 0x1.8p-51);
        double p_below = p[i] - change * (1 + 0x1.8p-51);
        p[i] -= change;
        // Below and above these sizes the factors above are not what they seem; nan is neither.
        double v_doubt = v_above == v_below ? 0.0 : 1.0;
        double root_doubt = fabs(remainder) < limit && v_hat > 0x1p-250 ? 0.0 : 1.0;
        double p_doubt = p_above == p_below ? 0.0 : root_doubt;
        double g_doubt = square > 0x1p-900 || g[i] == 0 ? 0.0 : 1.0;
        double size_doubt =
            v[i] < 0x1p240 && fabs(p[i]) > 0x1p-700 && fabs(p[i]) < 0x1p700 ? 0.0 : 1.0;
        doubt[i] = v_doubt + p_doubt + g_doubt + size_doubt;
    }
}

static bool update_plain(double *p, const double *g, double *m, double *v, size_t n,
                         const AdamStep *step)
{
    double doubt[BLOCK];
    double old[3][BLOCK];
    bool finite = true;
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        memcpy(old[0], &p[i], sizeof old[0]);
        memcpy(old[1], &m[i], sizeof old[1]);
        memcpy(old[2], &v[i], sizeof old[2]);
        update_block(&p[i], &g[i], &m[i], &v[i], doubt, step);
        for (size_t j = 0; j < BLOCK; j++) {
            if (doubt[j] > 0) {
                p[i + j] = old[0][j];
                m[i + j] = old[1][j];
                v[i + j] = old[2][j];
                finite = adam_update_one(&p[i + j], g[i + j], &m[i + j], &v[i + j], step) && finite;
            }
        }
    }
    for (; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    return finite;
}

// Every parameter by libm, where nothing is known about its errors.
static bool update_by_libm(double *p, const double *g, double *m, double *v, size_t n,
                           const AdamStep *step)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        finite = adam_update_one(&p[i], g[i], &m[i], &v[i], step) && finite;
    }
    return finite;
}

// Sizes for which the vector kernels' reasoning holds; no sane training is outside.
static bool is_regular(const AdamStep *step)
{
    return step->eps >= 0x1p-64 && step->eps <= 0x1p64 && step->lr_t >= 0 && step->lr_t <= 0x1p64 &&
           step->correction1 > 0 && step->correction2 > 0;
}

bool adam_update(SimdLevel level, double *p, const double *g, double *m, double *v, size_t n,
                 const AdamStep *step)
{
    assert(simd_has(level));
    if (EXACT_MARGIN >= 0.5) {
        return update_by_libm(p, g, m, v, n, step);
    }
#ifdef __x86_64__
    if (level == SIMD_AVX512 && is_regular(step)) {
        return adam_update_avx512(p, g, m, v, n, step);
    }
    if (level == SIMD_AVX2 && is_regular(step)) {
        return adam_update_avx2(p, g, m, v, n, step);
    }
#endif
    return update_plain(p, g, m, v, n, step);
}
