// Training: one document a step, in the order of the shuffle, around and around.
#ifndef MICROGPT_TRAINER_H
#define MICROGPT_TRAINER_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/adam.h"
#include "microgpt/dataset.h"
#include "microgpt/engine.h"
#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// What training works on; the caller owns all of it.
typedef struct Trainer {
    const Dataset *dataset;
    const Tokenizer *tokenizer;
    Model *model;
    Engine *engine;
    Adam *adam;
    size_t num_steps; // what the learning rate falls to zero over
    size_t step;      // how many steps are done: the next one is number step, counted from 0
    int *tokens;      // [block_size + 1], the document of this step
    size_t n_positions;
} Trainer;

// Sets the trainer to step 0.
// Requires: parts that belong together (the tokenizer's vocabulary is the model's).
// Errors: out of memory.
bool trainer_init(Trainer *trainer, const Dataset *dataset, const Tokenizer *tokenizer,
                  Model *model, Engine *engine, Adam *adam, size_t num_steps, Error *error);

void trainer_free(Trainer *trainer);

// How many positions the longest document takes in a model of this block size.
// Formula: min(block_size, characters + 1)
size_t trainer_max_positions(const Dataset *dataset, size_t block_size);

// One step in its parts: the tokens of document step mod n_docs, loss, gradients, update.
// trainer_update() counts the step.
// Requires: in this order, step < num_steps.
// Errors: out of memory; a loss that is not finite, or a gradient too large (naming the step).
bool trainer_forward(Trainer *trainer, double *loss, Error *error);
bool trainer_backward(Trainer *trainer, Error *error);
bool trainer_update(Trainer *trainer, Error *error);

// The loss that the document of the last trainer_forward() would have with one parameter larger by
// delta; not a number where there is no memory for it. Computed on a copy of the model, so that
// nothing changes: a debugger may call it anywhere in a step.
// Requires: param_id < n_params.
double trainer_loss_at(const Trainer *trainer, size_t param_id, double delta);

// The three together.
bool trainer_step(Trainer *trainer, double *loss, Error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
