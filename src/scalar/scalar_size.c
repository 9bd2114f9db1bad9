// Counts the nodes, names and bytes of a document's graph: see scalar_gpt.h.
//
// Follows scalar_gpt.c line by line; test_scalar_gpt.c compares the two for many sizes.
#include "scalar/scalar_gpt.h"

#include <assert.h>
#include <stdbool.h>

#include "base/count.h"
#include "microgpt/value.h"

// The nodes of linear(): per row n_in products, n_in sums and the 0 of sum().
static size_t linear_nodes(size_t n_in, size_t n_out)
{
    return n_out * (2 * n_in + 1);
}

// The nodes of rmsnorm(): the sum of x * x, / n (2 nodes), + 1e-5 (2), ** -0.5, x * scale.
static size_t rmsnorm_nodes(size_t n)
{
    return (2 * n + 1) + 2 + 2 + 1 + n;
}

// The nodes of softmax(): x - max (2 nodes), exp; their sum; total ** -1, e * that.
static size_t softmax_nodes(size_t n)
{
    return 3 * n + (n + 1) + 2 * n;
}

// The nodes of one layer at each position, except those that depend on earlier positions.
static size_t layer_nodes(const ModelConfig *config)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t qkvo = 4 * linear_nodes(n_embd, n_embd);
    size_t mlp = linear_nodes(n_embd, 4 * n_embd) + 4 * n_embd + linear_nodes(4 * n_embd, n_embd);
    size_t norms_and_residuals = 2 * (rmsnorm_nodes(n_embd) + n_embd);
    size_t heads = (size_t)config->n_head * softmax_nodes(0) + n_embd; // the 0s of their sums
    return qkvo + mlp + norms_and_residuals + heads;
}

// The nodes of one layer for each pair of a position and a key that it attends to: in each head q .
// k, its scaling, a share of the softmax, and the weight times the value.
static size_t pair_nodes(const ModelConfig *config)
{
    size_t head_dim = (size_t)(config->n_embd / config->n_head);
    size_t logit = (2 * head_dim + 1) + 2;
    size_t weight = softmax_nodes(1) - softmax_nodes(0);
    size_t head_out = 2 * head_dim;
    return (size_t)config->n_head * (logit + weight + head_out);
}

size_t scalar_gpt_count_nodes(const ModelConfig *config, size_t n_positions)
{
    // One position's nodes in one layer are fewer than 2^50 for sizes up to MODEL_MAX_SIZE; only
    // the products with the number of positions and layers can overflow.
    size_t n_embd = (size_t)config->n_embd;
    size_t n_layer = (size_t)config->n_layer;
    size_t vocab_size = (size_t)config->vocab_size;
    size_t n_pairs = n_positions * (n_positions + 1) / 2;
    size_t embedding = n_embd + rmsnorm_nodes(n_embd);
    size_t head = linear_nodes(n_embd, vocab_size) + softmax_nodes(vocab_size);
    size_t position_loss = 3;          // log, -1, their product
    size_t mean = n_positions + 1 + 2; // the sum of the losses, 1/n, their product
    size_t layers = count_add(count_mul(n_layer, count_mul(n_positions, layer_nodes(config))),
                              count_mul(n_layer, count_mul(n_pairs, pair_nodes(config))));
    size_t ends = count_mul(n_positions, embedding + head + position_loss);
    return count_add(count_add(layers, ends), mean);
}

// Pointers in the vectors: x, x_residual, q, x_attn, hidden; attn_weights, v_column, losses; probs.
size_t scalar_gpt_count_vectors(const ModelConfig *config)
{
    size_t n_embd = (size_t)config->n_embd;
    return (4 + 4) * n_embd + 3 * (size_t)config->block_size + (size_t)config->vocab_size;
}

size_t scalar_gpt_count_cache(const ModelConfig *config)
{
    return count_mul((size_t)config->n_layer, (size_t)config->block_size * (size_t)config->n_embd);
}

// The number of names that one layer gives at each position, except those for each key.
static size_t layer_scopes(const ModelConfig *config)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t parts = 3 + (size_t)config->n_head; // layer, attn, mlp, heads: each is entered and left
    size_t norms = 2 * (2 + n_embd);
    size_t qkvo = 4 * n_embd;
    size_t mlp = (4 + 4 + 1) * n_embd;
    size_t residuals = 2 * n_embd;
    size_t heads = (size_t)config->n_head + n_embd; // total, out
    return 2 * parts + norms + qkvo + mlp + residuals + heads;
}

// The number of scopes of a document; logit, exp and weight are named for each key of each head.
static size_t count_scopes(const ModelConfig *config, size_t n_positions)
{
    size_t n_layer = (size_t)config->n_layer;
    size_t n_pairs = n_positions * (n_positions + 1) / 2;
    size_t matrices = N_MODEL_MATRICES + n_layer * (N_LAYER_MATRICES + 2);
    size_t position = 2 + (size_t)config->n_embd + (2 + (size_t)config->n_embd) +
                      3 * (size_t)config->vocab_size + 2;
    size_t layers = count_add(count_mul(n_positions, layer_scopes(config)),
                              count_mul(n_pairs, 3 * (size_t)config->n_head));
    size_t loss = 2;
    return count_add(count_add(matrices + loss, count_mul(n_positions, position)),
                     count_mul(n_layer, layers));
}

size_t scalar_gpt_count_bytes(const ModelConfig *config, size_t n_positions)
{
    Error ignored;
    size_t n_params = 0;
    bool valid = model_count_params(config, &n_params, &ignored);
    assert(valid && n_positions >= 1);
    (void)valid; // asserts may be omitted
    size_t n_nodes = count_add(n_params, scalar_gpt_count_nodes(config, n_positions));
    size_t n_pointers = count_add(n_params, count_mul(2, scalar_gpt_count_cache(config)));
    n_pointers = count_add(n_pointers, scalar_gpt_count_vectors(config));
    return count_add(graph_count_bytes(n_nodes, count_scopes(config, n_positions)),
                     count_mul(n_pointers, sizeof(Value *)));
}
