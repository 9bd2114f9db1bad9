// The optimiser, Adam.
//
// Implements the Adam update of microgpt.py's training loop. Comes after the engine, which leaves
// the gradients in the model. The arithmetic is in kernels/: adam_update_one() for one parameter,
// and adam_update() for many parameters, at each SIMD level.
#include "microgpt/adam.h"

#include <assert.h>
#include <stdlib.h>

#include "base/doubles.h"
#include "kernels/adam_kernels.h"

bool adam_init(Adam *adam, const AdamConfig *config, size_t n_params, Error *error)
{
    assert(adam != NULL && config != NULL && n_params >= 1);
    assert(config->beta1 >= 0 && config->beta1 < 1);
    assert(config->beta2 >= 0 && config->beta2 < 1);
    assert(config->eps_adam > 0);
    Adam made = {
        .config = *config,
        .n_params = n_params,
        .simd = simd_best(),
        .m = doubles_alloc(n_params),
        .v = doubles_alloc(n_params),
    };
    if (made.m == NULL || made.v == NULL) {
        adam_free(&made);
        return error_out_of_memory(error, "Adam's moments", n_params * 2 * sizeof *made.m);
    }
    *adam = made;
    return true;
}

void adam_free(Adam *adam)
{
    assert(adam != NULL);
    free(adam->m);
    free(adam->v);
    *adam = (Adam){0};
}

static bool check_squares(bool finite, Error *error)
{
    return finite || error_set(error, "the square of a gradient is not a finite number");
}

bool adam_step(Adam *adam, Model *model, size_t step, size_t num_steps, Error *error)
{
    assert(adam != NULL && model != NULL && step < num_steps);
    assert(adam->n_params == model->n_params);
    AdamStep numbers = adam_step_numbers(&adam->config, step, num_steps);
    bool finite = true;
    for (size_t i = 0; i < model->n_params; i++) {
        finite &=
            adam_update_one(&model->data[i], model->grad[i], &adam->m[i], &adam->v[i], &numbers);
    }
    return check_squares(finite, error);
}

bool adam_step_simd(Adam *adam, Model *model, size_t step, size_t num_steps, Error *error)
{
    assert(adam != NULL && model != NULL && step < num_steps);
    assert(adam->n_params == model->n_params);
    AdamStep numbers = adam_step_numbers(&adam->config, step, num_steps);
    bool finite = adam_update(adam->simd, model->data, model->grad, adam->m, adam->v,
                              model->n_params, &numbers, &adam->n_asked);
    return check_squares(finite, error);
}
