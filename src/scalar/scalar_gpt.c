// gpt() over Values, one token at a time, and the loss of a document.
//
// Implements `gpt` and the forward half of the training loop's body, with the functions of
// scalar_nn.c, for engine.c. scalar_size.c counts the nodes that this file makes.
#include "scalar/scalar_gpt.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact.h"
#include "scalar/scalar_nn.h"

// Returns the leaves of the matrix, row by row.
static Value **matrix(ScalarGpt *gpt, MatrixKind kind, int layer)
{
    return gpt->params + model_matrix(gpt->model, kind, layer)->first_param;
}

// Returns where the cache keeps the key or value vector of a position.
static Value **cache_row(const ScalarGpt *gpt, Value **rows, int layer, size_t pos_id)
{
    const ModelConfig *config = &gpt->model->config;
    size_t row = (size_t)layer * (size_t)config->block_size + pos_id;
    return rows + row * (size_t)config->n_embd;
}

static void copy_vector(Value **out, Value *const *x, size_t n)
{
    memcpy(out, x, n * sizeof(Value *));
}

// Adds the residual stream to the output of a block, which is the left operand.
static void add_residual(Graph *g, Value **x, Value *const *x_residual, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        graph_name(g, "residual", (int32_t)i);
        x[i] = value_add(g, x[i], x_residual[i]);
    }
}

// Adds the embeddings of the token and of the position.
static void embed(ScalarGpt *gpt, int token_id, size_t pos_id)
{
    size_t n_embd = (size_t)gpt->model->config.n_embd;
    Value **tok_emb = matrix(gpt, MATRIX_WTE, -1) + (size_t)token_id * n_embd;
    Value **pos_emb = matrix(gpt, MATRIX_WPE, -1) + pos_id * n_embd;
    for (size_t i = 0; i < n_embd; i++) {
        graph_name(&gpt->graph, "embed", (int32_t)i);
        gpt->x[i] = value_add(&gpt->graph, tok_emb[i], pos_emb[i]);
    }
}

// One head: a sum of the values, each weighted by how well its key fits the query.
// Formula: head_out = sum_t softmax_t(q . k_t / sqrt(D)) * v_t
static void attention_head(ScalarGpt *gpt, int layer, size_t head, size_t n_positions)
{
    Graph *g = &gpt->graph;
    size_t head_dim = (size_t)gpt->model->head_dim;
    size_t hs = head * head_dim;
    Value **q_h = gpt->q + hs;
    Value **head_out = gpt->x_attn + hs;
    Value **attn_logits = gpt->attn_weights;
    graph_enter(g, "head", (int32_t)head);
    for (size_t t = 0; t < n_positions; t++) {
        graph_name(g, "logit", (int32_t)t);
        Value **k_t = cache_row(gpt, gpt->cache.keys, layer, t) + hs;
        Value *q_dot_k = value_dot(g, q_h, k_t, head_dim);
        attn_logits[t] = value_div_number(g, q_dot_k, pow((double)head_dim, 0.5));
    }
    softmax(g, "weight", attn_logits, n_positions, gpt->attn_weights);
    for (size_t j = 0; j < head_dim; j++) {
        for (size_t t = 0; t < n_positions; t++) {
            gpt->v_column[t] = cache_row(gpt, gpt->cache.values, layer, t)[hs + j];
        }
        graph_name(g, "out", (int32_t)j);
        head_out[j] = value_dot(g, gpt->attn_weights, gpt->v_column, n_positions);
    }
    graph_leave(g);
}

// 1) Multi-head attention: x += wo @ heads(rmsnorm(x))
static void attention_block(ScalarGpt *gpt, int layer, size_t pos_id)
{
    Graph *g = &gpt->graph;
    size_t n_embd = (size_t)gpt->model->config.n_embd;
    size_t n_head = (size_t)gpt->model->config.n_head;
    Value **k = cache_row(gpt, gpt->cache.keys, layer, pos_id);
    Value **v = cache_row(gpt, gpt->cache.values, layer, pos_id);
    graph_enter(g, "attn", -1);
    copy_vector(gpt->x_residual, gpt->x, n_embd);
    rmsnorm(g, gpt->x, n_embd, gpt->x);
    linear(g, "q", gpt->x, n_embd, matrix(gpt, MATRIX_ATTN_WQ, layer), n_embd, gpt->q);
    linear(g, "k", gpt->x, n_embd, matrix(gpt, MATRIX_ATTN_WK, layer), n_embd, k);
    linear(g, "v", gpt->x, n_embd, matrix(gpt, MATRIX_ATTN_WV, layer), n_embd, v);
    for (size_t head = 0; head < n_head; head++) {
        attention_head(gpt, layer, head, pos_id + 1);
    }
    linear(g, "wo", gpt->x_attn, n_embd, matrix(gpt, MATRIX_ATTN_WO, layer), n_embd, gpt->x);
    add_residual(g, gpt->x, gpt->x_residual, n_embd);
    graph_leave(g);
}

// 2) MLP: x += fc2 @ relu(fc1 @ rmsnorm(x))
static void mlp_block(ScalarGpt *gpt, int layer)
{
    Graph *g = &gpt->graph;
    size_t n_embd = (size_t)gpt->model->config.n_embd;
    graph_enter(g, "mlp", -1);
    copy_vector(gpt->x_residual, gpt->x, n_embd);
    rmsnorm(g, gpt->x, n_embd, gpt->x);
    linear(g, "fc1", gpt->x, n_embd, matrix(gpt, MATRIX_MLP_FC1, layer), 4 * n_embd, gpt->hidden);
    for (size_t i = 0; i < 4 * n_embd; i++) {
        graph_name(g, "fc1[].relu", (int32_t)i);
        gpt->hidden[i] = value_relu(g, gpt->hidden[i]);
    }
    linear(g, "fc2", gpt->hidden, 4 * n_embd, matrix(gpt, MATRIX_MLP_FC2, layer), n_embd, gpt->x);
    add_residual(g, gpt->x, gpt->x_residual, n_embd);
    graph_leave(g);
}

// Computes the logits of the token that follows token_id, and adds its key and value to the cache.
// Shapes: logits [V].
// Source: gpt
static void gpt_position(ScalarGpt *gpt, int token_id, size_t pos_id, Value **logits)
{
    const ModelConfig *config = &gpt->model->config;
    Graph *g = &gpt->graph;
    size_t n_embd = (size_t)config->n_embd;
    embed(gpt, token_id, pos_id);
    rmsnorm(g, gpt->x, n_embd, gpt->x); // not redundant: backward passes through it
    for (int li = 0; li < config->n_layer; li++) {
        graph_enter(g, "layer", li);
        attention_block(gpt, li, pos_id);
        mlp_block(gpt, li);
        graph_leave(g);
    }
    gpt->cache.n_positions = pos_id + 1;
    linear(g, "logit", gpt->x, n_embd, matrix(gpt, MATRIX_LM_HEAD, -1), (size_t)config->vocab_size,
           logits);
}

// Sets the leaves to the current values of the parameters, and their gradients to 0.
static void load_params(ScalarGpt *gpt)
{
    for (size_t i = 0; i < gpt->model->n_params; i++) {
        gpt->params[i]->data = gpt->model->data[i];
        gpt->params[i]->grad = 0;
    }
}

// Starts a document, with a graph that has only the parameters, and an empty cache.
static void start_document(ScalarGpt *gpt)
{
    graph_reset(&gpt->graph, gpt->above_params);
    load_params(gpt);
    gpt->cache.n_positions = 0;
    gpt->loss = NULL;
}

static bool check_memory(const ScalarGpt *gpt, Error *error)
{
    if (gpt->graph.out_of_memory) {
        size_t n_nodes = graph_n_nodes(&gpt->graph);
        return error_out_of_memory(error, "the graph", (n_nodes + 1) * sizeof(Value));
    }
    return true;
}

bool scalar_gpt_forward(ScalarGpt *gpt, const int *tokens, size_t n_positions, double *loss,
                        Error *error)
{
    Graph *g = &gpt->graph;
    size_t vocab_size = (size_t)gpt->model->config.vocab_size;
    start_document(gpt);
    for (size_t pos_id = 0; pos_id < n_positions; pos_id++) {
        int token_id = tokens[pos_id];
        int target_id = tokens[pos_id + 1];
        graph_enter(g, "pos", (int32_t)pos_id);
        gpt_position(gpt, token_id, pos_id, gpt->probs);
        softmax(g, "prob", gpt->probs, vocab_size, gpt->probs);
        graph_name(g, "loss", -1);
        Value *log_prob = value_log(g, gpt->probs[target_id]);
        gpt->losses[pos_id] = value_neg(g, log_prob);
        graph_leave(g);
        if (!check_memory(gpt, error)) {
            return false;
        }
    }
    graph_name(g, "loss.sum", -1);
    Value *sum_of_losses = value_sum(g, gpt->losses, n_positions);
    graph_name(g, "loss", -1);
    Value *mean_loss = value_mul_number(g, sum_of_losses, 1 / (double)n_positions);
    if (!check_memory(gpt, error)) {
        return false;
    }
    gpt->loss = mean_loss;
    *loss = mean_loss->data;
    return true;
}

bool scalar_gpt_backward(ScalarGpt *gpt, Error *error)
{
    assert(gpt->loss != NULL);
    if (!value_backward(&gpt->graph, gpt->loss, error)) {
        return false;
    }
    scalar_gpt_store_grads(gpt);
    return true;
}

void scalar_gpt_store_grads(ScalarGpt *gpt)
{
    for (size_t i = 0; i < gpt->model->n_params; i++) {
        gpt->model->grad[i] = gpt->params[i]->grad;
    }
}

// Drops the graph of the position that was just computed. Sampling needs only its keys and values,
// which become leaves, so the memory does not grow with the graphs of all positions.
static void keep_only_cache(ScalarGpt *gpt, GraphMark before, size_t pos_id)
{
    const ModelConfig *config = &gpt->model->config;
    size_t n_embd = (size_t)config->n_embd;
    double *data = gpt->cache_data;
    for (int li = 0; li < config->n_layer; li++) {
        Value **k = cache_row(gpt, gpt->cache.keys, li, pos_id);
        Value **v = cache_row(gpt, gpt->cache.values, li, pos_id);
        for (size_t i = 0; i < n_embd; i++) {
            *data++ = k[i]->data;
            *data++ = v[i]->data;
        }
    }
    graph_reset(&gpt->graph, before);
    data = gpt->cache_data;
    for (int li = 0; li < config->n_layer; li++) {
        Value **k = cache_row(gpt, gpt->cache.keys, li, pos_id);
        Value **v = cache_row(gpt, gpt->cache.values, li, pos_id);
        for (size_t i = 0; i < n_embd; i++) {
            k[i] = value_leaf(&gpt->graph, *data++);
            v[i] = value_leaf(&gpt->graph, *data++);
        }
    }
}

bool scalar_gpt_probs(ScalarGpt *gpt, int token_id, size_t pos_id, double temperature,
                      double *probs, Error *error)
{
    Graph *g = &gpt->graph;
    size_t vocab_size = (size_t)gpt->model->config.vocab_size;
    if (pos_id == 0) {
        start_document(gpt);
    }
    assert(pos_id == gpt->cache.n_positions);
    GraphMark before = graph_mark(g);
    Value **logits = gpt->probs;
    graph_enter(g, "pos", (int32_t)pos_id);
    gpt_position(gpt, token_id, pos_id, logits);
    for (size_t i = 0; i < vocab_size; i++) {
        graph_name(g, "scaled", (int32_t)i);
        logits[i] = value_div_number(g, logits[i], temperature);
    }
    softmax(g, "prob", logits, vocab_size, gpt->probs);
    graph_leave(g);
    if (!check_memory(gpt, error)) {
        return false;
    }
    for (size_t i = 0; i < vocab_size; i++) {
        probs[i] = gpt->probs[i]->data;
    }
    keep_only_cache(gpt, before, pos_id);
    return check_memory(gpt, error);
}

// Returns the next n pointers of the memory for the vectors.
static Value **next_vector(Value ***free_vectors, size_t n)
{
    Value **vector = *free_vectors;
    *free_vectors += n;
    return vector;
}

static void lay_out_vectors(ScalarGpt *gpt)
{
    const ModelConfig *config = &gpt->model->config;
    size_t n_embd = (size_t)config->n_embd;
    size_t block_size = (size_t)config->block_size;
    Value **next = gpt->vectors;
    gpt->x = next_vector(&next, n_embd);
    gpt->x_residual = next_vector(&next, n_embd);
    gpt->q = next_vector(&next, n_embd);
    gpt->x_attn = next_vector(&next, n_embd);
    gpt->hidden = next_vector(&next, 4 * n_embd);
    gpt->attn_weights = next_vector(&next, block_size);
    gpt->v_column = next_vector(&next, block_size);
    gpt->losses = next_vector(&next, block_size);
    gpt->probs = next_vector(&next, (size_t)config->vocab_size);
    assert(next == gpt->vectors + scalar_gpt_count_vectors(config));
}

// Makes the leaves of one matrix, next to each other in memory.
static bool make_matrix(ScalarGpt *gpt, const Matrix *matrix)
{
    Graph *g = &gpt->graph;
    size_t n = (size_t)matrix->n_out * (size_t)matrix->n_in;
    graph_name_matrix(g, matrix_kind_name(matrix->kind), (uint32_t)matrix->n_in);
    Value *leaves = graph_leaves(g, gpt->model->data + matrix->first_param, n);
    for (size_t i = 0; leaves != NULL && i < n; i++) {
        gpt->params[matrix->first_param + i] = &leaves[i];
    }
    return leaves != NULL;
}

// Makes the parameters, the first nodes of the graph, in state_dict order.
static bool make_params(ScalarGpt *gpt)
{
    Graph *g = &gpt->graph;
    for (int i = 0; i < gpt->model->n_matrices; i++) {
        const Matrix *described = &gpt->model->matrices[i];
        if (described->kind == MATRIX_ATTN_WQ) {
            graph_enter(g, "layer", described->layer);
        }
        if (!make_matrix(gpt, described)) {
            return false;
        }
        if (described->kind == MATRIX_MLP_FC2) {
            graph_leave(g);
        }
    }
    gpt->above_params = graph_mark(g);
    return !g->out_of_memory;
}

bool scalar_gpt_init(ScalarGpt *gpt, Model *model, Error *error)
{
    assert(gpt != NULL && model != NULL && error != NULL);
    const ModelConfig *config = &model->config;
    size_t n_cache = scalar_gpt_count_cache(config);
    assert(n_cache < SIZE_MAX);
    size_t n_newest = 2 * (size_t)config->n_layer * (size_t)config->n_embd;
    *gpt = (ScalarGpt){
        .model = model,
        .cache.keys = calloc(n_cache + 1, sizeof(Value *)), // + 1: without layers, there are none
        .cache.values = calloc(n_cache + 1, sizeof(Value *)),
        .cache_data = calloc(n_newest + 1, sizeof(double)),
        .params = calloc(model->n_params, sizeof(Value *)),
        .vectors = calloc(scalar_gpt_count_vectors(config), sizeof(Value *)),
    };
    graph_init(&gpt->graph);
    bool ok = gpt->cache.keys != NULL && gpt->cache.values != NULL && gpt->cache_data != NULL &&
              gpt->params != NULL && gpt->vectors != NULL && make_params(gpt);
    if (!ok) {
        scalar_gpt_free(gpt);
        return error_out_of_memory(error, "the scalar engine", scalar_gpt_count_bytes(config, 1));
    }
    lay_out_vectors(gpt);
    return true;
}

void scalar_gpt_free(ScalarGpt *gpt)
{
    assert(gpt != NULL);
    graph_free(&gpt->graph);
    free(gpt->cache.keys);
    free(gpt->cache.values);
    free(gpt->cache_data);
    free(gpt->vectors);
    free(gpt->params);
    *gpt = (ScalarGpt){0};
}

size_t scalar_gpt_peak_bytes(const ScalarGpt *gpt)
{
    const ModelConfig *config = &gpt->model->config;
    size_t n_pointers = gpt->model->n_params + 2 * scalar_gpt_count_cache(config) +
                        scalar_gpt_count_vectors(config);
    return graph_peak_bytes(&gpt->graph) + n_pointers * sizeof(Value *);
}
