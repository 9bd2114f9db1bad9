// Adam's update of all parameters, exactly as Python's arithmetic and libm's pow give it.
//
// Every parameter costs two powers in microgpt.py, grad**2 and v_hat**0.5. A multiplication and a
// square root give the same double except where libm rounds otherwise; and where it could, that
// changes nothing unless the last bit of the power reaches v or the parameter. The kernels find the
// few parameters a step for which it could, and hand them to the functions for one.
#ifndef MICROGPT_ADAM_KERNELS_H
#define MICROGPT_ADAM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/adam_rule.h"
#include "microgpt/simd.h"

// Updates p, m and v from the gradients g. Returns false where a gradient's square is not finite;
// then p, m and v are no longer usable. n_asked grows by the parameters that were left to libm; one
// that a kernel leaves to it twice, for v and for p, counts twice.
// Shapes: p, g, m, v [n]. Requires: simd_has(level).
bool adam_update(SimdLevel level, double *p, const double *g, double *m, double *v, size_t n,
                 const AdamStep *step, size_t *n_asked);

// What each level's file has to offer.
// Requires: eps in [2^-64, 2^64], lr_t in [0, 2^64].
typedef bool AdamKernel(double *p, const double *g, double *m, double *v, size_t n,
                        const AdamStep *step, size_t *n_asked);
AdamKernel adam_update_neon;
AdamKernel adam_update_avx2;
AdamKernel adam_update_avx512;

#endif
