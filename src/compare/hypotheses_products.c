// Hypotheses about products of a matrix and a vector: another matrix, or a vector that is
// normalised first. See hypothesis_graph.h.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

// ---- Another matrix

// Takes the numbers from `to` on in place of the matrix at `first`.
static void change_other_matrix(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    uint32_t element;
    if (hypothesis_multiplies(s, h, i, &element)) {
        hypothesis_set_child(s, i, 0, h->node + element);
    }
}

static bool try_others_for(HypothesisSearch *s, const ParamMatrix *own, char *text)
{
    ParamMatrix other;
    for (uint32_t i = 0; i < s->bounds->n_nodes && s->bounds->rules[i] == RULE_PARAM;
         i = other.first + other.n_rows * other.n_columns) {
        if (!hypothesis_find_matrix(s, i, &other)) {
            return false;
        }
        Hypothesis h = {.change = change_other_matrix,
                        .node = other.first,
                        .first = own->first,
                        .n_rows = own->n_rows,
                        .n_columns = own->n_columns};
        bool fits = other.first != own->first && other.n_rows >= own->n_rows &&
                    other.n_columns == own->n_columns;
        if (fits && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "multiplies by %.90s where %.90s belongs", other.name,
                     own->name);
            return true;
        }
    }
    return false;
}

// Whether the targets are computed with the matrix.
static bool is_used(const HypothesisSearch *s, const ParamMatrix *m)
{
    uint32_t size = m->n_rows * m->n_columns;
    for (size_t i = 0; i < s->n_cone; i++) {
        uint32_t node_id = s->cone[i];
        if (s->bounds->rules[node_id] == RULE_MUL && hypothesis_child(s, node_id, 0) >= m->first &&
            hypothesis_child(s, node_id, 0) - m->first < size) {
            return true;
        }
    }
    return false;
}

bool hypotheses_try_matrices(HypothesisSearch *s, char *text)
{
    ParamMatrix own;
    for (uint32_t i = 0; i < s->bounds->n_nodes && s->bounds->rules[i] == RULE_PARAM;
         i = own.first + own.n_rows * own.n_columns) {
        if (!hypothesis_find_matrix(s, i, &own)) {
            return false;
        }
        if (is_used(s, &own) && try_others_for(s, &own, text)) {
            return true;
        }
    }
    return false;
}

// ---- rmsnorm of the vector

// Returns 1 over the root of the mean square of the vector that a path has an element of.
static double scale_of(const HypothesisSearch *s, const char *path, double epsilon)
{
    char element[2 * PATTERN_BYTES];
    double sum = 0;
    unsigned n = 0;
    for (;; n++) {
        snprintf(element, sizeof element, "%.*s[%u]", (int)strcspn(path, "["), path, n);
        uint32_t node_id = path_index_find(&s->index, element);
        if (node_id == NO_NODE) {
            break;
        }
        double x = range_middle(s->bounds->data_used[node_id]);
        sum += x * x;
    }
    return 1 / sqrt(sum / n + epsilon);
}

// Returns the first product of the sum that a node is.
static uint32_t first_product(const HypothesisSearch *s, uint32_t node_id)
{
    while (s->bounds->rules[node_id] == RULE_ADD) {
        node_id = hypothesis_child(s, node_id, 0);
    }
    return s->bounds->rules[node_id] == RULE_MUL ? node_id : NO_NODE;
}

static void change_normed(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    uint32_t product = s->kinds->kind_of[i] == h->kind ? first_product(s, i) : NO_NODE;
    if (product != NO_NODE) {
        const char *path = hypothesis_path(s, hypothesis_child(s, product, 1));
        hypothesis_scale(s, i, scale_of(s, path, h->to));
    }
}

// What comes back to the vector passes through the norm, which is not in the graph.
static void forget_grads(HypothesisSearch *s, uint32_t kind)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        s->bounds->is_odd[i] = s->bounds->is_odd[i] || s->kinds->kind_of[i] == kind;
    }
}

bool hypotheses_try_normed(HypothesisSearch *s, char *text)
{
    uint32_t first = s->targets[0];
    uint32_t product = first_product(s, first);
    if (product == NO_NODE || s->bounds->rules[hypothesis_child(s, product, 0)] != RULE_PARAM) {
        return false;
    }
    Hypothesis h = {.change = change_normed, .kind = s->kinds->kind_of[first], .to = 1e-5};
    uint32_t kind = s->kinds->kind_of[hypothesis_child(s, product, 1)];
    if (!hypothesis_holds(s, &h)) {
        return false;
    }
    forget_grads(s, s->kinds->kind_of[product]);
    snprintf(text, HYPOTHESIS_BYTES, "normalises %.100s first: there is an rmsnorm too many",
             s->kinds->patterns[kind]);
    return true;
}
