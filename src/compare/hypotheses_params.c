// Hypotheses about parameters: see hypotheses.h.
#include <stdio.h>

#include "compare/hypothesis_graph.h"

// Whether nearly all parameters that the port shows differ from those of the reference.
static bool has_own_params(const HypothesisSearch *s)
{
    const Bounds *b = s->bounds;
    size_t n = 0;
    size_t n_odd = 0;
    for (uint32_t i = 0; i < b->n_nodes && b->rules[i] == RULE_PARAM; i++) {
        n += b->has_data[i];
        n_odd += b->has_data[i] && !bounds_explain(b, b->data_bound[i], b->data[i]);
    }
    return n > 3 && n_odd * 10 >= n * 9;
}

// Returns the parameter at whose index the port has this one, if it stores the matrix transposed.
static uint32_t transposed(const ParamMatrix *m, uint32_t param)
{
    uint32_t row = (param - m->first) / m->n_columns;
    uint32_t column = (param - m->first) % m->n_columns;
    return m->first + column * m->n_columns + row;
}

static bool is_transposed(const HypothesisSearch *s, const ParamMatrix *m)
{
    const Bounds *b = s->bounds;
    for (uint32_t i = m->first; i < m->first + m->n_rows * m->n_columns; i++) {
        uint32_t other = transposed(m, i);
        if (!b->has_data[other] || !bounds_explain(b, b->data_bound[i], b->data[other])) {
            return false;
        }
    }
    return true;
}

static void swap_doubles(double *a, double *b)
{
    double x = *a;
    *a = *b;
    *b = x;
}

// Uses the port's number at [c,r] for [r,c] from now on.
static void transpose(Bounds *b, const ParamMatrix *m)
{
    for (uint32_t i = m->first; i < m->first + m->n_rows * m->n_columns; i++) {
        uint32_t other = transposed(m, i);
        if (i < other) {
            swap_doubles(&b->data[i], &b->data[other]);
            swap_doubles(&b->grad[i], &b->grad[other]);
            bool has_grad = b->has_grad[i];
            b->has_grad[i] = b->has_grad[other];
            b->has_grad[other] = has_grad;
        }
    }
}

static size_t count_unexplained(Bounds *b)
{
    size_t n = 0;
    bounds_compute_all_data(b);
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        n += b->has_data[i] && b->rules[i] != RULE_PARAM &&
             !bounds_explain(b, b->data_bound[i], b->data[i]);
    }
    return n;
}

// A port may store a matrix transposed and use it correctly, or only have read it wrongly.
static void transpose_if_used_so(Bounds *b, const ParamMatrix *m)
{
    size_t n_before = count_unexplained(b);
    transpose(b, m);
    if (count_unexplained(b) >= n_before) {
        transpose(b, m);
    }
}

bool hypotheses_find_params(HypothesisSearch *search, const uint32_t *members, char *text)
{
    ParamMatrix m;
    if (!search->bounds->dump->has_names) {
        return false;
    }
    if (has_own_params(search)) {
        snprintf(text, HYPOTHESIS_BYTES, "%s",
                 "has parameters of its own: nodes --load takes them, for an A with the same");
        return true;
    }
    if (hypothesis_find_matrix(search, members[0], &m) && m.n_rows == m.n_columns &&
        is_transposed(search, &m)) {
        transpose_if_used_so(search->bounds, &m);
        snprintf(text, HYPOTHESIS_BYTES, "keeps %.100s transposed", m.name);
        return true;
    }
    return false;
}
