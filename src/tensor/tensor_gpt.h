// The tensor engine: gpt(), its loss and its gradients over arrays, without a graph, and bit for
// bit what the scalar engine computes.
//
// All positions of a document go together, layer by layer: no position looks at a later one.
// Backward takes positions in falling order wherever they share something, as the walk through the
// graph does. Sampling goes one token at a time, with a cache of keys and values.
#ifndef MICROGPT_TENSOR_GPT_H
#define MICROGPT_TENSOR_GPT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/simd.h"

typedef struct TensorGpt TensorGpt;

// The memory the engine needs besides the parameters and their gradients, for documents and samples
// of up to n_positions positions. SIZE_MAX where that overflows. Allocates nothing.
size_t tensor_gpt_count_bytes(const ModelConfig *config, size_t n_positions);

// Makes an engine that computes with the model, which must outlive it, by the best kernels that the
// processor has.
// Errors: out of memory.
bool tensor_gpt_create(TensorGpt **gpt, Model *model, Error *error);

// NULL is fine, too.
void tensor_gpt_free(TensorGpt *gpt);

// Forces the kernels of a level. Every level gives the same bits.
// Requires: simd_has(level); a sample in progress starts again from position 0.
void tensor_gpt_set_simd(TensorGpt *gpt, SimdLevel level);

// Runs the document through the model and computes its average loss per position.
// Shapes: tokens [n_positions + 1]; tokens[pos_id + 1] is the target of position pos_id.
// Requires: 1 <= n_positions <= block_size, tokens in [0, V).
// Errors: out of memory.
// Formula: loss = (sum of -log(probs[target]), positions rising) * (1 / n_positions)
bool tensor_gpt_forward(TensorGpt *gpt, const int *tokens, size_t n_positions, double *loss,
                        Error *error);

// Computes dloss/dparameter for the document just run forward, into model->grad.
// Requires: tensor_gpt_forward() came just before.
// Errors: out of memory.
bool tensor_gpt_backward(TensorGpt *gpt, Error *error);

// The probabilities of the token after token_id at position pos_id. Positions come in rising order
// from 0, between which the parameters do not change.
// Shapes: probs [V].
// Requires: pos_id < block_size, 0 <= token_id < V, temperature > 0.
// Errors: out of memory.
// Formula: softmax(logits * temperature**-1)
bool tensor_gpt_probs(TensorGpt *gpt, int token_id, size_t pos_id, double temperature,
                      double *probs, Error *error);

// The most memory that the engine has had in use so far, in bytes.
size_t tensor_gpt_peak_bytes(const TensorGpt *gpt);

#endif
