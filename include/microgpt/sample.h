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
    double temperature; // > 0; below 1 the likely tokens become likelier
    double *probs;      // [V], of the next token
    int *tokens;        // [block_size], the last sample, without BOS
    size_t n_tokens;
    const int *prompt; // [n_prompt], what every sample begins with; the caller's. None at first
    size_t n_prompt;   // < block_size
} Sampler;

// Requires: temperature > 0.
// Errors: out of memory.
bool sampler_init(Sampler *sampler, const Model *model, Engine *engine, Random *random,
                  double temperature, Error *error);

void sampler_free(Sampler *sampler);

// Generates the next sample: from BOS and the prompt, if there is one, until the model returns BOS
// again or there are block_size tokens.
// Requires: bos is the model's last token.
// Errors: out of memory; probabilities that are not finite (the model is broken).
bool sampler_next(Sampler *sampler, Error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
