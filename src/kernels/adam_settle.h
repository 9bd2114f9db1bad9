// The second and the third part of Adam's rule alone, for the kernels: they compute the square and
// the root themselves, or ask libm for one of them.
#ifndef MICROGPT_ADAM_SETTLE_H
#define MICROGPT_ADAM_SETTLE_H

#include <math.h>
#include <stdbool.h>

#include "microgpt/adam_rule.h"

// v from the gradient's square; returns whether that is finite.
static inline bool adam_update_v(double *v, double square, const AdamStep *step)
{
    *v = step->beta2 * *v + step->one_minus_beta2 * square;
    return isfinite(square);
}

// p from the root of v / correction2.
static inline void adam_update_p(double *p, double m, double root, const AdamStep *step)
{
    double m_hat = m / step->correction1;
    *p -= step->lr_t * m_hat / (root + step->eps);
}

#endif
