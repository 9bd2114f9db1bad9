// The model's sizes and its parameters.
//
// Implements `state_dict` and `params` of microgpt.py. The tokenizer determines the size of the
// vocabulary; the engines compute with the parameters.
#include "microgpt/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/doubles.h"
#include "base/exact.h"

static const char *const matrix_names[] = {
    [MATRIX_WTE] = "wte",         [MATRIX_WPE] = "wpe",         [MATRIX_LM_HEAD] = "lm_head",
    [MATRIX_ATTN_WQ] = "attn_wq", [MATRIX_ATTN_WK] = "attn_wk", [MATRIX_ATTN_WV] = "attn_wv",
    [MATRIX_ATTN_WO] = "attn_wo", [MATRIX_MLP_FC1] = "mlp_fc1", [MATRIX_MLP_FC2] = "mlp_fc2",
};

static bool check_size(const char *name, int size, int smallest, Error *error)
{
    if (size < smallest || size > MODEL_MAX_SIZE) {
        return error_set(error, "%s must be from %d to %d, not %d", name, smallest, MODEL_MAX_SIZE,
                         size);
    }
    return true;
}

static bool check_config(const ModelConfig *config, Error *error)
{
    if (!check_size("n_layer", config->n_layer, 0, error) ||
        !check_size("n_embd", config->n_embd, 1, error) ||
        !check_size("n_head", config->n_head, 1, error) ||
        !check_size("block_size", config->block_size, 1, error)) {
        return false;
    }
    if (config->n_embd % config->n_head != 0) {
        return error_set(error, "n_embd %d must be a multiple of n_head %d", config->n_embd,
                         config->n_head);
    }
    return true;
}

static void matrix_shape(const ModelConfig *config, MatrixKind kind, int *n_out, int *n_in)
{
    int n_embd = config->n_embd;
    *n_out = n_embd;
    *n_in = n_embd;
    if (kind == MATRIX_WTE || kind == MATRIX_LM_HEAD) {
        *n_out = config->vocab_size;
    } else if (kind == MATRIX_WPE) {
        *n_out = config->block_size;
    } else if (kind == MATRIX_MLP_FC1) {
        *n_out = 4 * n_embd;
    } else if (kind == MATRIX_MLP_FC2) {
        *n_in = 4 * n_embd;
    }
}

bool model_count_params(const ModelConfig *config, size_t *n_params, Error *error)
{
    assert(config != NULL && n_params != NULL && config->vocab_size >= 2);
    if (!check_config(config, error)) {
        return false;
    }
    size_t n_embd = (size_t)config->n_embd;
    size_t n_rows = 2 * (size_t)config->vocab_size + (size_t)config->block_size;
    size_t per_layer = count_mul(12, count_mul(n_embd, n_embd));
    size_t layers = count_mul((size_t)config->n_layer, per_layer);
    *n_params = count_add(count_mul(n_rows, n_embd), layers);
    return true;
}

int model_count_matrices(const ModelConfig *config)
{
    return N_MODEL_MATRICES + config->n_layer * N_LAYER_MATRICES;
}

void model_lay_out(const ModelConfig *config, Matrix *matrices)
{
    size_t first_param = 0;
    for (int i = 0; i < model_count_matrices(config); i++) {
        Matrix *matrix = &matrices[i];
        if (i < N_MODEL_MATRICES) {
            matrix->kind = (MatrixKind)i;
            matrix->layer = -1;
        } else {
            matrix->kind =
                (MatrixKind)(N_MODEL_MATRICES + (i - N_MODEL_MATRICES) % N_LAYER_MATRICES);
            matrix->layer = (i - N_MODEL_MATRICES) / N_LAYER_MATRICES;
        }
        matrix_shape(config, matrix->kind, &matrix->n_out, &matrix->n_in);
        matrix->first_param = first_param;
        first_param += (size_t)matrix->n_out * (size_t)matrix->n_in;
    }
}

bool model_init(Model *model, const ModelConfig *config, Error *error)
{
    size_t n_params;
    if (!model_count_params(config, &n_params, error)) {
        return false;
    }
    int n_matrices = model_count_matrices(config);
    Model made = {
        .config = *config,
        .head_dim = config->n_embd / config->n_head,
        .n_matrices = n_matrices,
        .matrices = calloc((size_t)n_matrices, sizeof *made.matrices),
        .n_params = n_params,
        .data = doubles_alloc(n_params),
        .grad = doubles_alloc(n_params),
    };
    if (made.matrices == NULL || made.data == NULL || made.grad == NULL) {
        model_free(&made);
        return error_out_of_memory(error, "the parameters",
                                   count_mul(n_params, 2 * sizeof *made.data));
    }
    model_lay_out(config, made.matrices);
    *model = made;
    return true;
}

void model_free(Model *model)
{
    assert(model != NULL);
    free(model->matrices);
    free(model->data);
    free(model->grad);
    *model = (Model){0};
}

void model_randomize(Model *model, Random *random, double init_std)
{
    assert(model != NULL && random != NULL);
    for (size_t i = 0; i < model->n_params; i++) {
        model->data[i] = random_gauss(random, 0, init_std);
    }
}

const Matrix *model_matrix(const Model *model, MatrixKind kind, int layer)
{
    int i = (int)kind;
    if (layer >= 0) {
        assert(kind >= MATRIX_ATTN_WQ && layer < model->config.n_layer);
        i += layer * N_LAYER_MATRICES;
    }
    assert(i < model->n_matrices && model->matrices[i].kind == kind);
    assert(model->matrices[i].layer == layer);
    return &model->matrices[i];
}

const char *matrix_kind_name(MatrixKind kind)
{
    return matrix_names[kind];
}

void model_matrix_name(const Matrix *matrix, char *name)
{
    assert(matrix != NULL && name != NULL);
    if (matrix->layer < 0) {
        snprintf(name, MODEL_NAME_BYTES, "%s", matrix_names[matrix->kind]);
    } else {
        snprintf(name, MODEL_NAME_BYTES, "layer%d.%s", matrix->layer, matrix_names[matrix->kind]);
    }
}

void model_param_name(const Model *model, size_t param_id, char *name)
{
    assert(model != NULL && param_id < model->n_params);
    int i = model->n_matrices - 1;
    while (model->matrices[i].first_param > param_id) {
        i--;
    }
    const Matrix *matrix = &model->matrices[i];
    size_t place = param_id - matrix->first_param;
    model_matrix_name(matrix, name);
    size_t length = strlen(name);
    snprintf(name + length, MODEL_NAME_BYTES - length, "[%zu,%zu]", place / (size_t)matrix->n_in,
             place % (size_t)matrix->n_in);
}
