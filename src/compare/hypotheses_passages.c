// Hypotheses about edges that pass back no gradient, or not as much as they should. See
// hypothesis_graph.h.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

static void set_grad_factor(HypothesisSearch *s, uint32_t edge, double factor)
{
    hypothesis_set_number(s, s->bounds->children[edge], &s->bounds->grad_factors[edge], factor);
}

// Scales what is passed back from some kinds of nodes to others.
static void change_scaled(HypothesisSearch *s, const Hypothesis *h, uint32_t parent, uint32_t edge)
{
    if (h->to_kinds[s->kinds->kind_of[s->bounds->children[edge]]] &&
        h->from_kinds[s->kinds->kind_of[parent]]) {
        set_grad_factor(s, edge, h->to);
    }
}

// What is passed back to the nodes whose paths have an ending: by all parents, or by those with a
// text in their paths.
typedef struct Passage {
    const char *to;
    const char *from; // NULL: from all parents
    const char *name;
} Passage;

static bool has_factor(HypothesisSearch *s, const Passage *passage, double factor)
{
    bool from[MAX_PATH_KINDS];
    bool to[MAX_PATH_KINDS];
    hypothesis_find_kinds(s, passage->to, to);
    for (size_t i = 0; i < s->kinds->n; i++) {
        from[i] = passage->from == NULL || strstr(s->kinds->patterns[i], passage->from) != NULL;
    }
    Hypothesis h = {.change_edge = change_scaled, .from_kinds = from, .to_kinds = to, .to = factor};
    return hypothesis_holds(s, &h);
}

static bool try_closed(HypothesisSearch *s, char *text)
{
    static const Passage cases[] = {
        {"norm.scale", NULL, "through the scale of rmsnorm"},
        {"mlp.norm.scale", NULL, "through the scale of mlp.norm"},
        {"attn.norm.scale", NULL, "through the scale of attn.norm"},
        {"posN.norm.scale", NULL, "through the scale of posN.norm"},
        {"softmax.total", NULL, "through the totals of softmax"},
        {"softmax.exp[*]", "softmax.total", "through the totals of softmax"},
        {"headN.softmax.total", NULL, "through the total of attention's softmax"},
        {"posN.softmax.total", NULL, "through the total of the last softmax"},
        {"posN.softmax.exp[*]", "posN.prob",
         "from the target's own exp: its gradient should be its probability - 1, over n"},
        {"attn.residual[*]", "mlp.residual[*]", "past the MLP, by its residual"},
        {"norm[*]", "attn.residual[*]", "past attention, by its residual"},
        {"headN.weight[*]", NULL, "through the weights of attention"},
        {"attn.q[*]", NULL, "through the queries"},
        {"attn.k[*]", NULL, "through the keys"},
        {"attn.v[*]", NULL, "through the values"},
        {"attn.norm[*]", ".attn.q[*]", "from the queries to what they are made of"},
        {"attn.norm[*]", ".attn.k[*]", "from the keys to what they are made of"},
        {"attn.norm[*]", ".attn.v[*]", "from the values to what they are made of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (has_factor(s, &cases[i], 0)) {
            snprintf(text, HYPOTHESIS_BYTES, "passes no gradient back %s", cases[i].name);
            return true;
        }
    }
    return false;
}

// Returns one over the constant of the first product with a constant whose path ends like this; 0
// if there is none.
static double inverse_constant(const HypothesisSearch *s, const char *ending)
{
    const Bounds *b = s->bounds;
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        if (b->rules[i] == RULE_MUL &&
            hypothesis_ends_with(s->kinds->patterns[s->kinds->kind_of[i]], ending) &&
            b->rules[hypothesis_child(s, i, 1)] == RULE_LEAF) {
            return 1 / b->constants[hypothesis_child(s, i, 1)];
        }
    }
    return 0;
}

static bool try_factors(HypothesisSearch *s, char *text)
{
    static const Passage cases[] = {
        {"norm.scale", NULL, "through the scale of rmsnorm"},
        {"mlp.norm.scale", NULL, "through the scale of mlp.norm"},
        {"attn.norm.scale", NULL, "through the scale of attn.norm"},
        {"posN.norm.scale", NULL, "through the scale of posN.norm"},
        {"headN.softmax.exp[*]", "softmax.total", "through the total of attention's softmax"},
    };
    const double factors[] = {-1, 0.5, 2, inverse_constant(s, "norm.ms")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
            if (!has_factor(s, &cases[i], factors[k])) {
                continue;
            }
            if (factors[k] < 0) {
                snprintf(text, HYPOTHESIS_BYTES, "has the other sign in what it lets back %s",
                         cases[i].name);
            } else {
                snprintf(text, HYPOTHESIS_BYTES, "lets back %g x as much as it should %s",
                         factors[k], cases[i].name);
            }
            return true;
        }
    }
    return false;
}

// Passes gradients back through the products of some kinds with a constant as if it were 1.
static void change_unscaled(HypothesisSearch *s, const Hypothesis *h, uint32_t parent,
                            uint32_t edge)
{
    if (s->bounds->rules[parent] == RULE_MUL && h->from_kinds[s->kinds->kind_of[parent]] &&
        edge == s->bounds->dump->first_edge[parent]) {
        set_grad_factor(s, edge, h->to);
    }
}

static bool try_unscaled(HypothesisSearch *s, char *text)
{
    const char *logit = "headN.logit[*]";
    bool kinds[MAX_PATH_KINDS];
    hypothesis_find_kinds(s, logit, kinds);
    Hypothesis h = {
        .change_edge = change_unscaled, .from_kinds = kinds, .to = inverse_constant(s, logit)};
    double factor = 1 / h.to;
    if (h.to == 0) {
        return false;
    }
    if (hypothesis_holds(s, &h)) {
        snprintf(text, HYPOTHESIS_BYTES, "leaves out the factor %g (1/sqrt(head_dim)) in backward",
                 factor);
        return true;
    }
    h.to = factor;
    if (hypothesis_holds(s, &h)) {
        snprintf(text, HYPOTHESIS_BYTES, "has the factor %g (1/sqrt(head_dim)) twice in backward",
                 factor);
        return true;
    }
    return false;
}

// Passes nothing back to a vector of an earlier position, as if the cache had no gradients.
static void change_cached(HypothesisSearch *s, const Hypothesis *h, uint32_t parent, uint32_t edge)
{
    uint32_t child = s->bounds->children[edge];
    const char *path = hypothesis_path(s, parent);
    if (h->to_kinds[s->kinds->kind_of[child]] &&
        strncmp(path, hypothesis_path(s, child), strcspn(path, ".") + 1) != 0) {
        set_grad_factor(s, edge, 0);
    }
}

static bool try_cached(HypothesisSearch *s, char *text)
{
    static const struct {
        bool keys;
        bool values;
        const char *name;
    } cases[] = {{true, true, "keys and values"}, {true, false, "keys"}, {false, true, "values"}};
    bool of_keys[MAX_PATH_KINDS];
    bool of_values[MAX_PATH_KINDS];
    hypothesis_find_kinds(s, "attn.k[*]", of_keys);
    hypothesis_find_kinds(s, "attn.v[*]", of_values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool kinds[MAX_PATH_KINDS];
        for (size_t k = 0; k < s->kinds->n; k++) {
            kinds[k] = (cases[i].keys && of_keys[k]) || (cases[i].values && of_values[k]);
        }
        Hypothesis h = {.change_edge = change_cached, .to_kinds = kinds};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES,
                     "passes no gradient back to the %s of earlier positions (or `=` where `+=` "
                     "belongs)",
                     cases[i].name);
            return true;
        }
    }
    return false;
}

// Passes nothing back from the outputs of one head.
static void change_without_head(HypothesisSearch *s, const Hypothesis *h, uint32_t parent,
                                uint32_t edge)
{
    if (h->from_kinds[s->kinds->kind_of[parent]] &&
        strstr(hypothesis_path(s, parent), h->old_path) != NULL) {
        set_grad_factor(s, edge, 0);
    }
}

static bool try_heads(HypothesisSearch *s, char *text)
{
    char path[PATTERN_BYTES];
    bool kinds[MAX_PATH_KINDS];
    hypothesis_find_kinds(s, ".headN.out[*]", kinds);
    for (int head = 0; head < LIST_MAX; head++) {
        snprintf(path, sizeof path, "pos0.layer0.attn.head%d.out[0]", head);
        if (path_index_find(&s->index, path) == NO_NODE) {
            return false;
        }
        snprintf(path, sizeof path, ".head%d.out[", head);
        Hypothesis h = {.change_edge = change_without_head, .old_path = path, .from_kinds = kinds};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "passes no gradient back through head %d", head);
            return true;
        }
    }
    return false;
}

bool hypotheses_try_passages(HypothesisSearch *s, char *text)
{
    return try_closed(s, text) || try_heads(s, text) || try_cached(s, text) ||
           try_unscaled(s, text) || try_factors(s, text);
}
