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

static void set_local_grad(HypothesisSearch *s, uint32_t edge, double local_grad)
{
    hypothesis_set_number(s, s->bounds->children[edge], &s->bounds->local_grads[edge], local_grad);
}

// Gives every ReLU the slope of a case.
static void change_slope(HypothesisSearch *s, const Hypothesis *h, uint32_t parent, uint32_t edge)
{
    if (s->bounds->rules[parent] == RULE_RELU) {
        set_local_grad(s, edge, relu_slopes[h->kind].slope(s, parent));
    }
}

static bool try_relus(HypothesisSearch *s, char *text)
{
    for (uint32_t i = 0; i < sizeof relu_slopes / sizeof *relu_slopes; i++) {
        Hypothesis h = {.change_edge = change_slope, .kind = i};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "%s", relu_slopes[i].text);
            return true;
        }
    }
    return false;
}

// ---- rmsnorm as the identity: x * scale passes all to x, and nothing to the scale

static void change_identity(HypothesisSearch *s, const Hypothesis *h, uint32_t parent,
                            uint32_t edge)
{
    if (s->bounds->rules[parent] == RULE_MUL && h->from_kinds[s->kinds->kind_of[parent]]) {
        set_local_grad(s, edge, edge == s->bounds->dump->first_edge[parent] ? 1 : 0);
    }
}

static bool try_identities(HypothesisSearch *s, char *text)
{
    // The single ones first: all together also explain what one of them does.
    static const char *const endings[] = {"mlp.norm[*]", "attn.norm[*]", "posN.norm[*]", "norm[*]"};
    static const char *const names[] = {"mlp.norm", "attn.norm", "posN.norm", "rmsnorm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        bool kinds[MAX_PATH_KINDS];
        hypothesis_find_kinds(s, endings[i], kinds);
        Hypothesis h = {.change_edge = change_identity, .from_kinds = kinds};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "lets gradients back through %s unchanged", names[i]);
            return true;
        }
    }
    return false;
}

// ---- Products with a matrix: back to x goes the gradient times the matrix, transposed or not

static void change_transposed(HypothesisSearch *s, const Hypothesis *h, uint32_t parent,
                              uint32_t edge)
{
    uint32_t element;
    bool is_of_vector = edge == s->bounds->dump->first_edge[parent] + 1;
    if (is_of_vector && hypothesis_multiplies(s, h, parent, &element)) {
        uint32_t row = element / h->n_columns;
        uint32_t column = element % h->n_columns;
        uint32_t other = h->first + column * h->n_columns + row;
        set_local_grad(s, edge, range_middle(s->bounds->data_used[other]));
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
        Hypothesis h = {.change_edge = change_transposed,
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

// ---- Softmax element by element: each p depends on its own logit alone, by p * (1 - p)

static void change_elementwise(HypothesisSearch *s, const Hypothesis *h, uint32_t parent,
                               uint32_t edge)
{
    const Bounds *b = s->bounds;
    if (!h->to_kinds[s->kinds->kind_of[b->children[edge]]]) {
        return;
    }
    double p = range_middle(b->data_used[parent]);
    bool is_weight = b->rules[parent] == RULE_MUL; // and otherwise a part of the total
    set_local_grad(s, edge, is_weight ? middle_of_child(s, parent, 1) * (1 - p) : 0);
}

static bool try_elementwise(HypothesisSearch *s, char *text)
{
    bool kinds[MAX_PATH_KINDS];
    hypothesis_find_kinds(s, "headN.softmax.exp[*]", kinds);
    Hypothesis h = {.change_edge = change_elementwise, .to_kinds = kinds};
    if (!hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES,
             "lets gradients back through attention's softmax with the slope p * (1 - p) of each "
             "weight by its own logit, and not by the others");
    return true;
}

bool hypotheses_try_slopes(HypothesisSearch *s, char *text)
{
    return try_relus(s, text) || try_identities(s, text) || try_matrices(s, text) ||
           try_elementwise(s, text);
}
