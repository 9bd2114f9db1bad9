// Hypotheses about edges that pass back no gradient, or not as much as they should. See
// hypothesis_graph.h.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

// Scales what is passed back to the nodes of a kind: by all parents, or by parents with a path.
static void apply_scaled(HypothesisSearch *s, const Hypothesis *h)
{
    const NodeDump *dump = s->bounds->dump;
    bool is_from[MAX_PATH_KINDS];
    bool is_to[MAX_PATH_KINDS];
    for (size_t kind = 0; kind < s->kinds->n; kind++) {
        const char *pattern = s->kinds->patterns[kind];
        is_from[kind] = h->new_path == NULL || strstr(pattern, h->new_path) != NULL;
        is_to[kind] = hypothesis_ends_with(pattern, h->old_path);
    }
    for (uint32_t parent = 0; parent < s->bounds->n_nodes; parent++) {
        if (!is_from[s->kinds->kind_of[parent]]) {
            continue;
        }
        for (uint32_t e = dump->first_edge[parent]; e < dump->first_edge[parent + 1]; e++) {
            if (is_to[s->kinds->kind_of[s->bounds->children[e]]]) {
                s->bounds->grad_factors[e] = h->to;
            }
        }
    }
}

typedef struct Passage {
    const char *to;
    const char *from; // NULL: from all parents
    const char *name;
} Passage;

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
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Hypothesis h = {.apply = apply_scaled, .old_path = cases[i].to, .new_path = cases[i].from};
        if (hypothesis_holds(s, &h)) {
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
            Hypothesis h = {.apply = apply_scaled,
                            .old_path = cases[i].to,
                            .new_path = cases[i].from,
                            .to = factors[k]};
            if (!hypothesis_holds(s, &h)) {
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

// Passes gradients back through the products with a constant whose paths end like this, as if the
// constant were 1.
static void apply_unscaled(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        const char *pattern = s->kinds->patterns[s->kinds->kind_of[i]];
        if (s->bounds->rules[i] == RULE_MUL && hypothesis_ends_with(pattern, h->old_path)) {
            s->bounds->grad_factors[s->bounds->dump->first_edge[i]] = h->to;
        }
    }
}

static bool try_unscaled(HypothesisSearch *s, char *text)
{
    const char *logit = "headN.logit[*]";
    Hypothesis h = {.apply = apply_unscaled, .old_path = logit, .to = inverse_constant(s, logit)};
    if (h.to == 0 || !hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "leaves out the factor %g (1/sqrt(head_dim)) in backward",
             1 / h.to);
    return true;
}

// Passes nothing back to a vector of an earlier position, as if the cache had no gradients.
static void apply_cached(HypothesisSearch *s, const Hypothesis *h)
{
    const NodeDump *dump = s->bounds->dump;
    for (uint32_t parent = 0; parent < s->bounds->n_nodes; parent++) {
        const char *path = hypothesis_path(s, parent);
        size_t length = strcspn(path, ".") + 1;
        for (uint32_t e = dump->first_edge[parent]; e < dump->first_edge[parent + 1]; e++) {
            uint32_t child = s->bounds->children[e];
            const char *pattern = s->kinds->patterns[s->kinds->kind_of[child]];
            bool is_cached = (h->old_path != NULL && hypothesis_ends_with(pattern, h->old_path)) ||
                             (h->new_path != NULL && hypothesis_ends_with(pattern, h->new_path));
            if (is_cached && strncmp(path, hypothesis_path(s, child), length) != 0) {
                s->bounds->grad_factors[e] = 0;
            }
        }
    }
}

static bool try_cached(HypothesisSearch *s, char *text)
{
    static const Passage cases[] = {
        {"attn.k[*]", "attn.v[*]", "keys and values"},
        {"attn.k[*]", NULL, "keys"},
        {"attn.v[*]", NULL, "values"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Hypothesis h = {.apply = apply_cached, .old_path = cases[i].to, .new_path = cases[i].from};
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
static void apply_without_head(HypothesisSearch *s, const Hypothesis *h)
{
    const NodeDump *dump = s->bounds->dump;
    for (uint32_t parent = 0; parent < s->bounds->n_nodes; parent++) {
        if (hypothesis_ends_with(s->kinds->patterns[s->kinds->kind_of[parent]], ".headN.out[*]") &&
            strstr(hypothesis_path(s, parent), h->old_path) != NULL) {
            for (uint32_t e = dump->first_edge[parent]; e < dump->first_edge[parent + 1]; e++) {
                s->bounds->grad_factors[e] = 0;
            }
        }
    }
}

static bool try_heads(HypothesisSearch *s, char *text)
{
    char path[PATTERN_BYTES];
    for (int head = 0; head < LIST_MAX; head++) {
        snprintf(path, sizeof path, "pos0.layer0.attn.head%d.out[0]", head);
        if (path_index_find(&s->index, path) == NO_NODE) {
            return false;
        }
        snprintf(path, sizeof path, ".head%d.out[", head);
        Hypothesis h = {.apply = apply_without_head, .old_path = path};
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
