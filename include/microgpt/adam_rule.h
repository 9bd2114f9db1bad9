// Adam's update rule for a single parameter, given its gradient and its two moments.
#ifndef MICROGPT_ADAM_RULE_H
#define MICROGPT_ADAM_RULE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct AdamConfig {
    double learning_rate; // of step 0; falls linearly to 0 over num_steps
    double beta1;         // decay rate of the first moment, in [0, 1)
    double beta2;         // decay rate of the second moment, in [0, 1)
    double eps_adam;      // > 0, keeps the quotient finite
} AdamConfig;

// The numbers that a step uses for all parameters.
typedef struct AdamStep {
    double beta1;
    double beta2;
    double one_minus_beta1;
    double one_minus_beta2;
    double correction1; // 1 - beta1**(step+1)
    double correction2; // 1 - beta2**(step+1)
    double lr_t;        // learning_rate * (1 - step / num_steps)
    double eps;
} AdamStep;

// Computes the numbers of a step, counted from 0.
// Requires: beta1, beta2 in [0, 1), eps_adam > 0, step < num_steps.
AdamStep adam_step_numbers(const AdamConfig *config, size_t step, size_t num_steps);

// Updates a parameter p and its moments m and v from its gradient g, as microgpt.py computes it.
// Returns whether the gradient's square is finite; if it is not, p, m and v are no longer usable.
// Formula:
//   m = beta1 * m + (1 - beta1) * g;       m_hat = m / (1 - beta1**(step+1))
//   v = beta2 * v + (1 - beta2) * g**2;    v_hat = v / (1 - beta2**(step+1))
//   p -= lr_t * m_hat / (v_hat**0.5 + eps)
// Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (2015)
bool adam_update_one(double *p, double g, double *m, double *v, const AdamStep *step);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
