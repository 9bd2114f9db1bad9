// Training: one document per step, in the order of the shuffle; after the last document, the first
// one follows again.
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

// A training run. The caller owns what the pointers point to, except tokens.
typedef struct Trainer {
    const Dataset *dataset;
    const Tokenizer *tokenizer;
    Model *model;
    Engine *engine;
    Adam *adam;
    size_t num_steps; // the learning rate falls to zero over this many steps
    size_t step;      // how many steps are done; also the number of the next step
    int *tokens;      // [block_size + 1], the document of this step
    size_t n_positions;
} Trainer;

// Makes a trainer at step 0.
// Requires: the tokenizer is made from the data set; the model has its vocabulary; the engine and
// Adam are made for the model.
// Errors: out of memory.
bool trainer_init(Trainer *trainer, const Dataset *dataset, const Tokenizer *tokenizer,
                  Model *model, Engine *engine, Adam *adam, size_t num_steps, Error *error);

void trainer_free(Trainer *trainer);

// Returns how many positions the longest document has in a model of this block size.
// Formula: min(block_size, characters + 1)
size_t trainer_max_positions(const Dataset *dataset, size_t block_size);

// The parts of a step: the loss of document number step mod n_docs, its gradients, the update of
// the parameters. trainer_update() then increments step.
// Requires: calls in this order, step < num_steps.
// Errors: out of memory; a loss that is not finite, or a gradient too large (naming the step).
bool trainer_forward(Trainer *trainer, double *loss, Error *error);
bool trainer_backward(Trainer *trainer, Error *error);
bool trainer_update(Trainer *trainer, Error *error);

// Returns the loss that the document of the last trainer_forward() would have if one parameter were
// larger by delta, or NaN if memory runs out. Computes it with a copy of the model and changes
// nothing, so that a debugger may call it anywhere in a step.
// Requires: param_id < n_params.
double trainer_loss_at(const Trainer *trainer, size_t param_id, double delta);

// Runs the three parts of a step.
bool trainer_step(Trainer *trainer, double *loss, Error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
