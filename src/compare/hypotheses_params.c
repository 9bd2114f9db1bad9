// Hypotheses about parameters: see hypotheses.h.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

// The relative error of rounding to bfloat16, in either direction.
static const double LEAST_DIGITS = 0x1p-7;

// Returns whether nearly all parameters that the port shows differ from those of the reference.
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

// Returns whether a number has no more digits than a half or bfloat16 number has.
static bool is_short(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & ((UINT64_C(1) << 42) - 1)) == 0; // 10 bits of the significand are left
}

// Returns whether all parameters are those of the reference, rounded to a type of fewer bits.
static bool are_rounded(const HypothesisSearch *s)
{
    const Bounds *b = s->bounds;
    for (uint32_t i = 0; i < b->n_nodes && b->rules[i] == RULE_PARAM; i++) {
        double own = range_middle(b->data_bound[i]);
        if (b->has_data[i] &&
            (!is_short(b->data[i]) || fabs(b->data[i] - own) > LEAST_DIGITS * fabs(own))) {
            return false;
        }
    }
    return true;
}

// Returns whether B has the numbers of another matrix.
static bool is_other(const HypothesisSearch *s, const ParamMatrix *m, const ParamMatrix *other)
{
    const Bounds *b = s->bounds;
    for (uint32_t i = 0; i < m->n_rows * m->n_columns; i++) {
        uint32_t own = m->first + i;
        if (!b->has_data[own] ||
            !bounds_explain(b, b->data_bound[other->first + i], b->data[own])) {
            return false;
        }
    }
    return true;
}

// Finds the matrix whose numbers B has in the place of this one.
static bool find_other(const HypothesisSearch *s, const ParamMatrix *m, ParamMatrix *other)
{
    const Bounds *b = s->bounds;
    uint32_t i = 0;
    while (i < b->n_nodes && b->rules[i] == RULE_PARAM && hypothesis_find_matrix(s, i, other)) {
        bool is_same_shape = other->n_rows == m->n_rows && other->n_columns == m->n_columns;
        if (is_same_shape && other->first != m->first && is_other(s, m, other)) {
            return true;
        }
        i = other->first + other->n_rows * other->n_columns;
    }
    return false;
}

static bool is_transposed(const HypothesisSearch *s, const ParamMatrix *m)
{
    const Bounds *b = s->bounds;
    for (uint32_t i = m->first; i < m->first + m->n_rows * m->n_columns; i++) {
        uint32_t other = hypothesis_transposed(m, i);
        if (!b->has_data[i] || !bounds_explain(b, b->data_bound[other], b->data[i])) {
            return false;
        }
    }
    return true;
}

// Moves the number of each parameter to the one that it is of, if B has the matrix transposed; or
// back. Shapes: scratch [n_nodes].
static void move_numbers(double *numbers, const ParamMatrix *m, bool back, double *scratch)
{
    uint32_t end = m->first + m->n_rows * m->n_columns;
    memcpy(scratch, numbers + m->first, (end - m->first) * sizeof *scratch);
    for (uint32_t i = m->first; i < end; i++) {
        uint32_t other = hypothesis_transposed(m, i);
        if (back) {
            numbers[i] = scratch[other - m->first];
        } else {
            numbers[other] = scratch[i - m->first];
        }
    }
}

static bool has_all_grads(const Bounds *b, const ParamMatrix *m)
{
    for (uint32_t i = m->first; i < m->first + m->n_rows * m->n_columns; i++) {
        if (!b->has_grad[i]) {
            return false;
        }
    }
    return true;
}

static void transpose(HypothesisSearch *s, const ParamMatrix *m, bool back)
{
    double *scratch = s->bounds->grad_terms; // which are computed afterwards
    move_numbers(s->bounds->data, m, back, scratch);
    if (has_all_grads(s->bounds, m)) {
        move_numbers(s->bounds->grad, m, back, scratch);
    }
}

static size_t count_unexplained(Bounds *b)
{
    size_t n = 0;
    bounds_compute_all_data(b);
    bounds_compute_all_grads(b);
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        n += b->has_data[i] && b->rules[i] != RULE_PARAM &&
             !bounds_explain(b, b->data_bound[i], b->data[i]);
        n += b->has_grad[i] && !bounds_explain(b, b->grad_bound[i], b->grad[i]);
    }
    return n;
}

// A port may store a matrix transposed and use it correctly, or only have read it wrongly. If other
// matrices are transposed as well, one alone may make no difference.
static void transpose_if_used_so(HypothesisSearch *s, const ParamMatrix *m)
{
    size_t n_before = count_unexplained(s->bounds);
    transpose(s, m, false);
    size_t n_after = count_unexplained(s->bounds);
    if (n_before == 0 || n_after > n_before) {
        transpose(s, m, true);
    }
}

bool hypotheses_find_params(HypothesisSearch *search, const uint32_t *members, char *text)
{
    ParamMatrix m;
    ParamMatrix other;
    if (!search->bounds->dump->has_names) {
        return false;
    }
    if (has_own_params(search)) {
        snprintf(text, HYPOTHESIS_BYTES, "has %s: nodes --load takes them, for an A with the same",
                 are_rounded(search) ? "these parameters, rounded to fewer bits"
                                     : "parameters of its own");
        return true;
    }
    if (!hypothesis_find_matrix(search, members[0], &m)) {
        return false;
    }
    if (find_other(search, &m, &other)) {
        snprintf(text, HYPOTHESIS_BYTES, "has the numbers of %.100s there", other.name);
        return true;
    }
    if (is_transposed(search, &m)) {
        transpose_if_used_so(search, &m);
        snprintf(text, HYPOTHESIS_BYTES, "keeps %.100s transposed", m.name);
        return true;
    }
    return false;
}
