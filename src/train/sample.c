// Inference: draws tokens from the probabilities of the trained model.
//
// Implements the last part of microgpt.py. Works with either engine.
#include "microgpt/sample.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

bool sampler_init(Sampler *sampler, const Model *model, Engine *engine, Random *random,
                  double temperature, Error *error)
{
    assert(sampler != NULL && model != NULL && engine != NULL && random != NULL);
    assert(temperature > 0);
    size_t vocab_size = (size_t)model->config.vocab_size;
    size_t block_size = (size_t)model->config.block_size;
    Sampler made = {
        .model = model,
        .engine = engine,
        .random = random,
        .temperature = temperature,
        .probs = calloc(vocab_size, sizeof *made.probs),
        .tokens = calloc(block_size, sizeof *made.tokens),
    };
    if (made.probs == NULL || made.tokens == NULL) {
        sampler_free(&made);
        return error_out_of_memory(error, "the sample", vocab_size * sizeof(double));
    }
    *sampler = made;
    return true;
}

void sampler_free(Sampler *sampler)
{
    assert(sampler != NULL);
    free(sampler->probs);
    free(sampler->tokens);
    *sampler = (Sampler){0};
}

static bool probs_are_finite(const Sampler *sampler)
{
    for (int i = 0; i < sampler->model->config.vocab_size; i++) {
        if (!isfinite(sampler->probs[i])) {
            return false;
        }
    }
    return true;
}

bool sampler_next(Sampler *sampler, Error *error)
{
    assert(sampler != NULL && error != NULL);
    size_t block_size = (size_t)sampler->model->config.block_size;
    assert(sampler->n_prompt < block_size || sampler->n_prompt == 0);
    size_t vocab_size = (size_t)sampler->model->config.vocab_size;
    int bos = sampler->model->config.vocab_size - 1;
    int token_id = bos;
    sampler->n_tokens = 0;
    for (size_t pos_id = 0; pos_id < block_size; pos_id++) {
        if (!engine_probs(sampler->engine, token_id, pos_id, sampler->temperature, sampler->probs,
                          error)) {
            return false;
        }
        if (!probs_are_finite(sampler)) {
            return error_set(error, "the model's probabilities are not finite; try a smaller "
                                    "learning_rate or init_std, or a higher temperature");
        }
        if (pos_id < sampler->n_prompt) {
            token_id = sampler->prompt[pos_id]; // draws no random number
        } else {
            token_id = (int)random_choices(sampler->random, sampler->probs, vocab_size);
        }
        if (token_id == bos) {
            break;
        }
        sampler->tokens[sampler->n_tokens] = token_id;
        sampler->n_tokens++;
    }
    return true;
}
