// The operations of the network on plain arrays, one position at a time: each forward with its
// backward, in loops that can be compared with microgpt.py.
//
// The scalar engine's backward adds up gradients in the order of a traversal of its graph. Here the
// formulas state the order of every sum. The words "rising" and "falling" after an index are part
// of the contract, since another order gives other bits. All sums start from +0.0 as Python's do,
// so that no sum is -0.0. Backward functions add to gradients to which several positions contribute
// (those of weights, keys and values: += in the formulas) and set the others (=). The caller takes
// the positions in descending order.
#ifndef MICROGPT_TENSOR_NN_H
#define MICROGPT_TENSOR_NN_H

#include <stddef.h>

// Adds the token's row and the position's row.
// Shapes: wte_row, wpe_row, x [E].
void embedding_forward(const double *wte_row, const double *wpe_row, double *x, size_t n_embd);

// Formula: dwte_row += dx; dwpe_row += dx
void embedding_backward(double *dwte_row, double *dwpe_row, const double *dx, size_t n_embd);

// Shapes: w [n_out,n_in], x [n_in], y [n_out].
// Formula: y[o] = sum of w[o,i] * x[i], i rising
void linear_forward(const double *w, const double *x, double *y, size_t n_out, size_t n_in);

// Computes the gradient of the input through the rows first ... end-1. Adds to what dx contains,
// since an input of several matrices gets its gradient from one matrix after the other.
// Shapes: w [n_out,n_in], dy [n_out], dx [n_in].
// Formula: dx[i] += w[o,i] * dy[o], o falling
void linear_backward_input(const double *w, const double *dy, double *dx, size_t first, size_t end,
                           size_t n_in);

// Shapes: dw [n_out,n_in], x [n_in], dy [n_out].
// Formula: dw[o,i] += x[i] * dy[o]
void linear_backward_weight(double *dw, const double *x, const double *dy, size_t n_out,
                            size_t n_in);

// What the forward pass of rmsnorm saves for its backward pass.
typedef struct RmsNorm {
    double mean_square; // plus 1e-5
    double scale;       // mean_square**-0.5
} RmsNorm;

// Shapes: x, y [n].
// Formula: mean_square = (sum of x[i] * x[i], i rising) * n**-1 + 1e-5;  y = x * scale
void rmsnorm_forward(const double *x, double *y, RmsNorm *norm, size_t n);

// Adds to what dx contains: the gradient through the residual connection.
// Shapes: x, dy, dx [n].
// Formula: dscale = sum of x[i] * dy[i], i falling
//   g = n**-1 * ((-0.5 * mean_square**-1.5) * dscale)
//   dx[i] += scale * dy[i]; += x[i] * g; += x[i] * g (x * x has x as child twice: two additions)
void rmsnorm_backward(const double *x, const RmsNorm *norm, const double *dy, double *dx, size_t n);

// What the forward pass of softmax saves for its backward pass, besides the exponentials.
typedef struct Softmax {
    double total;   // the sum of the exponentials
    double inverse; // total**-1: probability i is e[i] * inverse
} Softmax;

// Shapes: logits, e [n].
// Formula: e[i] = exp(logits[i] + -max(logits)); total = sum of e[i], i rising
void softmax_forward(const double *logits, double *e, Softmax *softmax, size_t n);

// Shapes: e, dprobs, dlogits [n].
// Formula: dtotal = sum of (-1 * total**-2) * (e[i] * dprobs[i]), i falling
//   dlogits[i] = e[i] * (inverse * dprobs[i] + dtotal)
void softmax_backward(const double *e, const Softmax *softmax, const double *dprobs,
                      double *dlogits, size_t n);

// Shapes: x [n].
// Formula: x = max(0, x); +0.0 if x is -0.0 or NaN
void relu_forward(double *x, size_t n);

// Replaces dx, the gradient of y, by the gradient of x; y is the result of relu_forward().
// Shapes: y, dx [n].
// Formula: dx = (1 if y > 0 else 0) * dy
void relu_backward(const double *y, double *dx, size_t n);

// The sizes of an attention layer.
typedef struct Attention {
    size_t n_head;
    size_t head_dim;
    size_t stride;           // of e: the most positions it can hold
    double inverse_sqrt_dim; // (head_dim**0.5)**-1
} Attention;

// One position that attends to n_keys positions, of which it is the last: the inputs, and what the
// forward pass saves for the backward pass.
typedef struct AttentionPosition {
    const double *q; // [E]
    const double *k; // [n_keys,E]
    const double *v; // [n_keys,E]
    size_t n_keys;
    double *e;        // [H,stride] exponentials of the scores; only n_keys of each row are used
    Softmax *softmax; // [H]
} AttentionPosition;

// Also sets e and softmax.
// Shapes: out [E].
// Formula: logit[s] = (sum of q[d] * k[s,d], d rising) * inverse_sqrt_dim
//   out[d] = sum of (e[s] * inverse) * v[s,d], s rising
void attention_forward(const Attention *attention, const AttentionPosition *position, double *out);

// The gradients of a position's attention.
typedef struct AttentionGrads {
    const double *dout; // [E]
    double *dq;         // [E]
    double *dk;         // [n_keys,E]
    double *dv;         // [n_keys,E]
    double *scratch;    // [2 * n_keys] temporary numbers
} AttentionGrads;

// Formula: per head, falling:
//   dprob[s] = sum of v[s,d] * dout[d], d falling;  dv[s,d] += prob[s] * dout[d]
//   dscore[s] = inverse_sqrt_dim * dlogit[s]
//   dq[d] = sum of k[s,d] * dscore[s], s falling;   dk[s,d] += q[d] * dscore[s]
void attention_backward(const Attention *attention, const AttentionPosition *position,
                        const AttentionGrads *grads);

// Returns -log(prob) of the target.
// Formula: log(e[target] * inverse) * -1
double loss_forward(const double *e, const Softmax *softmax, size_t target);

// Computes the gradients of the probabilities, which are 0 except for the target's.
// Shapes: e, dprobs [n].
// Formula: dprobs[target] = (1 / prob) * (-1 * dloss), the others 0
void loss_backward(const double *e, const Softmax *softmax, size_t target, double dloss,
                   double *dprobs, size_t n);

#endif
