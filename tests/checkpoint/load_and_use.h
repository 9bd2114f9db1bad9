// Loads a file with any contents. If it is accepted, checks that it is valid: all numbers are
// finite, all sizes are in range, and sampling and a training step end.
#ifndef MICROGPT_LOAD_AND_USE_H
#define MICROGPT_LOAD_AND_USE_H

#include <math.h>

#include "checkpoint/checkpoint_more.h"

static inline void must_hold(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "accepted, but: %s\n", what);
        abort(); // so that a fuzzer keeps the input
    }
}

static inline bool all_finite(const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i])) {
            return false;
        }
    }
    return true;
}

static inline void check_values(const Checkpoint *checkpoint)
{
    const Model *model = &checkpoint->model;
    const Tokenizer *tokenizer = &checkpoint->tokenizer;
    size_t n_params;
    Error error;
    must_hold(model_count_params(&model->config, &n_params, &error), error.message);
    must_hold(n_params == model->n_params, "n_params");
    must_hold(all_finite(model->data, n_params), "a parameter");
    must_hold(tokenizer->vocab_size == model->config.vocab_size, "vocab_size");
    for (int i = 1; i < tokenizer->n_uchars; i++) {
        must_hold(tokenizer->uchars[i - 1] < tokenizer->uchars[i], "the alphabet's order");
    }
    if (checkpoint->can_resume) {
        must_hold(checkpoint->adam.n_params == n_params, "moments");
        must_hold(all_finite(checkpoint->adam.m, n_params), "m");
        must_hold(all_finite(checkpoint->adam.v, n_params), "v");
        must_hold(checkpoint->random.index <= RANDOM_STATE_WORDS, "the generator's index");
        must_hold(isfinite(checkpoint->random.gauss_next), "gauss");
        must_hold(checkpoint->step <= checkpoint->num_steps, "step");
    }
}

// Both may fail: the sum of finite numbers may not be finite.
static inline void use_engine(Checkpoint *checkpoint, Engine *engine)
{
    Error error;
    Sampler sampler;
    if (sampler_init(&sampler, &checkpoint->model, engine, &checkpoint->random, 0.5, &error)) {
        sampler_next(&sampler, &error);
        sampler_free(&sampler);
    }
    if (checkpoint->can_resume && checkpoint->step < checkpoint->num_steps) {
        int tokens[2] = {checkpoint->tokenizer.bos, 0};
        double loss;
        bool ok = engine_forward(engine, tokens, 1, &loss, &error) &&
                  engine_backward(engine, &error) &&
                  adam_step(&checkpoint->adam, &checkpoint->model, checkpoint->step,
                            checkpoint->num_steps, &error);
        (void)ok;
    }
}

// Returns whether the file was accepted.
static inline bool load_and_use(const char *path, int n_head)
{
    Error error = {""};
    Checkpoint checkpoint;
    if (!checkpoint_load(&checkpoint, path, n_head, &error)) {
        must_hold(error.message[0] != '\0' && strchr(error.message, '\n') == NULL, "no one line");
        return false;
    }
    check_values(&checkpoint);
    Engine *engine;
    if (checkpoint.model.n_params < 100000 &&
        engine_create(&engine, ENGINE_SCALAR, &checkpoint.model, &error)) {
        use_engine(&checkpoint, engine);
        engine_free(engine);
    }
    checkpoint_free(&checkpoint);
    return true;
}

#endif
