// The optimiser.
//
// Carries the Adam update of microgpt.py's training loop. Comes after the engine, which leaves the
// gradients in the model.
#include "microgpt/adam.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "exact.h"

bool adam_init(Adam *adam, const AdamConfig *config, size_t n_params, Error *error)
{
    assert(adam != NULL && config != NULL && n_params >= 1);
    assert(config->beta1 >= 0 && config->beta1 < 1);
    assert(config->beta2 >= 0 && config->beta2 < 1);
    assert(config->eps_adam > 0);
    Adam made = {
        .config = *config,
        .n_params = n_params,
        .m = calloc(n_params, sizeof *made.m),
        .v = calloc(n_params, sizeof *made.v),
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

bool adam_step(Adam *adam, Model *model, size_t step, size_t num_steps, Error *error)
{
    assert(adam != NULL && model != NULL && step < num_steps);
    assert(adam->n_params == model->n_params);
    const AdamConfig *config = &adam->config;
    double lr_t = config->learning_rate * (1 - (double)step / (double)num_steps);
    double correction1 = 1 - pow(config->beta1, (double)(step + 1));
    double correction2 = 1 - pow(config->beta2, (double)(step + 1));
    bool finite = true;
    for (size_t i = 0; i < model->n_params; i++) {
        double grad = model->grad[i];
        double grad_squared = pow(grad, 2);
        double m = config->beta1 * adam->m[i] + (1 - config->beta1) * grad;
        double v = config->beta2 * adam->v[i] + (1 - config->beta2) * grad_squared;
        double m_hat = m / correction1;
        double v_hat = v / correction2;
        model->data[i] -= lr_t * m_hat / (pow(v_hat, 0.5) + config->eps_adam);
        adam->m[i] = m;
        adam->v[i] = v;
        finite &= isfinite(grad_squared) != 0;
    }
    if (!finite) {
        return error_set(error, "the square of a gradient is too large for a double");
    }
    return true;
}
