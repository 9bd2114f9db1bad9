// The parts of Adam's rule that follow the square and the root, for the kernels, which compute the
// square and the root themselves or with libm.
#ifndef MICROGPT_ADAM_SETTLE_H
#define MICROGPT_ADAM_SETTLE_H

#include <math.h>
#include <stdbool.h>

#include "kernels/exactmath.h"
#include "microgpt/adam_rule.h"

// Updates v from the gradient's square; returns whether the square is finite.
static inline bool adam_update_v(double *v, double square, const AdamStep *step)
{
    *v = step->beta2 * *v + step->one_minus_beta2 * square;
    return isfinite(square);
}

// Updates p from the square root of v / correction2.
static inline void adam_update_p(double *p, double m, double root, const AdamStep *step)
{
    double m_hat = m / step->correction1;
    *p -= step->lr_t * m_hat / (root + step->eps);
}

// Updates a p that is in doubt. Returns whether it called libm. libm's root of v_hat is the rounded
// root or the adjacent double in the direction of the remainder. If both give the same p, it does
// not matter which of them it is. (Where numbers are so small that the remainder has the wrong
// sign, neither of them changes eps >= 2^-64.)
static inline bool adam_settle_p(double *p, double m, double v, const AdamStep *step)
{
    double v_hat = v / step->correction2;
    double root = sqrt(v_hat);
    double remainder = exactmath_root_remainder(root, v_hat);
    double other_p = *p;
    double old_p = *p;
    adam_update_p(p, m, root, step);
    adam_update_p(&other_p, m, nextafter(root, remainder > 0 ? INFINITY : 0), step);
    if (*p == other_p) {
        return false;
    }
    *p = old_p;
    adam_update_p(p, m, exactmath_libm(EXACT_POW_1_2, v_hat), step);
    return true;
}

#endif
