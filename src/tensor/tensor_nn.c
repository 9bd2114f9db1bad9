// The operations of the network on plain arrays: each forward with its backward.
//
// Implements linear(), softmax(), rmsnorm() and the inner loops of gpt() of microgpt.py, and the
// gradients that Value.backward() computes for them. tensor_nn.h states the formulas;
// tensor_plain.c composes the operations; tensor_lanes.h has the same with vector instructions.
#include "tensor/tensor_nn.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

// The exponent is a parameter and not a constant: compilers replace pow(x, 2.0) and pow(x, -1.0) by
// other operations, which do not always give the bits of libm's pow.
static double power(double x, double exponent)
{
    return pow(x, exponent);
}

static void set_zero(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = 0.0;
    }
}

static bool all_finite(const double *x, size_t n)
{
    double sum = 0.0; // NaN if any of the numbers is not finite
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * 0;
    }
    return sum == 0;
}

void embedding_forward(const double *wte_row, const double *wpe_row, double *x, size_t n_embd)
{
    for (size_t i = 0; i < n_embd; i++) {
        x[i] = wte_row[i] + wpe_row[i];
    }
}

void embedding_backward(double *dwte_row, double *dwpe_row, const double *dx, size_t n_embd)
{
    for (size_t i = 0; i < n_embd; i++) {
        dwte_row[i] += dx[i];
        dwpe_row[i] += dx[i];
    }
}

void linear_forward(const double *w, const double *x, double *y, size_t n_out, size_t n_in)
{
    size_t o = 0;
    // Four rows at a time: each addition depends on the last one of its own sum, but not on those
    // of the other sums.
    for (; o + 4 <= n_out; o += 4) {
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        for (size_t i = 0; i < n_in; i++) {
            sums[0] += w[o * n_in + i] * x[i];
            sums[1] += w[(o + 1) * n_in + i] * x[i];
            sums[2] += w[(o + 2) * n_in + i] * x[i];
            sums[3] += w[(o + 3) * n_in + i] * x[i];
        }
        for (size_t row = 0; row < 4; row++) {
            y[o + row] = sums[row];
        }
    }
    for (; o < n_out; o++) {
        double sum = 0.0;
        for (size_t i = 0; i < n_in; i++) {
            sum += w[o * n_in + i] * x[i];
        }
        y[o] = sum;
    }
}

void linear_backward_input(const double *w, const double *dy, double *dx, size_t first, size_t end,
                           size_t n_in)
{
    size_t i = 0;
    // Eight columns at a time, so that their sums are kept in registers.
    for (; i + 8 <= n_in; i += 8) {
        double sums[8];
        memcpy(sums, &dx[i], sizeof sums);
        for (size_t o = end; o-- > first;) {
            for (size_t column = 0; column < 8; column++) {
                sums[column] += w[o * n_in + i + column] * dy[o];
            }
        }
        memcpy(&dx[i], sums, sizeof sums);
    }
    for (; i < n_in; i++) {
        for (size_t o = end; o-- > first;) {
            dx[i] += w[o * n_in + i] * dy[o];
        }
    }
}

void linear_backward_weight(double *dw, const double *x, const double *dy, size_t n_out,
                            size_t n_in)
{
    // If the ReLU is off, dy is 0, and skipping the row gives the same bits unless 0 * x is NaN.
    bool may_skip = all_finite(x, n_in);
    for (size_t o = 0; o < n_out; o++) {
        if (dy[o] == 0 && may_skip) {
            continue;
        }
        for (size_t i = 0; i < n_in; i++) {
            dw[o * n_in + i] += x[i] * dy[o];
        }
    }
}

void rmsnorm_forward(const double *x, double *y, RmsNorm *norm, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    norm->mean_square = sum * power((double)n, -1) + 1e-5;
    norm->scale = power(norm->mean_square, -0.5);
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] * norm->scale;
    }
}

void rmsnorm_backward(const double *x, const RmsNorm *norm, const double *dy, double *dx, size_t n)
{
    double dscale = 0.0;
    for (size_t i = n; i-- > 0;) {
        dscale += x[i] * dy[i];
    }
    double dsum = power((double)n, -1) * ((-0.5 * power(norm->mean_square, -1.5)) * dscale);
    for (size_t i = 0; i < n; i++) {
        double dsquare = x[i] * dsum;
        dx[i] += norm->scale * dy[i];
        dx[i] += dsquare; // for the left factor of x * x ...
        dx[i] += dsquare; // ... and for the right one; adding 2 * dsquare would round differently
    }
}

void softmax_forward(const double *logits, double *e, Softmax *softmax, size_t n)
{
    double max = logits[0];
    for (size_t i = 1; i < n; i++) {
        max = logits[i] > max ? logits[i] : max;
    }
    for (size_t i = 0; i < n; i++) {
        e[i] = exp(logits[i] + -max);
    }
    softmax->total = 0.0;
    for (size_t i = 0; i < n; i++) {
        softmax->total += e[i];
    }
    softmax->inverse = power(softmax->total, -1);
}

void softmax_backward(const double *e, const Softmax *softmax, const double *dprobs,
                      double *dlogits, size_t n)
{
    double local = -1 * power(softmax->total, -2);
    double dtotal = 0.0;
    for (size_t i = n; i-- > 0;) {
        dtotal += local * (e[i] * dprobs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        dlogits[i] = e[i] * (softmax->inverse * dprobs[i] + dtotal);
    }
}

void relu_forward(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] > 0 ? x[i] : 0.0;
    }
}

void relu_backward(const double *y, double *dx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double local = y[i] > 0 ? 1.0 : 0.0;
        dx[i] *= local; // without a branch: if dx is infinite, 0 * dx is NaN, as in Python
    }
}

void attention_forward(const Attention *attention, const AttentionPosition *position, double *out)
{
    size_t n_head = attention->n_head;
    size_t head_dim = attention->head_dim;
    size_t n_embd = n_head * head_dim;
    size_t n_keys = position->n_keys;
    const double *k = position->k;
    const double *v = position->v;
    for (size_t h = 0; h < n_head; h++) {
        size_t first = h * head_dim; // the first of the head's dimensions
        double *e = &position->e[h * attention->stride];
        Softmax *softmax = &position->softmax[h];
        for (size_t s = 0; s < n_keys; s++) {
            double sum = 0.0;
            for (size_t d = first; d < first + head_dim; d++) {
                sum += position->q[d] * k[s * n_embd + d];
            }
            e[s] = sum * attention->inverse_sqrt_dim;
        }
        softmax_forward(e, e, softmax, n_keys);
        for (size_t d = first; d < first + head_dim; d++) {
            double sum = 0.0;
            for (size_t s = 0; s < n_keys; s++) {
                sum += (e[s] * softmax->inverse) * v[s * n_embd + d];
            }
            out[d] = sum;
        }
    }
}

// The part of attention_backward() for head h.
static void attention_head_backward(const Attention *attention, const AttentionPosition *position,
                                    const AttentionGrads *grads, size_t h)
{
    size_t first = h * attention->head_dim; // the first of the head's dimensions
    size_t end = first + attention->head_dim;
    size_t n_embd = attention->n_head * attention->head_dim;
    size_t n_keys = position->n_keys;
    const double *e = &position->e[h * attention->stride];
    const Softmax *softmax = &position->softmax[h];
    double *dprobs = grads->scratch;
    double *dlogits = &grads->scratch[n_keys];
    for (size_t s = 0; s < n_keys; s++) {
        double prob = e[s] * softmax->inverse;
        dprobs[s] = 0.0;
        for (size_t d = end; d-- > first;) {
            dprobs[s] += position->v[s * n_embd + d] * grads->dout[d];
            grads->dv[s * n_embd + d] += prob * grads->dout[d];
        }
    }
    softmax_backward(e, softmax, dprobs, dlogits, n_keys);
    set_zero(&grads->dq[first], attention->head_dim);
    for (size_t s = n_keys; s-- > 0;) {
        double dscore = attention->inverse_sqrt_dim * dlogits[s];
        for (size_t d = first; d < end; d++) {
            grads->dq[d] += position->k[s * n_embd + d] * dscore;
            grads->dk[s * n_embd + d] += position->q[d] * dscore;
        }
    }
}

void attention_backward(const Attention *attention, const AttentionPosition *position,
                        const AttentionGrads *grads)
{
    for (size_t h = attention->n_head; h-- > 0;) {
        attention_head_backward(attention, position, grads, h);
    }
}

double loss_forward(const double *e, const Softmax *softmax, size_t target)
{
    double prob = e[target] * softmax->inverse;
    return log(prob) * -1;
}

void loss_backward(const double *e, const Softmax *softmax, size_t target, double dloss,
                   double *dprobs, size_t n)
{
    double prob = e[target] * softmax->inverse;
    set_zero(dprobs, n);
    dprobs[target] = (1 / prob) * (-1 * dloss);
}
