// linear, softmax and rmsnorm over Values: see scalar_nn.h.
#include "scalar/scalar_nn.h"

#include <assert.h>

#include "base/exact.h"

void linear(Graph *g, const char *name, Value *const *x, size_t n_in, Value *const *w, size_t n_out,
            Value **out)
{
    for (size_t row = 0; row < n_out; row++) {
        graph_name(g, name, (int32_t)row);
        Value *const *wo = w + row * n_in;
        out[row] = value_dot(g, wo, x, n_in);
    }
}

// Returns the largest data as a plain number. As in Python's max(), the first of equal ones wins.
static double max_data(Value *const *values, size_t n)
{
    double max_val = values[0]->data;
    for (size_t i = 1; i < n; i++) {
        if (values[i]->data > max_val) {
            max_val = values[i]->data;
        }
    }
    return max_val;
}

void softmax(Graph *g, const char *name, Value *const *logits, size_t n, Value **out)
{
    assert(n >= 1);
    double max_val = max_data(logits, n);
    Value **exps = out;
    for (size_t i = 0; i < n; i++) {
        graph_name(g, "softmax.exp", (int32_t)i);
        Value *shifted = value_sub_number(g, logits[i], max_val);
        exps[i] = value_exp(g, shifted);
    }
    graph_name(g, "softmax.total", -1);
    Value *total = value_sum(g, exps, n);
    for (size_t i = 0; i < n; i++) {
        graph_name(g, name, (int32_t)i);
        out[i] = value_div(g, exps[i], total);
    }
}

void rmsnorm(Graph *g, Value *const *x, size_t n, Value **out)
{
    graph_name(g, "norm.ms", -1);
    Value *sum_of_squares = value_dot(g, x, x, n);
    Value *ms = value_div_number(g, sum_of_squares, (double)n);
    graph_name(g, "norm.scale", -1);
    Value *ms_plus_eps = value_add_number(g, ms, 1e-5);
    Value *scale = value_pow(g, ms_plus_eps, -0.5);
    for (size_t i = 0; i < n; i++) {
        graph_name(g, "norm", (int32_t)i);
        out[i] = value_mul(g, x[i], scale);
    }
}
