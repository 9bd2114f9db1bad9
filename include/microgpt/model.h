// The model: its sizes, and its parameters as named matrices in the order of microgpt.py's
// state_dict. Engines compute with it and Adam changes it; this file depends on neither.
//
// Shape letters, used in every comment of the project:
//   V vocab_size   E n_embd   H n_head   D head_dim = E / H   B block_size   L n_layer
//   T number of positions so far in the document
#ifndef MICROGPT_MODEL_H
#define MICROGPT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/random.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    MODEL_MAX_SIZE = 1 << 20, // the largest n_layer, n_embd, n_head, block_size
};

typedef struct ModelConfig {
    int n_layer;    // L: how many transformer layers, 0 or more
    int n_embd;     // E: the width of the network
    int n_head;     // H: attention heads; divides n_embd
    int block_size; // B: the longest context
    int vocab_size; // V
} ModelConfig;

// The kinds of matrices in the state_dict. A model has one matrix of each of the first three kinds,
// and one of each other kind per layer.
typedef enum MatrixKind {
    MATRIX_WTE,     // [V,E] token embeddings: row token_id is read directly
    MATRIX_WPE,     // [B,E] position embeddings: row pos_id is read directly
    MATRIX_LM_HEAD, // [V,E] from the last x to the logits
    MATRIX_ATTN_WQ, // [E,E] from x to the queries of all heads
    MATRIX_ATTN_WK, // [E,E] from x to the keys of all heads
    MATRIX_ATTN_WV, // [E,E] from x to the values of all heads
    MATRIX_ATTN_WO, // [E,E] from the heads' outputs to the residual stream
    MATRIX_MLP_FC1, // [4E,E] from x to the hidden layer
    MATRIX_MLP_FC2, // [E,4E] from the hidden layer to the residual stream
} MatrixKind;

enum {
    N_MODEL_MATRICES = 3, // wte, wpe, lm_head
    N_LAYER_MATRICES = 6, // attn_wq ... mlp_fc2
};

typedef struct Matrix {
    MatrixKind kind;
    int layer; // which layer; -1 for wte, wpe, lm_head
    int n_out; // rows
    int n_in;  // columns; row-major: linear() computes each output from one row
    size_t first_param;
} Matrix;

typedef struct Model {
    ModelConfig config;
    int head_dim; // D
    int n_matrices;
    Matrix *matrices; // [n_matrices] in state_dict order
    size_t n_params;
    double *data; // [n_params], the matrices one after the other, row by row
    double *grad; // [n_params], d(loss)/d(data) of the last document
} Model;

// Checks the sizes, and counts the parameters without allocating anything.
// Formula: n_params = 2VE + BE + L * 12 E^2; SIZE_MAX if that overflows.
// Errors: a size out of range, n_embd not divisible by n_head.
bool model_count_params(const ModelConfig *config, size_t *n_params, Error *error);

// Return the number of matrices of a model with these sizes, and write their shapes and offsets, in
// state_dict order.
// Shapes: matrices [model_count_matrices(config)].
// Requires: sizes that model_count_params accepts, and fewer than SIZE_MAX parameters.
int model_count_matrices(const ModelConfig *config);
void model_lay_out(const ModelConfig *config, Matrix *matrices);

// Allocates the parameters, all zero.
// Errors: as model_count_params; out of memory.
bool model_init(Model *model, const ModelConfig *config, Error *error);

void model_free(Model *model);

// Draws every parameter from a normal distribution around 0, in state_dict order.
// Source: matrix = ... random.gauss(0, std)
void model_randomize(Model *model, Random *random, double init_std);

// Returns a matrix of a layer; layer is -1 for wte, wpe and lm_head.
const Matrix *model_matrix(const Model *model, MatrixKind kind, int layer);

// Returns the name of a kind of matrix, such as `wte` or `attn_wq`; a string literal.
const char *matrix_kind_name(MatrixKind kind);

enum {
    MODEL_NAME_BYTES = 64,
};

// Writes the matrix's key in the state_dict, such as `wte` or `layer0.attn_wq`.
// Shapes: name [MODEL_NAME_BYTES].
void model_matrix_name(const Matrix *matrix, char *name);

// Writes a parameter's matrix, row and column, such as `layer0.attn_wq[3,7]`.
// Shapes: name [MODEL_NAME_BYTES].
// Requires: param_id < n_params.
void model_param_name(const Model *model, size_t param_id, char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
