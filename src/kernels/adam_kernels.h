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

#include "microgpt/adam.h"
#include "microgpt/simd.h"

// The numbers of one step that all parameters share.
typedef struct AdamStep {
    double beta1;
    double beta2;
    double one_minus_beta1;
    double one_minus_beta2;
    double correction1; // 1 - beta1**(step+1)
    double correction2; // 1 - beta2**(step+1)
    double lr_t;        // this step's learning rate
    double eps;
} AdamStep;

// Requires: beta1, beta2 in [0, 1), eps > 0, step < num_steps.
AdamStep adam_step_numbers(const AdamConfig *config, size_t step, size_t num_steps);

// Updates p, m and v from the gradients g. Returns false where a gradient's square is not finite;
// then p, m and v are no longer usable. n_asked grows by the parameters that were left to libm; one
// that a kernel leaves to it twice, for v and for p, counts twice.
// Shapes: p, g, m, v [n]. Requires: simd_has(level).
bool adam_update(SimdLevel level, double *p, const double *g, double *m, double *v, size_t n,
                 const AdamStep *step, size_t *n_asked);

// The same for a single parameter, as microgpt.py computes it: the definition.
bool adam_update_one(double *p, double g, double *m, double *v, const AdamStep *step);

// Its second and third part, the kernels' way out: from the gradient's square (returns whether that
// is finite), and from the root of v / correction2.
bool adam_update_v(double *v, double square, const AdamStep *step);
void adam_update_p(double *p, double m, double root, const AdamStep *step);

// What each level's file has to offer.
// Requires: eps in [2^-64, 2^64], lr_t in [0, 2^64].
typedef bool AdamKernel(double *p, const double *g, double *m, double *v, size_t n,
                        const AdamStep *step, size_t *n_asked);
AdamKernel adam_update_avx2;
AdamKernel adam_update_avx512;

#endif
