// The door to the rooms: picks the engine by its kind.
#include "microgpt/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine_scalar.h"

struct Engine {
    EngineKind kind;
    Model *model;
    ScalarGpt scalar;
};

bool engine_kind_find(const char *name, EngineKind *kind)
{
    assert(name != NULL && kind != NULL);
    if (strcmp(name, "scalar") == 0) {
        *kind = ENGINE_SCALAR;
        return true;
    }
    return false;
}

size_t engine_count_bytes(EngineKind kind, const ModelConfig *config, size_t n_positions)
{
    assert(kind == ENGINE_SCALAR);
    (void)kind;
    return scalar_gpt_count_bytes(config, n_positions);
}

bool engine_create(Engine **engine, EngineKind kind, Model *model, Error *error)
{
    assert(engine != NULL && kind == ENGINE_SCALAR);
    Engine *created = calloc(1, sizeof *created);
    if (created == NULL) {
        return error_out_of_memory(error, "the engine", sizeof *created);
    }
    created->kind = kind;
    created->model = model;
    if (!scalar_gpt_init(&created->scalar, model, error)) {
        free(created);
        return false;
    }
    *engine = created;
    return true;
}

void engine_free(Engine *engine)
{
    if (engine != NULL) {
        scalar_gpt_free(&engine->scalar);
        free(engine);
    }
}

static bool tokens_are_valid(const Model *model, const int *tokens, size_t n_tokens)
{
    for (size_t i = 0; i < n_tokens; i++) {
        if (tokens[i] < 0 || tokens[i] >= model->config.vocab_size) {
            return false;
        }
    }
    return true;
}

bool engine_forward(Engine *engine, const int *tokens, size_t n_positions, double *loss,
                    Error *error)
{
    assert(engine != NULL && tokens != NULL && loss != NULL && error != NULL);
    assert(n_positions >= 1 && n_positions <= (size_t)engine->model->config.block_size);
    assert(tokens_are_valid(engine->model, tokens, n_positions + 1));
    return scalar_gpt_forward(&engine->scalar, tokens, n_positions, loss, error);
}

bool engine_backward(Engine *engine, Error *error)
{
    assert(engine != NULL && error != NULL);
    return scalar_gpt_backward(&engine->scalar, error);
}

bool engine_probs(Engine *engine, int token_id, size_t pos_id, double temperature, double *probs,
                  Error *error)
{
    assert(engine != NULL && probs != NULL && error != NULL && temperature > 0);
    assert(pos_id < (size_t)engine->model->config.block_size);
    assert(tokens_are_valid(engine->model, &token_id, 1));
    return scalar_gpt_probs(&engine->scalar, token_id, pos_id, temperature, probs, error);
}

const ScalarGpt *engine_scalar_gpt(const Engine *engine)
{
    assert(engine != NULL && engine->kind == ENGINE_SCALAR);
    return &engine->scalar;
}

size_t engine_peak_bytes(const Engine *engine)
{
    assert(engine != NULL);
    return scalar_gpt_peak_bytes(&engine->scalar);
}
