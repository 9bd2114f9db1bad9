// Adam, the optimiser: subtracts from each parameter the learning rate times the running mean of
// its gradient, divided by the square root of the running mean of its squared gradient.
#ifndef MICROGPT_ADAM_H
#define MICROGPT_ADAM_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/adam_rule.h"
#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/simd.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct Adam {
    AdamConfig config;
    size_t n_params;
    SimdLevel simd; // the kernels that adam_step_simd() uses; initially simd_best()
    double *m;      // [n_params] first moments
    double *v;      // [n_params] second moments, never negative
    size_t n_asked; // how many parameters the kernels left to libm, in all steps so far
} Adam;

// Allocates the moments, all zero.
// Errors: out of memory.
bool adam_init(Adam *adam, const AdamConfig *config, size_t n_params, Error *error);

void adam_free(Adam *adam);

// Updates model->data from model->grad, one parameter after the other, by the rule of adam_rule.h.
// step counts from 0.
// Requires: step < num_steps, the model has adam's n_params.
// Errors: the square of a gradient is not finite (Python raises OverflowError); the parameters and
// moments are then no longer usable.
bool adam_step(Adam *adam, Model *model, size_t step, size_t num_steps, Error *error);

// Computes the same bits with the kernels of adam->simd: many parameters at a time, much faster.
bool adam_step_simd(Adam *adam, Model *model, size_t step, size_t num_steps, Error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
