// Trains with several engines in parallel: see lockstep.h.
#include "bench/lockstep.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool lockstep_open(Lockstep *lockstep, const RunOptions *runs, size_t n_runs, Error *error)
{
    assert(lockstep != NULL && runs != NULL && n_runs >= 2 && n_runs <= LOCKSTEP_MAX_RUNS);
    lockstep->n_runs = 0;
    for (size_t run = 0; run < n_runs; run++) {
        if (!session_open(&lockstep->sessions[run], &runs[run], error)) {
            lockstep_close(lockstep);
            return false;
        }
        lockstep->n_runs++;
        assert(lockstep->sessions[run].model.n_params == lockstep->sessions[0].model.n_params);
    }
    return true;
}

void lockstep_close(Lockstep *lockstep)
{
    for (size_t run = 0; run < lockstep->n_runs; run++) {
        session_close(&lockstep->sessions[run]);
    }
    lockstep->n_runs = 0;
}

// Compares bits: 0.0 and -0.0 differ, and NaN equals itself.
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

// Compares a, which is run 0, with b after a step, whose losses are given.
static void compare_step(const Session *a, const Session *b, double loss_a, double loss_b,
                         LockstepDifference *difference)
{
    size_t n_params = a->model.n_params;
    if (!same_bits(&loss_a, &loss_b, 1)) {
        snprintf(difference->what, sizeof difference->what, "loss");
        difference->numbers[0] = loss_a;
        difference->numbers[1] = loss_b;
        difference->found = true;
    } else if (!same_bits(a->model.grad, b->model.grad, n_params)) {
        find_difference(&a->model, "gradient of", a->model.grad, b->model.grad, difference);
    } else if (!same_bits(a->model.data, b->model.data, n_params)) {
        find_difference(&a->model, "parameter", a->model.data, b->model.data, difference);
    }
}

bool lockstep_step(Lockstep *lockstep, LockstepDifference *difference, Error *error)
{
    Session *sessions = lockstep->sessions;
    double losses[LOCKSTEP_MAX_RUNS];
    for (size_t run = 0; run < lockstep->n_runs; run++) {
        if (!trainer_step(&sessions[run].trainer, &losses[run], error)) {
            return false;
        }
    }
    *difference = (LockstepDifference){.step = sessions[0].trainer.step};
    for (size_t run = 1; run < lockstep->n_runs && !difference->found; run++) {
        difference->run = run;
        compare_step(&sessions[0], &sessions[run], losses[0], losses[run], difference);
    }
    return true;
}

// Returns token i of a sample; BOS beyond its end.
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

static bool next_sample(Session *session, double temperature, Sampler *sampler, Error *error)
{
    return sampler_init(sampler, &session->model, session->engine, &session->random, temperature,
                        error) &&
           sampler_next(sampler, error);
}

bool lockstep_sample(Lockstep *lockstep, double temperature, LockstepDifference *difference,
                     Error *error)
{
    Sampler samplers[LOCKSTEP_MAX_RUNS] = {{0}};
    bool ok = true;
    *difference = (LockstepDifference){.step = lockstep->sessions[0].trainer.step};
    for (size_t run = 0; run < lockstep->n_runs && ok; run++) {
        ok = next_sample(&lockstep->sessions[run], temperature, &samplers[run], error);
    }
    for (size_t run = 1; run < lockstep->n_runs && ok && !difference->found; run++) {
        difference->run = run;
        compare_samples(&samplers[0], &samplers[run], difference);
    }
    for (size_t run = 0; run < lockstep->n_runs; run++) {
        sampler_free(&samplers[run]);
    }
    return ok;
}
