// The body of the training loop.
//
// Implements the body of `for step in range(num_steps)` in microgpt.py: document, tokens, loss,
// backward, update. The caller has the loop itself and prints.
#include "microgpt/trainer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact.h"

bool trainer_init(Trainer *trainer, const Dataset *dataset, const Tokenizer *tokenizer,
                  Model *model, Engine *engine, Adam *adam, size_t num_steps, Error *error)
{
    assert(trainer != NULL && dataset != NULL && tokenizer != NULL && model != NULL);
    assert(engine != NULL && adam != NULL && dataset->n_docs > 0);
    assert(tokenizer->vocab_size == model->config.vocab_size);
    size_t n_tokens = (size_t)model->config.block_size + 1;
    int *tokens = calloc(n_tokens, sizeof *tokens);
    if (tokens == NULL) {
        return error_out_of_memory(error, "the tokens", n_tokens * sizeof *tokens);
    }
    *trainer = (Trainer){
        .dataset = dataset,
        .tokenizer = tokenizer,
        .model = model,
        .engine = engine,
        .adam = adam,
        .num_steps = num_steps,
        .tokens = tokens,
    };
    return true;
}

void trainer_free(Trainer *trainer)
{
    assert(trainer != NULL);
    free(trainer->tokens);
    *trainer = (Trainer){0};
}

// Returns how many characters a document has. The document is valid UTF-8.
static size_t count_characters(Document doc)
{
    size_t n = 0;
    for (size_t i = 0; i < doc.size; i++) {
        n += (doc.text[i] & 0xC0) != 0x80; // counts all bytes that do not continue a character
    }
    return n;
}

size_t trainer_max_positions(const Dataset *dataset, size_t block_size)
{
    assert(dataset != NULL && block_size >= 1);
    size_t longest = 0;
    for (size_t doc_id = 0; doc_id < dataset->n_docs; doc_id++) {
        size_t n_characters = count_characters(dataset->docs[doc_id]);
        longest = n_characters > longest ? n_characters : longest;
    }
    return longest + 1 < block_size ? longest + 1 : block_size;
}

bool trainer_forward(Trainer *trainer, double *loss, Error *error)
{
    assert(trainer != NULL && trainer->step < trainer->num_steps);
    size_t doc_id = trainer->step % trainer->dataset->n_docs;
    Document doc = trainer->dataset->docs[doc_id];
    size_t max_tokens = (size_t)trainer->model->config.block_size + 1;
    size_t n_tokens = tokenizer_encode(trainer->tokenizer, doc, trainer->tokens, max_tokens);
    trainer->n_positions = n_tokens - 1;
    double computed;
    if (!engine_forward(trainer->engine, trainer->tokens, trainer->n_positions, &computed, error)) {
        return false;
    }
    if (!isfinite(computed)) {
        const char *what = isnan(computed) ? "nan" : "infinite";
        return error_set(error, "step %zu: the loss is %s; try a smaller learning_rate or init_std",
                         trainer->step + 1, what);
    }
    *loss = computed;
    return true;
}

bool trainer_backward(Trainer *trainer, Error *error)
{
    return engine_backward(trainer->engine, error);
}

bool trainer_update(Trainer *trainer, Error *error)
{
    // Both give the same bits. Like the scalar engine, its Adam is meant to be read.
    bool plain = engine_kind(trainer->engine) == ENGINE_SCALAR;
    Error reason;
    bool ok =
        plain ? adam_step(trainer->adam, trainer->model, trainer->step, trainer->num_steps, &reason)
              : adam_step_simd(trainer->adam, trainer->model, trainer->step, trainer->num_steps,
                               &reason);
    if (!ok) {
        return error_set(error, "step %zu: %s; try a smaller learning_rate or init_std",
                         trainer->step + 1, reason.message);
    }
    trainer->step++;
    return true;
}

double trainer_loss_at(const Trainer *trainer, size_t param_id, double delta)
{
    assert(trainer != NULL && trainer->n_positions > 0 && param_id < trainer->model->n_params);
    double loss = NAN;
    Error ignored;
    Model model;
    if (!model_init(&model, &trainer->model->config, &ignored)) {
        return NAN;
    }
    memcpy(model.data, trainer->model->data, model.n_params * sizeof *model.data);
    model.data[param_id] += delta;
    Engine *engine = NULL;
    if (engine_create(&engine, ENGINE_SCALAR, &model, &ignored)) {
        engine_forward(engine, trainer->tokens, trainer->n_positions, &loss, &ignored);
        engine_free(engine);
    }
    model_free(&model);
    return loss;
}

bool trainer_step(Trainer *trainer, double *loss, Error *error)
{
    return trainer_forward(trainer, loss, error) && trainer_backward(trainer, error) &&
           trainer_update(trainer, error);
}
