// Calls the engine of the given kind: see include/microgpt/engine.h.
#include "microgpt/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scalar/scalar_gpt.h"
#include "tensor/tensor_gpt.h"

// Only the member of the engine's kind is used.
struct Engine {
    EngineKind kind;
    Model *model;
    ScalarGpt scalar;
    TensorGpt *tensor;
};

static const char *const kind_names[] = {"scalar", "tensor"}; // by EngineKind

bool engine_kind_find(const char *name, EngineKind *kind)
{
    assert(name != NULL && kind != NULL);
    for (int i = ENGINE_SCALAR; i <= ENGINE_TENSOR; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (EngineKind)i;
            return true;
        }
    }
    return false;
}

const char *engine_kind_name(EngineKind kind)
{
    return kind_names[kind];
}

size_t engine_count_bytes(EngineKind kind, const ModelConfig *config, size_t n_positions)
{
    return kind == ENGINE_SCALAR ? scalar_gpt_count_bytes(config, n_positions)
                                 : tensor_gpt_count_bytes(config, n_positions);
}

size_t engine_count_nodes(const ModelConfig *config, size_t n_positions)
{
    return scalar_gpt_count_nodes(config, n_positions);
}

bool engine_create(Engine **engine, EngineKind kind, Model *model, Error *error)
{
    assert(engine != NULL && model != NULL && error != NULL);
    Engine *created = calloc(1, sizeof *created);
    if (created == NULL) {
        return error_out_of_memory(error, "the engine", sizeof *created);
    }
    created->kind = kind;
    created->model = model;
    bool ok = kind == ENGINE_SCALAR ? scalar_gpt_init(&created->scalar, model, error)
                                    : tensor_gpt_create(&created->tensor, model, error);
    if (!ok) {
        free(created);
        return false;
    }
    *engine = created;
    return true;
}

void engine_free(Engine *engine)
{
    if (engine == NULL) {
        return;
    }
    if (engine->kind == ENGINE_SCALAR) {
        scalar_gpt_free(&engine->scalar);
    } else {
        tensor_gpt_free(engine->tensor);
    }
    free(engine);
}

EngineKind engine_kind(const Engine *engine)
{
    assert(engine != NULL);
    return engine->kind;
}

void engine_set_simd(Engine *engine, SimdLevel level)
{
    assert(engine != NULL && simd_has(level));
    if (engine->kind == ENGINE_TENSOR) {
        tensor_gpt_set_simd(engine->tensor, level);
    }
}

// Only for asserts, which a build may omit.
static bool __attribute__((unused))
tokens_are_valid(const Model *model, const int *tokens, size_t n_tokens)
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
    if (engine->kind == ENGINE_SCALAR) {
        return scalar_gpt_forward(&engine->scalar, tokens, n_positions, loss, error);
    }
    return tensor_gpt_forward(engine->tensor, tokens, n_positions, loss, error);
}

bool engine_backward(Engine *engine, Error *error)
{
    assert(engine != NULL && error != NULL);
    if (engine->kind == ENGINE_SCALAR) {
        return scalar_gpt_backward(&engine->scalar, error);
    }
    return tensor_gpt_backward(engine->tensor, error);
}

bool engine_probs(Engine *engine, int token_id, size_t pos_id, double temperature, double *probs,
                  Error *error)
{
    assert(engine != NULL && probs != NULL && error != NULL && temperature > 0);
    assert(pos_id < (size_t)engine->model->config.block_size);
    assert(tokens_are_valid(engine->model, &token_id, 1));
    if (engine->kind == ENGINE_SCALAR) {
        return scalar_gpt_probs(&engine->scalar, token_id, pos_id, temperature, probs, error);
    }
    return tensor_gpt_probs(engine->tensor, token_id, pos_id, temperature, probs, error);
}

const Graph *engine_graph(const Engine *engine)
{
    assert(engine != NULL && engine->kind == ENGINE_SCALAR);
    return &engine->scalar.graph;
}

size_t engine_peak_bytes(const Engine *engine)
{
    assert(engine != NULL);
    return engine->kind == ENGINE_SCALAR ? scalar_gpt_peak_bytes(&engine->scalar)
                                         : tensor_gpt_peak_bytes(engine->tensor);
}
