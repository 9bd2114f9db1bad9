// The tensor engine in plain loops: gpt() position by position as in microgpt.py, the loss, and
// backward.
#include "tensor/tensor_plain.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/tensor_memory.h"

// Assigns the arrays. All counts saturate at SIZE_MAX, so that plan->used shows any overflow.
static void plain_plan_layer(Plan *plan, PlainLayer *layer, const ModelConfig *config, size_t t)
{
    size_t te = count_mul(t, (size_t)config->n_embd);
    size_t th = count_mul(t, (size_t)config->n_head);
    layer->x0 = plan_doubles(plan, te);
    layer->norm1 = plan_array(plan, t, sizeof(RmsNorm));
    layer->xn1 = plan_doubles(plan, te);
    layer->q = plan_doubles(plan, te);
    layer->k = plan_doubles(plan, te);
    layer->v = plan_doubles(plan, te);
    layer->attn_e = plan_doubles(plan, count_mul(th, t));
    layer->attn_softmax = plan_array(plan, th, sizeof(Softmax));
    layer->xa = plan_doubles(plan, te);
    layer->x1 = plan_doubles(plan, te);
    layer->norm2 = plan_array(plan, t, sizeof(RmsNorm));
    layer->xn2 = plan_doubles(plan, te);
    layer->h = plan_doubles(plan, count_mul(te, 4));
}

static void plain_plan_shared(Plan *plan, Plain *plain, const ModelConfig *config, size_t t)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t vocab_size = (size_t)config->vocab_size;
    size_t te = count_mul(t, n_embd);
    plain->embedded = plan_doubles(plan, te);
    plain->norm0 = plan_array(plan, t, sizeof(RmsNorm));
    plain->xf = plan_doubles(plan, te);
    plain->e = plan_doubles(plan, count_mul(t, vocab_size));
    plain->softmax = plan_array(plan, t, sizeof(Softmax));
    plain->dx = plan_doubles(plan, te);
    plain->dxn = plan_doubles(plan, n_embd);
    plain->dq = plan_doubles(plan, n_embd);
    plain->dk = plan_doubles(plan, te);
    plain->dv = plan_doubles(plan, te);
    plain->dxa = plan_doubles(plan, n_embd);
    plain->dh = plan_doubles(plan, count_mul(n_embd, 4));
    plain->dlogits = plan_doubles(plan, vocab_size);
    plain->scratch =
        plan_doubles(plan, vocab_size > count_mul(t, 2) ? vocab_size : count_mul(t, 2));
}

size_t plain_count_bytes(const ModelConfig *config, size_t n_positions)
{
    Plain unused;
    PlainLayer layer;
    Plan shared = {NULL, 0};
    Plan per_layer = {NULL, 0};
    plain_plan_shared(&shared, &unused, config, n_positions);
    plain_plan_layer(&per_layer, &layer, config, n_positions);
    plan_array(&per_layer, 1, sizeof layer);
    plan_array(&shared, (size_t)config->n_layer, per_layer.used);
    return shared.used;
}

bool plain_grow(Plain *plain, const ModelConfig *config, size_t n_positions, Error *error)
{
    if (n_positions <= plain->max_positions) {
        return true;
    }
    Plain new = {.max_positions = n_positions, .n_bytes = plain_count_bytes(config, n_positions)};
    new.memory = doubles_alloc(new.n_bytes / sizeof *new.memory);
    if (new.memory == NULL) {
        return error_out_of_memory(error, "activations", new.n_bytes);
    }
    Plan plan = {(char *)new.memory, 0};
    size_t n_layer = (size_t)config->n_layer;
    size_t kept = plain->max_positions * (size_t)config->n_embd;
    plain_plan_shared(&plan, &new, config, n_positions);
    new.layers = plan_array(&plan, n_layer, sizeof(PlainLayer));
    for (size_t l = 0; l < n_layer; l++) {
        plain_plan_layer(&plan, &new.layers[l], config, n_positions);
        if (kept > 0) {
            memcpy(new.layers[l].k, plain->layers[l].k, kept * sizeof(double));
            memcpy(new.layers[l].v, plain->layers[l].v, kept * sizeof(double));
        }
    }
    assert(plan.used <= new.n_bytes);
    plain_free(plain);
    *plain = new;
    return true;
}

void plain_free(Plain *plain)
{
    free(plain->memory);
    *plain = (Plain){0};
}

static Attention attention_of(const Plain *plain, const ModelConfig *config)
{
    Attention attention = {
        .n_head = (size_t)config->n_head,
        .head_dim = (size_t)(config->n_embd / config->n_head),
        .stride = plain->max_positions,
    };
    // Two powers, as in microgpt.py: logits / head_dim**0.5 multiplies by the inverse.
    attention.inverse_sqrt_dim = pow(pow((double)attention.head_dim, 0.5), -1);
    return attention;
}

// Returns position t in layer l. It attends to itself and to all earlier positions.
static AttentionPosition attention_position(const Plain *plain, const Attention *attention, int l,
                                            size_t t)
{
    const PlainLayer *layer = &plain->layers[l];
    size_t n_head = attention->n_head;
    return (AttentionPosition){
        .q = &layer->q[t * n_head * attention->head_dim],
        .k = layer->k,
        .v = layer->v,
        .n_keys = t + 1,
        .e = &layer->attn_e[t * n_head * attention->stride],
        .softmax = &layer->attn_softmax[t * n_head],
    };
}

static void plain_add(double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

// Computes layer l for position t, from x0 to out, which is the next layer's x0.
static void plain_layer_forward(Plain *plain, const Model *model, int l, size_t t, double *out)
{
    PlainLayer *layer = &plain->layers[l];
    size_t n_embd = (size_t)model->config.n_embd;
    Attention attention = attention_of(plain, &model->config);
    size_t at = t * n_embd; // the first index of the row of position t

    rmsnorm_forward(&layer->x0[at], &layer->xn1[at], &layer->norm1[t], n_embd);
    linear_forward(matrix_data(model, MATRIX_ATTN_WQ, l), &layer->xn1[at], &layer->q[at], n_embd,
                   n_embd);
    linear_forward(matrix_data(model, MATRIX_ATTN_WK, l), &layer->xn1[at], &layer->k[at], n_embd,
                   n_embd);
    linear_forward(matrix_data(model, MATRIX_ATTN_WV, l), &layer->xn1[at], &layer->v[at], n_embd,
                   n_embd);
    AttentionPosition position = attention_position(plain, &attention, l, t);
    attention_forward(&attention, &position, &layer->xa[at]);
    linear_forward(matrix_data(model, MATRIX_ATTN_WO, l), &layer->xa[at], &layer->x1[at], n_embd,
                   n_embd);
    plain_add(&layer->x1[at], &layer->x0[at], n_embd);

    rmsnorm_forward(&layer->x1[at], &layer->xn2[at], &layer->norm2[t], n_embd);
    linear_forward(matrix_data(model, MATRIX_MLP_FC1, l), &layer->xn2[at], &layer->h[4 * at],
                   4 * n_embd, n_embd);
    relu_forward(&layer->h[4 * at], 4 * n_embd);
    linear_forward(matrix_data(model, MATRIX_MLP_FC2, l), &layer->h[4 * at], out, n_embd,
                   4 * n_embd);
    plain_add(out, &layer->x1[at], n_embd);
}

void plain_gpt(Plain *plain, const Model *model, int token_id, size_t pos_id, double *logits)
{
    size_t n_embd = (size_t)model->config.n_embd;
    int n_layer = model->config.n_layer;
    size_t at = pos_id * n_embd;
    double *embedded = &plain->embedded[at];
    assert(pos_id < plain->max_positions);
    embedding_forward(&matrix_data(model, MATRIX_WTE, -1)[(size_t)token_id * n_embd],
                      &matrix_data(model, MATRIX_WPE, -1)[at], embedded, n_embd);
    double *x = n_layer > 0 ? &plain->layers[0].x0[at] : &plain->xf[at];
    rmsnorm_forward(embedded, x, &plain->norm0[pos_id], n_embd);
    for (int l = 0; l < n_layer; l++) {
        double *out = l + 1 < n_layer ? &plain->layers[l + 1].x0[at] : &plain->xf[at];
        plain_layer_forward(plain, model, l, pos_id, out);
    }
    linear_forward(matrix_data(model, MATRIX_LM_HEAD, -1), &plain->xf[at], logits,
                   (size_t)model->config.vocab_size, n_embd);
}

double plain_forward(Plain *plain, const Model *model, const int *tokens, size_t n_positions)
{
    size_t vocab_size = (size_t)model->config.vocab_size;
    double sum = 0.0;
    for (size_t t = 0; t < n_positions; t++) {
        double *e = &plain->e[t * vocab_size];
        plain_gpt(plain, model, tokens[t], t, e);
        softmax_forward(e, e, &plain->softmax[t], vocab_size);
        sum += loss_forward(e, &plain->softmax[t], (size_t)tokens[t + 1]);
    }
    return sum * (1 / (double)n_positions);
}

// Computes dx, the gradient of the last layer's output, from that of the position's loss.
static void plain_lm_head_backward(Plain *plain, Model *model, size_t target, double dloss,
                                   size_t t)
{
    size_t n_embd = (size_t)model->config.n_embd;
    size_t vocab_size = (size_t)model->config.vocab_size;
    const double *e = &plain->e[t * vocab_size];
    const double *w = matrix_data(model, MATRIX_LM_HEAD, -1);
    double *dx = &plain->dx[t * n_embd];
    double *dlogits = plain->dlogits;
    loss_backward(e, &plain->softmax[t], target, dloss, plain->scratch, vocab_size);
    softmax_backward(e, &plain->softmax[t], plain->scratch, dlogits, vocab_size);

    // The traversal of the scalar engine's graph reaches the network through the target's logit.
    // So backward adds the target's logit last, after all others in descending order.
    memset(dx, 0, n_embd * sizeof *dx);
    linear_backward_input(w, dlogits, dx, target + 1, vocab_size, n_embd);
    linear_backward_input(w, dlogits, dx, 0, target, n_embd);
    linear_backward_input(w, dlogits, dx, target, target + 1, n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_LM_HEAD, -1), &plain->xf[t * n_embd], dlogits,
                           vocab_size, n_embd);
}

// Backward of the MLP block for position t: replaces dx, the gradient of the layer's output, by the
// gradient of x1.
static void plain_mlp_backward(Plain *plain, Model *model, int l, size_t t)
{
    PlainLayer *layer = &plain->layers[l];
    size_t n_embd = (size_t)model->config.n_embd;
    size_t at = t * n_embd;
    double *dx = &plain->dx[at];
    const double *h = &layer->h[4 * at];

    memset(plain->dh, 0, 4 * n_embd * sizeof(double));
    linear_backward_input(matrix_data(model, MATRIX_MLP_FC2, l), dx, plain->dh, 0, n_embd,
                          4 * n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_MLP_FC2, l), h, dx, n_embd, 4 * n_embd);
    relu_backward(h, plain->dh, 4 * n_embd);
    memset(plain->dxn, 0, n_embd * sizeof(double));
    linear_backward_input(matrix_data(model, MATRIX_MLP_FC1, l), plain->dh, plain->dxn, 0,
                          4 * n_embd, n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_MLP_FC1, l), &layer->xn2[at], plain->dh,
                           4 * n_embd, n_embd);
    rmsnorm_backward(&layer->x1[at], &layer->norm2[t], plain->dxn, dx, n_embd);
}

// xn1 was multiplied by three matrices. Backward takes the heads in descending order, and for each
// head the rows of its values, then of its keys, then of its queries. (At the first position the
// scalar engine interleaves keys and queries; but there both have the gradient 0, because the
// softmax of a single score is constant.)
static void qkv_backward(Plain *plain, Model *model, int l, size_t t)
{
    size_t n_embd = (size_t)model->config.n_embd;
    size_t head_dim = (size_t)model->head_dim;
    size_t at = t * n_embd;
    const double *xn1 = &plain->layers[l].xn1[at];
    const double *dk = &plain->dk[at];
    const double *dv = &plain->dv[at];

    memset(plain->dxn, 0, n_embd * sizeof(double));
    for (size_t end = n_embd; end > 0; end -= head_dim) {
        size_t first = end - head_dim;
        linear_backward_input(matrix_data(model, MATRIX_ATTN_WV, l), dv, plain->dxn, first, end,
                              n_embd);
        linear_backward_input(matrix_data(model, MATRIX_ATTN_WK, l), dk, plain->dxn, first, end,
                              n_embd);
        linear_backward_input(matrix_data(model, MATRIX_ATTN_WQ, l), plain->dq, plain->dxn, first,
                              end, n_embd);
    }
    linear_backward_weight(matrix_grad(model, MATRIX_ATTN_WV, l), xn1, dv, n_embd, n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_ATTN_WK, l), xn1, dk, n_embd, n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_ATTN_WQ, l), xn1, plain->dq, n_embd, n_embd);
}

// Backward of the attention block for position t: replaces dx, the gradient of x1, by the gradient
// of x0. dk and dv of this position are complete, since all later positions are done.
static void attention_part_backward(Plain *plain, Model *model, int l, size_t t)
{
    PlainLayer *layer = &plain->layers[l];
    size_t n_embd = (size_t)model->config.n_embd;
    Attention attention = attention_of(plain, &model->config);
    size_t at = t * n_embd;
    double *dx = &plain->dx[at];

    memset(plain->dxa, 0, n_embd * sizeof(double));
    linear_backward_input(matrix_data(model, MATRIX_ATTN_WO, l), dx, plain->dxa, 0, n_embd, n_embd);
    linear_backward_weight(matrix_grad(model, MATRIX_ATTN_WO, l), &layer->xa[at], dx, n_embd,
                           n_embd);
    AttentionPosition position = attention_position(plain, &attention, l, t);
    AttentionGrads grads = {.dout = plain->dxa,
                            .dq = plain->dq,
                            .dk = plain->dk,
                            .dv = plain->dv,
                            .scratch = plain->scratch};
    attention_backward(&attention, &position, &grads);
    qkv_backward(plain, model, l, t);
    rmsnorm_backward(&layer->x0[at], &layer->norm1[t], plain->dxn, dx, n_embd);
}

// Adds to the gradients of the token's and the position's row, given that of their normalised sum.
static void input_backward(Plain *plain, Model *model, size_t token, size_t t)
{
    size_t n_embd = (size_t)model->config.n_embd;
    double *dembedded = plain->dxn;
    memset(dembedded, 0, n_embd * sizeof(double));
    rmsnorm_backward(&plain->embedded[t * n_embd], &plain->norm0[t], &plain->dx[t * n_embd],
                     dembedded, n_embd);
    embedding_backward(&matrix_grad(model, MATRIX_WTE, -1)[token * n_embd],
                       &matrix_grad(model, MATRIX_WPE, -1)[t * n_embd], dembedded, n_embd);
}

void plain_backward(Plain *plain, Model *model, const int *tokens, size_t n_positions)
{
    size_t row_bytes = (size_t)model->config.n_embd * sizeof(double);
    double dloss = 1 / (double)n_positions;
    memset(model->grad, 0, model->n_params * sizeof *model->grad);
    for (size_t t = n_positions; t-- > 0;) {
        plain_lm_head_backward(plain, model, (size_t)tokens[t + 1], dloss, t);
    }
    for (int l = model->config.n_layer; l-- > 0;) {
        memset(plain->dk, 0, n_positions * row_bytes);
        memset(plain->dv, 0, n_positions * row_bytes);
        for (size_t t = n_positions; t-- > 0;) {
            plain_mlp_backward(plain, model, l, t);
            attention_part_backward(plain, model, l, t);
        }
    }
    for (size_t t = n_positions; t-- > 0;) {
        input_backward(plain, model, (size_t)tokens[t], t);
    }
}
