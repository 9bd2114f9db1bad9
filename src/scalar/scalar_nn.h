// The three building blocks of the model, over Values: linear, softmax, rmsnorm.
//
// Uses value.h; scalar_gpt.h uses these. A vector is an array of pointers to Values.
#ifndef MICROGPT_SCALAR_NN_H
#define MICROGPT_SCALAR_NN_H

#include <stddef.h>

#include "microgpt/value.h"

// out = w @ x. Output i is named `name[i]`.
// Shapes: x [n_in], w [n_out,n_in] nodes next to each other in memory, out [n_out].
// Source: linear
void linear(Graph *g, const char *name, Value *const *x, size_t n_in, Value *const *w, size_t n_out,
            Value **out);

// Output i is named `name[i]`; the nodes before it are named `softmax.exp[i]` and `softmax.total`.
// Shapes: logits [n], out [n]; may be the same array.
// Formula: out_i = exp(logit_i - max) / sum_j exp(logit_j - max)
// Source: softmax
void softmax(Graph *g, const char *name, Value *const *logits, size_t n, Value **out);

// Output i is named `norm[i]`; the nodes before it are named `norm.ms` and `norm.scale`.
// Shapes: x [n], out [n]; may be the same array.
// Formula: out_i = x_i * (mean(x^2) + 1e-5)^-0.5
// Source: rmsnorm; Zhang and Sennrich, Root Mean Square Layer Normalization (2019)
void rmsnorm(Graph *g, Value *const *x, size_t n, Value **out);

#endif
