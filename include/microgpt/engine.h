// An engine computes the loss of a document, and the gradients of the loss, which it writes to
// model->grad.
//
// Two engines have this interface: `scalar` builds the graph of Values, node by node; `tensor`
// computes the same bits with arrays. Training and sampling use only the model and this interface.
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
    ENGINE_TENSOR, // arrays and vector kernels, no graph: the same bits, much faster
} EngineKind;

typedef struct Engine Engine;

// Finds the engine with the given name. Returns false if there is none.
bool engine_kind_find(const char *name, EngineKind *kind);

// Returns the engine's name.
const char *engine_kind_name(EngineKind kind);

// Returns the bytes of memory that an engine needs for documents of up to n_positions positions,
// without the parameters and their gradients; SIZE_MAX if that overflows. Allocates nothing.
// Requires: sizes that model_count_params accepts, 1 <= n_positions <= block_size.
size_t engine_count_bytes(EngineKind kind, const ModelConfig *config, size_t n_positions);

// Returns how many nodes the scalar engine's graph has for a document of n_positions, without those
// of the parameters; SIZE_MAX if that overflows. Computes it from the sizes, without a graph.
// Requires: as engine_count_bytes(), but n_positions may be 0 or more than block_size.
size_t engine_count_nodes(const ModelConfig *config, size_t n_positions);

// Makes an engine for a model. The model must outlive the engine.
// Errors: out of memory.
bool engine_create(Engine **engine, EngineKind kind, Model *model, Error *error);

void engine_free(Engine *engine);

EngineKind engine_kind(const Engine *engine);

// Makes the tensor engine use the kernels of a level instead of the processor's best; any level
// gives the same bits. Does nothing to the scalar engine, which has no kernels.
// Requires: simd_has(level).
void engine_set_simd(Engine *engine, SimdLevel level);

// Runs the document through the model and computes its average loss per position.
// Shapes: tokens [n_positions + 1]; tokens[pos_id + 1] is the target of position pos_id.
// Requires: 1 <= n_positions <= block_size, tokens in [0, V).
// Errors: out of memory.
// Formula: loss = (1/n) * sum(-log(probs[target]))
bool engine_forward(Engine *engine, const int *tokens, size_t n_positions, double *loss,
                    Error *error);

// Computes dloss/dparameter for the document of the last engine_forward(), and writes it to
// model->grad.
// Requires: engine_forward() was the last call.
// Errors: out of memory.
bool engine_backward(Engine *engine, Error *error);

// Computes the probabilities of the token that follows token_id, which is at position pos_id. The
// KV cache keeps the keys and values of earlier calls; position 0 clears it.
// Shapes: probs [V].
// Requires: calls with pos_id 0, 1, 2 ...; pos_id < block_size, 0 <= token_id < V, temperature > 0.
// Errors: out of memory.
// Formula: softmax(logits / temperature)
bool engine_probs(Engine *engine, int token_id, size_t pos_id, double temperature, double *probs,
                  Error *error);

// Returns the scalar engine's graph of the last document, for programs that show it. Its first
// nodes are the parameters. Gradients are those of the last engine_backward().
// Requires: an engine of kind ENGINE_SCALAR.
const Graph *engine_graph(const Engine *engine);

// Returns the most memory in use at any time by the engine, in bytes.
size_t engine_peak_bytes(const Engine *engine);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
