// The model over Values: gpt() with its KV cache, the loss, and the scalar engine around them.
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

// The graph of one document and what is needed to build it. The parameters are the graph's first
// nodes, leaves that are kept; a document's nodes follow them, and are dropped for the next
// document.
typedef struct ScalarGpt {
    Model *model;
    Graph graph;
    Value **params;         // [n_params] leaves, in the order of model->data
    GraphMark above_params; // where a document's nodes start
    KvCache cache;

    // Vectors of the position being computed, under the names they have in microgpt.py.
    Value **x;            // [E] the residual stream
    Value **x_residual;   // [E] x as it was before the block
    Value **q;            // [E] all heads side by side
    Value **x_attn;       // [E] the heads' outputs side by side
    Value **hidden;       // [4E] the inside of the MLP
    Value **attn_weights; // [B] of one head, logits first
    Value **v_column;     // [B] one dimension of one head's values, over the positions
    Value **probs;        // [V], logits first
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

#endif
