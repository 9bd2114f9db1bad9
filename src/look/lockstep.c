// Trains two engines side by side: see lockstep.h.
#include "lockstep.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool lockstep_open(Lockstep *lockstep, const RunOptions *first, const RunOptions *second,
                   Error *error)
{
    assert(lockstep != NULL && first != NULL && second != NULL);
    if (!session_open(&lockstep->sessions[0], first, error)) {
        return false;
    }
    if (!session_open(&lockstep->sessions[1], second, error)) {
        session_close(&lockstep->sessions[0]);
        return false;
    }
    assert(lockstep->sessions[0].model.n_params == lockstep->sessions[1].model.n_params);
    return true;
}

void lockstep_close(Lockstep *lockstep)
{
    session_close(&lockstep->sessions[0]);
    session_close(&lockstep->sessions[1]);
}

// As bits: 0.0 and -0.0 differ, and a nan equals itself.
static bool same_bits(const double *a, const double *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

// Finds the first of n parameters' numbers in which a and b differ, and names it.
static void find_difference(const Model *model, const char *kind, const double *a, const double *b,
                            LockstepDifference *difference)
{
    for (size_t i = 0; i < model->n_params; i++) {
        if (!same_bits(&a[i], &b[i], 1)) {
            char name[MODEL_NAME_BYTES];
            model_param_name(model, i, name);
            snprintf(difference->what, sizeof difference->what, "%s %s", kind, name);
            difference->numbers[0] = a[i];
            difference->numbers[1] = b[i];
            difference->found = true;
            return;
        }
    }
}

bool lockstep_step(Lockstep *lockstep, LockstepDifference *difference, Error *error)
{
    Session *a = &lockstep->sessions[0];
    Session *b = &lockstep->sessions[1];
    double losses[2];
    if (!trainer_step(&a->trainer, &losses[0], error) ||
        !trainer_step(&b->trainer, &losses[1], error)) {
        return false;
    }
    *difference = (LockstepDifference){.step = a->trainer.step};
    size_t n_params = a->model.n_params;
    if (!same_bits(&losses[0], &losses[1], 1)) {
        snprintf(difference->what, sizeof difference->what, "loss");
        memcpy(difference->numbers, losses, sizeof losses);
        difference->found = true;
    } else if (!same_bits(a->model.grad, b->model.grad, n_params)) {
        find_difference(&a->model, "gradient of", a->model.grad, b->model.grad, difference);
    } else if (!same_bits(a->model.data, b->model.data, n_params)) {
        find_difference(&a->model, "parameter", a->model.data, b->model.data, difference);
    }
    return true;
}

// A sample ends with BOS, and what comes after it counts as BOS.
static int token_or_bos(const Sampler *sampler, size_t i)
{
    return i < sampler->n_tokens ? sampler->tokens[i] : sampler->model->config.vocab_size - 1;
}

static void compare_samples(const Sampler *a, const Sampler *b, LockstepDifference *difference)
{
    size_t longest = a->n_tokens > b->n_tokens ? a->n_tokens : b->n_tokens;
    for (size_t i = 0; i < longest; i++) {
        if (token_or_bos(a, i) != token_or_bos(b, i)) {
            snprintf(difference->what, sizeof difference->what, "token %zu of a sample", i);
            difference->numbers[0] = token_or_bos(a, i);
            difference->numbers[1] = token_or_bos(b, i);
            difference->found = true;
            return;
        }
    }
}

static bool open_sampler(Session *session, double temperature, Sampler *sampler, Error *error)
{
    return sampler_init(sampler, &session->model, session->engine, &session->random, temperature,
                        error);
}

bool lockstep_sample(Lockstep *lockstep, double temperature, LockstepDifference *difference,
                     Error *error)
{
    Sampler samplers[2] = {{0}};
    *difference = (LockstepDifference){.step = lockstep->sessions[0].trainer.step};
    bool ok = open_sampler(&lockstep->sessions[0], temperature, &samplers[0], error) &&
              open_sampler(&lockstep->sessions[1], temperature, &samplers[1], error) &&
              sampler_next(&samplers[0], error) && sampler_next(&samplers[1], error);
    if (ok) {
        compare_samples(&samplers[0], &samplers[1], difference);
    }
    sampler_free(&samplers[0]);
    sampler_free(&samplers[1]);
    return ok;
}
