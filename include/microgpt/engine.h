// An engine computes the loss of a document, and its gradients into model->grad.
//
// There are two, behind one interface: `scalar` builds the graph of Values, node by node; `tensor`
// computes the same bits over arrays. Training and sampling know the model and this interface, and
// nothing of what is behind it.
#ifndef MICROGPT_ENGINE_H
#define MICROGPT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/simd.h"
#include "microgpt/value.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum EngineKind {
    ENGINE_SCALAR, // a graph of Values
    ENGINE_TENSOR, // arrays and kernels, no graph: the same bits, much faster
} EngineKind;

typedef struct Engine Engine;

// The engine of that name, for a command line. Returns false where there is none.
bool engine_kind_find(const char *name, EngineKind *kind);

// Its name.
const char *engine_kind_name(EngineKind kind);

// The memory that an engine needs for a model, besides the parameters and their gradients, when
// documents take up to n_positions positions. SIZE_MAX where that overflows. Allocates nothing.
// Requires: sizes that model_count_params accepts, 1 <= n_positions <= block_size.
size_t engine_count_bytes(EngineKind kind, const ModelConfig *config, size_t n_positions);

// How many nodes the scalar engine's graph has for a document of n_positions, without those of the
// parameters. SIZE_MAX where that overflows. Computes it from the sizes and builds no graph.
// Requires: as engine_count_bytes(), but n_positions may be 0 or more than block_size.
size_t engine_count_nodes(const ModelConfig *config, size_t n_positions);

// Makes an engine that computes with the model, which must outlive it.
// Errors: out of memory.
bool engine_create(Engine **engine, EngineKind kind, Model *model, Error *error);

void engine_free(Engine *engine);

EngineKind engine_kind(const Engine *engine);

// Makes the tensor engine use the kernels of a level instead of the processor's best; any level
// gives the same bits. The scalar engine has no kernels. Requires: simd_has(level).
void engine_set_simd(Engine *engine, SimdLevel level);

// Runs the document through the model and computes its average loss per position.
// Shapes: tokens [n_positions + 1]; tokens[pos_id + 1] is the target of position pos_id.
// Requires: 1 <= n_positions <= block_size, tokens in [0, V).
// Errors: out of memory.
// Formula: loss = (1/n) * sum(-log(probs[target]))
bool engine_forward(Engine *engine, const int *tokens, size_t n_positions, double *loss,
                    Error *error);

// Computes dloss/dparameter for the document just run forward, into model->grad.
// Requires: engine_forward() came just before.
// Errors: out of memory.
bool engine_backward(Engine *engine, Error *error);

// The probabilities of the token after token_id at position pos_id. Positions come in rising order
// from 0: the engine's KV cache remembers those before, and pos_id 0 empties it.
// Shapes: probs [V].
// Requires: pos_id < block_size, 0 <= token_id < V, temperature > 0.
// Errors: out of memory.
// Formula: softmax(logits / temperature)
bool engine_probs(Engine *engine, int token_id, size_t pos_id, double temperature, double *probs,
                  Error *error);

// The graph that the last document has left in the scalar engine, with its gradients once
// engine_backward() was there: for programs that show it. Its parameters come first.
// Requires: an engine of kind ENGINE_SCALAR.
const Graph *engine_graph(const Engine *engine);

// The most memory that the engine has had in use so far, in bytes.
size_t engine_peak_bytes(const Engine *engine);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
