// The model over Values: gpt() with its KV cache, the loss, and the scalar engine that uses them.
#ifndef MICROGPT_SCALAR_GPT_H
#define MICROGPT_SCALAR_GPT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/value.h"

// The KV cache: the keys and values of the positions so far.
typedef struct KvCache {
    size_t n_positions; // T, how many positions it holds
    Value **keys;       // [L,B,E]
    Value **values;     // [L,B,E]
} KvCache;

// The graph of one document and what is needed to build it. The parameters are leaves, the first
// nodes of the graph, and stay. The nodes of a document follow them, and are dropped for the next
// document.
typedef struct ScalarGpt {
    Model *model;
    Graph graph;
    Value **params;         // [n_params] leaves, in the order of model->data
    GraphMark above_params; // where a document's nodes start
    KvCache cache;

    // The vectors of the current position, with their names in microgpt.py.
    Value **x;            // [E] the residual stream
    Value **x_residual;   // [E] x as it was before the block
    Value **q;            // [E] of all heads, one after the other
    Value **x_attn;       // [E] the outputs of the heads, one after the other
    Value **hidden;       // [4E] the hidden layer of the MLP
    Value **attn_weights; // [B] of one head; before the softmax, its logits
    Value **v_column;     // [B] one dimension of the values of one head, at all positions
    Value **probs;        // [V]; before the softmax, the logits
    Value **losses;       // [B]
    Value *loss;          // of the document, the root of the graph
    double *cache_data;   // [2,L,E] the newest keys and values, while sampling
    Value **vectors;      // the memory of all the vectors above
} ScalarGpt;

// The engine's functions: see include/microgpt/engine.h.
bool scalar_gpt_init(ScalarGpt *gpt, Model *model, Error *error);
void scalar_gpt_free(ScalarGpt *gpt);
bool scalar_gpt_forward(ScalarGpt *gpt, const int *tokens, size_t n_positions, double *loss,
                        Error *error);
bool scalar_gpt_backward(ScalarGpt *gpt, Error *error);
bool scalar_gpt_probs(ScalarGpt *gpt, int token_id, size_t pos_id, double temperature,
                      double *probs, Error *error);
size_t scalar_gpt_peak_bytes(const ScalarGpt *gpt);

// The parts of scalar_gpt_backward(), for timing: graph_build_topo() on loss, graph_backward(), and
// this function, which copies the leaves' gradients to model->grad.
void scalar_gpt_store_grads(ScalarGpt *gpt);

// Returns the number of nodes of a document of n_positions; SIZE_MAX if that overflows.
size_t scalar_gpt_count_nodes(const ModelConfig *config, size_t n_positions);

// Returns the bytes that the engine needs for documents of up to n_positions: see
// engine_count_bytes().
size_t scalar_gpt_count_bytes(const ModelConfig *config, size_t n_positions);

// Return how many pointers all vectors of ScalarGpt have together, and how many its keys have, or
// its values; the latter is SIZE_MAX if it overflows.
size_t scalar_gpt_count_vectors(const ModelConfig *config);
size_t scalar_gpt_count_cache(const ModelConfig *config);

#endif
