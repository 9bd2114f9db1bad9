// Sampling: the trained model generates a new document, one token at a time.
#ifndef MICROGPT_SAMPLE_H
#define MICROGPT_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/engine.h"
#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/random.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct Sampler {
    const Model *model;
    Engine *engine;
    Random *random;
    double temperature; // > 0; below 1, likely tokens become more likely
    double *probs;      // [V], of the next token
    int *tokens;        // [block_size], the last sample, without BOS
    size_t n_tokens;
    const int *prompt; // [n_prompt], what every sample begins with; owned by the caller
    size_t n_prompt;   // < block_size; 0 after sampler_init()
} Sampler;

// Makes a sampler without a prompt. The model, engine and generator must outlive it.
// Requires: temperature > 0.
// Errors: out of memory.
bool sampler_init(Sampler *sampler, const Model *model, Engine *engine, Random *random,
                  double temperature, Error *error);

void sampler_free(Sampler *sampler);

// Generates the next sample into tokens: starts with BOS and the prompt, and ends when the model
// returns BOS or the sample has block_size tokens.
// Requires: BOS is the last token of the vocabulary.
// Errors: out of memory; probabilities that are not finite (the model is broken).
bool sampler_next(Sampler *sampler, Error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
