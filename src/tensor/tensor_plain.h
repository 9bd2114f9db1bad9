// The tensor engine in plain loops, composed of the operations of tensor_nn.h.
//
// The vector kernels are tested against it. tensor_gpt.c uses it if the processor has no kernels,
// or if some numbers are so large that the shortcuts of the kernels would not be exact.
#ifndef MICROGPT_TENSOR_PLAIN_H
#define MICROGPT_TENSOR_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/model.h"
#include "tensor/tensor_nn.h"

// What a layer's forward pass saves for its backward pass. T is the number of positions.
typedef struct PlainLayer {
    double *x0;            // [T,E] the layer's input, the residual stream
    RmsNorm *norm1;        // [T]
    double *xn1;           // [T,E] x0 normalised
    double *q;             // [T,E]
    double *k;             // [T,E]
    double *v;             // [T,E]
    double *attn_e;        // [T,H,T] exponentials of the scores
    Softmax *attn_softmax; // [T,H]
    double *xa;            // [T,E] the heads' outputs
    double *x1;            // [T,E] the residual stream after attention
    RmsNorm *norm2;        // [T]
    double *xn2;           // [T,E] x1 normalised
    double *h;             // [T,4E] after the ReLU
} PlainLayer;

typedef struct Plain {
    size_t max_positions;
    size_t n_bytes;
    double *memory;     // of all arrays below
    PlainLayer *layers; // [L]
    double *embedded;   // [T,E] token plus position
    RmsNorm *norm0;     // [T]
    double *xf;         // [T,E] the last layer's output
    double *e;          // [T,V] exponentials of the logits
    Softmax *softmax;   // [T]
    double *dx;         // [T,E] gradient of the residual stream
    double *dxn;        // [E] of a normalised x
    double *dq;         // [E]
    double *dk;         // [T,E]
    double *dv;         // [T,E]
    double *dxa;        // [E]
    double *dh;         // [4E]
    double *dlogits;    // [V]
    double *scratch;    // [max(V, 2T)] temporary numbers
} Plain;

// Returns the bytes for documents of up to n_positions; SIZE_MAX if that overflows.
size_t plain_count_bytes(const ModelConfig *config, size_t n_positions);

// Allocates memory for documents of up to n_positions, unless there is enough: first in a zeroed
// Plain, then again for a longer document. Keeps only the keys and values.
// Errors: out of memory; then nothing changes.
bool plain_grow(Plain *plain, const ModelConfig *config, size_t n_positions, Error *error);

void plain_free(Plain *plain);

// Computes the logits at a position, given the keys and values of all positions before it.
// Shapes: logits [V].
// Requires: pos_id < max_positions.
// Source: gpt
void plain_gpt(Plain *plain, const Model *model, int token_id, size_t pos_id, double *logits);

// As tensor_gpt_forward() and tensor_gpt_backward(). Requires: n_positions <= max_positions.
double plain_forward(Plain *plain, const Model *model, const int *tokens, size_t n_positions);
void plain_backward(Plain *plain, Model *model, const int *tokens, size_t n_positions);

#endif
