// Adam's update of all parameters, bit-identical to Python's arithmetic with libm's pow.
//
// microgpt.py computes two powers per parameter: grad**2 and v_hat**0.5. A multiplication and a
// square root give the same double, except if libm rounds differently; and this matters only if the
// last bit of the power changes v or the parameter. The kernels find the few parameters per step
// for which it could, and compute those with libm.
#ifndef MICROGPT_ADAM_KERNELS_H
#define MICROGPT_ADAM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/adam_rule.h"
#include "microgpt/simd.h"

// Updates p, m and v from the gradients g. Returns false if a gradient's square is not finite; then
// p, m and v are no longer usable. Adds to n_asked the number of parameters that were computed with
// libm; a parameter counts twice if both its v and its p were.
// Shapes: p, g, m, v [n]. Requires: simd_has(level).
bool adam_update(SimdLevel level, double *p, const double *g, double *m, double *v, size_t n,
                 const AdamStep *step, size_t *n_asked);

// The kernel of a level.
// Requires: eps in [2^-64, 2^64], lr_t in [0, 2^64].
typedef bool AdamKernel(double *p, const double *g, double *m, double *v, size_t n,
                        const AdamStep *step, size_t *n_asked);
AdamKernel adam_update_neon;
AdamKernel adam_update_avx2;
AdamKernel adam_update_avx512;

#endif
