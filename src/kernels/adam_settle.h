// The parts of Adam's rule that follow the square and the root, for the kernels, which compute the
// square and the root themselves or with libm.
#ifndef MICROGPT_ADAM_SETTLE_H
#define MICROGPT_ADAM_SETTLE_H

#include <math.h>
#include <stdbool.h>

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

#endif
