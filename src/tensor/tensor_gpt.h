// The tensor engine: gpt(), its loss and its gradients, computed with arrays and without a graph.
// Its results are bit-identical to those of the scalar engine.
//
// It computes all positions of a document together, layer by layer, which is possible because no
// position attends to a later one. If several positions contribute to a gradient, backward adds
// their contributions in descending order of the positions, as the scalar engine does. Sampling
// computes one token at a time, with a cache of keys and values.
#ifndef MICROGPT_TENSOR_GPT_H
#define MICROGPT_TENSOR_GPT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/simd.h"

typedef struct TensorGpt TensorGpt;

// Returns the bytes of memory that the engine needs for documents and samples of up to n_positions,
// without the parameters and their gradients; SIZE_MAX if that overflows. Allocates nothing.
size_t tensor_gpt_count_bytes(const ModelConfig *config, size_t n_positions);

// Makes an engine for a model, with the best kernels that the processor supports. The model must
// outlive the engine.
// Errors: out of memory.
bool tensor_gpt_create(TensorGpt **gpt, Model *model, Error *error);

// Frees the engine; does nothing if gpt is NULL.
void tensor_gpt_free(TensorGpt *gpt);

// Selects the kernels of a level. Every level gives the same bits.
// Requires: simd_has(level); a sample in progress must start again from position 0.
void tensor_gpt_set_simd(TensorGpt *gpt, SimdLevel level);

// Runs the document through the model and computes its average loss per position.
// Shapes: tokens [n_positions + 1]; tokens[pos_id + 1] is the target of position pos_id.
// Requires: 1 <= n_positions <= block_size, tokens in [0, V).
// Errors: out of memory.
// Formula: loss = (sum of -log(probs[target]), positions ascending) * (1 / n_positions)
bool tensor_gpt_forward(TensorGpt *gpt, const int *tokens, size_t n_positions, double *loss,
                        Error *error);

// Computes dloss/dparameter for the document of the last tensor_gpt_forward(), and writes it to
// model->grad.
// Requires: tensor_gpt_forward() was the last call.
// Errors: out of memory.
bool tensor_gpt_backward(TensorGpt *gpt, Error *error);

// Computes the probabilities of the token that follows token_id, which is at position pos_id.
// Shapes: probs [V].
// Requires: calls with pos_id 0, 1, 2 ... and unchanged parameters; pos_id < block_size,
// 0 <= token_id < V, temperature > 0.
// Errors: out of memory.
// Formula: softmax(logits * temperature**-1)
bool tensor_gpt_probs(TensorGpt *gpt, int token_id, size_t pos_id, double temperature,
                      double *probs, Error *error);

// Returns the most memory in use at any time by the engine, in bytes.
size_t tensor_gpt_peak_bytes(const TensorGpt *gpt);

#endif
