// Hypotheses about local gradients that are not those of the operation. See hypothesis_graph.h.
#include <math.h>
#include <stdio.h>

#include "compare/hypothesis_graph.h"

static double middle_of_child(const HypothesisSearch *s, uint32_t node_id, uint32_t slot)
{
    return range_middle(s->bounds->data_used[hypothesis_child(s, node_id, slot)]);
}

// ---- ReLU

typedef double (*Slope)(const HypothesisSearch *s, uint32_t relu);

static double open_slope(const HypothesisSearch *s, uint32_t relu)
{
    (void)s;
    (void)relu;
    return 1;
}

static double inverted_slope(const HypothesisSearch *s, uint32_t relu)
{
    return middle_of_child(s, relu, 0) > 0 ? 0 : 1;
}

static double squared_slope(const HypothesisSearch *s, uint32_t relu)
{
    return 2 * fmax(middle_of_child(s, relu, 0), 0);
}

static double slope_of_grad(const HypothesisSearch *s, uint32_t relu)
{
    return range_middle(s->bounds->grad_used[relu]) > 0 ? 1 : 0;
}

static const struct {
    Slope slope;
    const char *text;
} relu_slopes[] = {
    {open_slope, "lets gradients back through a ReLU that is off"},
    {inverted_slope,
     "lets gradients back through a ReLU that is off, and none through one that is on"},
    {squared_slope, "lets gradients back through ReLU as if it were squared"},
    {slope_of_grad, "lets gradients back through ReLU where they, and not its input, are positive"},
};

// Gives every ReLU the slope of a case.
static void apply_slope(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->bounds->rules[i] == RULE_RELU) {
            s->bounds->local_grads[s->bounds->dump->first_edge[i]] =
                relu_slopes[h->kind].slope(s, i);
        }
    }
}

static bool try_relus(HypothesisSearch *s, char *text)
{
    for (uint32_t i = 0; i < sizeof relu_slopes / sizeof *relu_slopes; i++) {
        Hypothesis h = {.apply = apply_slope, .kind = i};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "%s", relu_slopes[i].text);
            return true;
        }
    }
    return false;
}

// ---- rmsnorm as the identity: x * scale passes all to x, and nothing to the scale

static bool is_norm(const HypothesisSearch *s, uint32_t node_id, const char *ending)
{
    const char *pattern = s->kinds->patterns[s->kinds->kind_of[node_id]];
    return s->bounds->rules[node_id] == RULE_MUL && hypothesis_ends_with(pattern, ending);
}

static void apply_identity(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (is_norm(s, i, h->old_path)) {
            s->bounds->local_grads[s->bounds->dump->first_edge[i]] = 1;
            s->bounds->local_grads[s->bounds->dump->first_edge[i] + 1] = 0;
        }
    }
}

static bool try_identities(HypothesisSearch *s, char *text)
{
    // The single ones first: all together also explain what one of them does.
    static const char *const endings[] = {"mlp.norm[*]", "attn.norm[*]", "posN.norm[*]", "norm[*]"};
    static const char *const names[] = {"mlp.norm", "attn.norm", "posN.norm", "rmsnorm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        Hypothesis h = {.apply = apply_identity, .old_path = endings[i]};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "lets gradients back through %s unchanged", names[i]);
            return true;
        }
    }
    return false;
}

// ---- Products with a matrix: back to x goes the gradient times the matrix, transposed or not

static void apply_transposed(HypothesisSearch *s, const Hypothesis *h)
{
    uint32_t size = h->n_rows * h->n_columns;
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        uint32_t param = s->bounds->rules[i] == RULE_MUL ? hypothesis_child(s, i, 0) : NO_NODE;
        if (param != NO_NODE && param >= h->first && param - h->first < size) {
            uint32_t row = (param - h->first) / h->n_columns;
            uint32_t column = (param - h->first) % h->n_columns;
            uint32_t other = h->first + column * h->n_columns + row;
            s->bounds->local_grads[s->bounds->dump->first_edge[i] + 1] =
                range_middle(s->bounds->data_used[other]);
        }
    }
}

static bool try_matrices(HypothesisSearch *s, char *text)
{
    ParamMatrix m;
    for (uint32_t i = 0; i < s->bounds->n_nodes && s->bounds->rules[i] == RULE_PARAM;
         i = m.first + m.n_rows * m.n_columns) {
        if (!hypothesis_find_matrix(s, i, &m)) {
            return false;
        }
        Hypothesis h = {.apply = apply_transposed,
                        .first = m.first,
                        .n_rows = m.n_rows,
                        .n_columns = m.n_columns};
        if (m.n_rows == m.n_columns && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES,
                     "lets gradients back through %.100s as if it were transposed", m.name);
            return true;
        }
    }
    return false;
}

bool hypotheses_try_slopes(HypothesisSearch *s, char *text)
{
    return try_relus(s, text) || try_identities(s, text) || try_matrices(s, text);
}
