// Hypotheses about data: see hypotheses.h. Each function tries one kind of hypotheses, and writes
// to text which of them holds.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

#define ANY_KIND UINT32_MAX

static bool say(char *text, const char *what)
{
    snprintf(text, HYPOTHESIS_BYTES, "%s", what);
    return true;
}

static bool is_sum_of_two(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_ADD && hypothesis_n_children(s, node_id) == 2;
}

static bool cone_has_rule(const HypothesisSearch *s, Rule rule)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        if (s->bounds->rules[s->cone[i]] == rule) {
            return true;
        }
    }
    return false;
}

// ---- Activations

// A port that shows its ReLU may square it afterwards, where it multiplies by it.
static void change_activation(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    bool is_squared_later = h->rule == RULE_MUL_SQUARE && s->bounds->rules[i] == RULE_MUL &&
                            s->bounds->rules[hypothesis_child(s, i, 1)] == RULE_RELU;
    if (is_squared_later || (h->rule != RULE_MUL_SQUARE && s->bounds->rules[i] == RULE_RELU)) {
        hypothesis_set_rule(s, i, h->rule);
    }
}

static bool try_activations(HypothesisSearch *s, char *text)
{
    static const struct {
        Rule rule;
        const char *text;
    } cases[] = {
        {RULE_RELU_SQUARED, "squares the ReLU"},
        {RULE_MUL_SQUARE, "squares the ReLU"},
        {RULE_IDENTITY, "has no ReLU there"},
        {RULE_GELU, "has GELU where ReLU belongs"},
        {RULE_GELU_TANH, "has GELU, by tanh, where ReLU belongs"},
        {RULE_GELU_QUICK, "has GELU, by sigmoid(1.702 x), where ReLU belongs"},
        {RULE_SILU, "has SiLU where ReLU belongs"},
        {RULE_TANH, "has tanh where ReLU belongs"},
        {RULE_SIGMOID, "has the sigmoid function where ReLU belongs"},
        {RULE_LEAKY_RELU, "has a leaky ReLU, with a slope of 0.01 below 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Hypothesis h = {.change = change_activation, .rule = cases[i].rule};
        if (hypothesis_holds(s, &h)) {
            return say(text, cases[i].text);
        }
    }
    return false;
}

// ---- The epsilon of rmsnorm: x + a small constant

static bool is_epsilon_sum(const HypothesisSearch *s, uint32_t node_id)
{
    const Bounds *b = s->bounds;
    if (!is_sum_of_two(s, node_id)) {
        return false;
    }
    uint32_t leaf = hypothesis_child(s, node_id, 1);
    return b->rules[leaf] == RULE_LEAF && b->constants[leaf] > 0 && b->constants[leaf] < 0.01 &&
           b->rules[hypothesis_child(s, node_id, 0)] != RULE_LEAF;
}

static bool is_inverse_root(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_POW && s->bounds->constants[node_id] == -0.5 &&
           is_epsilon_sum(s, hypothesis_child(s, node_id, 0));
}

static void change_epsilon(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (is_epsilon_sum(s, i)) {
        hypothesis_set_constant(s, hypothesis_child(s, i, 1), h->to);
    }
}

static void change_epsilon_outside(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (is_inverse_root(s, i)) {
        hypothesis_set_constant(s, hypothesis_child(s, hypothesis_child(s, i, 0), 1), 0);
        hypothesis_set_rule(s, i, RULE_ROOT_PLUS);
        hypothesis_set_constant(s, i, h->to);
    }
}

static uint32_t find_epsilon_sum(const HypothesisSearch *s)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        if (is_epsilon_sum(s, s->cone[i])) {
            return s->cone[i];
        }
    }
    return NO_NODE;
}

static bool try_epsilons(HypothesisSearch *s, char *text)
{
    static const double epsilons[] = {0,     1e-3,  1e-4,    1e-6,    1e-7, 1e-8,         1e-9,
                                      1e-10, 1e-12, 0x1p-23, 0x1p-52, 1e-5, (double)1e-5f};
    uint32_t sum = find_epsilon_sum(s);
    if (sum == NO_NODE) {
        return false;
    }
    double own = s->bounds->constants[hypothesis_child(s, sum, 1)];
    for (size_t i = 0; i < sizeof epsilons / sizeof *epsilons; i++) {
        Hypothesis h = {.change = change_epsilon, .to = epsilons[i]};
        if (epsilons[i] != own && hypothesis_holds(s, &h)) {
            if (epsilons[i] == 0) {
                snprintf(text, HYPOTHESIS_BYTES, "adds no epsilon where %g belongs", own);
            } else if (epsilons[i] == (double)(float)own) {
                snprintf(text, HYPOTHESIS_BYTES, "has an epsilon of %g in single precision", own);
            } else {
                snprintf(text, HYPOTHESIS_BYTES, "has an epsilon of %g where %g belongs",
                         epsilons[i], own);
            }
            return true;
        }
        h.change = change_epsilon_outside;
        if (epsilons[i] != 0 && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES,
                     "adds an epsilon of %g to the root, where %g belongs under it", epsilons[i],
                     own);
            return true;
        }
    }
    return false;
}

// ---- Products with a constant: 1/sqrt(head_dim), 1/n

static bool is_scaled(const HypothesisSearch *s, uint32_t node_id)
{
    const Bounds *b = s->bounds;
    if (b->rules[node_id] != RULE_MUL) {
        return false;
    }
    uint32_t leaf = hypothesis_child(s, node_id, 1);
    double constant = b->constants[leaf];
    return b->rules[leaf] == RULE_LEAF && constant != 0 && fabs(constant) != 1;
}

// Changes the factor of the nodes of a kind, or of all that have the same factor.
static void change_scale(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if ((h->kind == ANY_KIND || s->kinds->kind_of[i] == h->kind) && is_scaled(s, i) &&
        s->bounds->constants[hypothesis_child(s, i, 1)] == h->from) {
        hypothesis_set_constant(s, hypothesis_child(s, i, 1), h->to);
    }
}

static const char *name_scale(const char *path)
{
    if (path != NULL && strstr(path, ".head") != NULL) {
        return " (1/sqrt(head_dim))";
    }
    if (path != NULL && strstr(path, "norm.ms") != NULL) {
        return " (1/n_embd)";
    }
    return path != NULL && strcmp(path, "loss") == 0 ? " (1/n)" : "";
}

static bool try_scale(HypothesisSearch *s, uint32_t node_id, char *text)
{
    double own = s->bounds->constants[hypothesis_child(s, node_id, 1)];
    double inverse = 1 / own;
    const double others[] = {1, own * own, sqrt(own), 1 / (inverse - 1), 1 / (inverse + 1)};
    const char *name = name_scale(hypothesis_path(s, node_id));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        Hypothesis of_all = {
            .change = change_scale, .from = own, .to = others[i], .kind = ANY_KIND};
        Hypothesis of_kind = of_all;
        of_kind.kind = s->kinds->kind_of[node_id];
        if (isfinite(others[i]) &&
            (hypothesis_holds(s, &of_all) || hypothesis_holds(s, &of_kind))) {
            if (others[i] == 1) {
                snprintf(text, HYPOTHESIS_BYTES, "leaves out the factor %g%s", own, name);
            } else {
                snprintf(text, HYPOTHESIS_BYTES, "has the factor %g where %g%s belongs", others[i],
                         own, name);
            }
            return true;
        }
    }
    return false;
}

static bool try_scales(HypothesisSearch *s, char *text)
{
    uint16_t tried[LIST_MAX];
    size_t n_tried = 0;
    for (size_t i = 0; i < s->n_cone && n_tried < LIST_MAX; i++) {
        uint16_t kind = s->kinds->kind_of[s->cone[i]];
        bool is_known = !is_scaled(s, s->cone[i]);
        for (size_t k = 0; k < n_tried; k++) {
            is_known = is_known || tried[k] == kind;
        }
        if (is_known) {
            continue;
        }
        tried[n_tried++] = kind;
        if (try_scale(s, s->cone[i], text)) {
            return true;
        }
    }
    return false;
}

// ---- rmsnorm omitted: x * scale is x

static bool is_normed(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_MUL &&
           is_inverse_root(s, hypothesis_child(s, node_id, 1));
}

static void change_no_norm(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (s->kinds->kind_of[i] == h->kind && is_normed(s, i)) {
        hypothesis_set_rule(s, i, RULE_IDENTITY);
    }
}

static bool try_no_norm(HypothesisSearch *s, char *text)
{
    uint16_t last = UINT16_MAX;
    for (size_t i = 0; i < s->n_cone; i++) {
        uint16_t kind = s->kinds->kind_of[s->cone[i]];
        Hypothesis h = {.change = change_no_norm, .kind = kind};
        if (kind == last || !is_normed(s, s->cone[i])) {
            continue;
        }
        last = kind;
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "does not normalise: there is no %.100s",
                     s->kinds->patterns[kind]);
            return true;
        }
    }
    return false;
}

// ---- layernorm: the mean is taken off before

// The mean of the squares is then less by the mean's square, which changes the epsilon that is
// added to it.
static void change_layernorm(HypothesisSearch *s, const Hypothesis *h)
{
    (void)h;
    const Bounds *b = s->bounds;
    uint32_t end;
    for (uint32_t i = 0; i < b->n_nodes; i = end) {
        double sum = 0;
        uint32_t scale = is_normed(s, i) ? hypothesis_child(s, i, 1) : NO_NODE;
        for (end = i; is_normed(s, end) && hypothesis_child(s, end, 1) == scale; end++) {
            sum += range_middle(b->data_used[hypothesis_child(s, end, 0)]);
        }
        double mean = sum / (end - i);
        for (uint32_t k = i; k < end; k++) {
            hypothesis_set_rule(s, k, RULE_MUL_SHIFTED);
            hypothesis_set_constant(s, k, -mean);
        }
        if (end > i) {
            uint32_t epsilon = hypothesis_child(s, hypothesis_child(s, scale, 0), 1);
            hypothesis_set_constant(s, epsilon, b->constants[epsilon] - mean * mean);
        }
        end += end == i;
    }
}

// It is not worked out what the mean passes back.
static void forget_grads_of_mean(HypothesisSearch *s)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        s->bounds->is_odd[i] = s->bounds->is_odd[i] || s->bounds->rules[i] == RULE_MUL_SHIFTED;
    }
}

static bool try_layernorm(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.change_graph = change_layernorm};
    if (find_epsilon_sum(s) == NO_NODE || !hypothesis_holds(s, &h)) {
        return false;
    }
    forget_grads_of_mean(s);
    return say(text, "takes off the mean first: it has layernorm where rmsnorm belongs");
}

// ---- The temperature of the last softmax

// Also of the largest logit, whose exponential is 1 with any temperature.
static void change_temperature(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        bool is_logit = is_sum_of_two(s, i) &&
                        s->bounds->rules[hypothesis_child(s, i, 1)] == RULE_MINUS_MAX &&
                        strncmp(s->kinds->patterns[s->kinds->kind_of[i]], "posN.softmax.", 13) == 0;
        if (is_logit) {
            hypothesis_scale(s, i, 1 / h->to);
        }
    }
}

static bool try_temperatures(HypothesisSearch *s, char *text)
{
    static const double temperatures[] = {0.5, 0.7, 0.8, 0.9, 2};
    size_t n = cone_has_rule(s, RULE_MINUS_MAX) ? sizeof temperatures / sizeof *temperatures : 0;
    for (size_t i = 0; i < n; i++) {
        Hypothesis h = {.change_graph = change_temperature, .to = temperatures[i]};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "divides the logits by %g, a temperature, first",
                     h.to);
            return true;
        }
    }
    return false;
}

// ---- The unexplained values themselves

static bool is_of_members(const HypothesisSearch *s, uint32_t node_id)
{
    return s->kinds->kind_of[node_id] == s->kinds->kind_of[s->members[0]];
}

static void change_identity(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (is_of_members(s, i) && hypothesis_n_children(s, i) > 0) {
        hypothesis_set_rule(s, i, h->rule);
    }
}

static bool try_identity(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.change = change_identity, .rule = RULE_IDENTITY};
    uint32_t first = s->targets[0];
    if (s->bounds->rules[first] != RULE_MUL || !hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "has %.100s there, unchanged",
             hypothesis_path(s, hypothesis_child(s, first, 0)));
    return true;
}

// A term of a sum: a child of the sum, or of a nested one.
typedef struct SumTerm {
    uint32_t sum;
    uint32_t slot;
} SumTerm;

// Lists the terms of a sum, from left to right. Those of a nested sum that the subject does not
// show are included.
static size_t list_terms(const HypothesisSearch *s, uint32_t node_id, SumTerm *terms)
{
    uint32_t down[MAX_CHAIN_TERMS];
    size_t n_down = 0;
    while (n_down < MAX_CHAIN_TERMS) {
        uint32_t first = hypothesis_child(s, node_id, 0);
        down[n_down++] = node_id;
        if (!is_sum_of_two(s, first) || s->bounds->has_data[first]) {
            break;
        }
        node_id = first;
    }
    size_t n = 0;
    terms[n++] = (SumTerm){node_id, 0};
    while (n_down > 0 && n < MAX_CHAIN_TERMS) {
        terms[n++] = (SumTerm){down[--n_down], 1};
    }
    return n;
}

static void change_left_out(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    SumTerm terms[MAX_CHAIN_TERMS];
    if (is_of_members(s, i) && is_sum_of_two(s, i) && h->first < list_terms(s, i, terms)) {
        hypothesis_set_term(s, terms[h->first].sum, terms[h->first].slot, h->to);
    }
}

// Tries whether one term of a sum of two has a factor.
static bool try_term_factor(HypothesisSearch *s, const SumTerm *terms, uint32_t number, char *text)
{
    const Bounds *b = s->bounds;
    uint32_t target = s->targets[0];
    uint32_t term = hypothesis_child(s, terms[number].sum, terms[number].slot);
    double off = b->data[target] - range_middle(b->data_bound[target]);
    double factor = 1 + off / range_middle(b->data_used[term]);
    char name[PATTERN_BYTES];
    bool is_nice = isfinite(factor) && hypotheses_name_factor(&factor, name);
    Hypothesis h = {.change = change_left_out, .first = number, .to = factor};
    bool can_tell = isfinite(factor) && (is_nice || s->n_targets > 2);
    if (!can_tell || !hypothesis_holds_for_all(s, &h)) {
        return false;
    }
    const char *path = hypothesis_path(s, term);
    snprintf(text, HYPOTHESIS_BYTES, "adds %.40s x %.80s where %.80s itself belongs", name, path,
             path);
    return true;
}

static bool try_left_out(HypothesisSearch *s, char *text)
{
    SumTerm terms[MAX_CHAIN_TERMS];
    uint32_t target = s->targets[0];
    size_t n = is_sum_of_two(s, target) ? list_terms(s, target, terms) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *path = hypothesis_path(s, hypothesis_child(s, terms[i].sum, terms[i].slot));
        Hypothesis h = {.change = change_left_out, .first = (uint32_t)i, .to = 0};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "leaves out %.100s", path);
            return true;
        }
        h.to = -1;
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes off %.100s where it is to be added", path);
            return true;
        }
        if (n == 2 && try_term_factor(s, terms, (uint32_t)i, text)) {
            return true;
        }
    }
    return false;
}

// ---- Residuals

static void change_no_term(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (s->kinds->kind_of[i] == h->kind) {
        hypothesis_set_term(s, i, h->first, 0);
    }
}

static bool is_residual(const HypothesisSearch *s, uint32_t node_id)
{
    return is_sum_of_two(s, node_id) &&
           strstr(s->kinds->patterns[s->kinds->kind_of[node_id]], ".residual[") != NULL;
}

static bool try_residuals(HypothesisSearch *s, char *text)
{
    uint16_t last = UINT16_MAX;
    for (size_t i = 0; i < s->n_cone; i++) {
        uint16_t kind = s->kinds->kind_of[s->cone[i]];
        if (kind == last || !is_residual(s, s->cone[i])) {
            continue;
        }
        last = kind;
        for (uint32_t slot = 0; slot < 2; slot++) {
            uint32_t term = hypothesis_child(s, s->cone[i], slot);
            Hypothesis h = {.change = change_no_term, .kind = kind, .first = slot};
            if (hypothesis_holds(s, &h)) {
                snprintf(text, HYPOTHESIS_BYTES, "leaves out %.80s in %.80s",
                         s->kinds->patterns[s->kinds->kind_of[term]], s->kinds->patterns[kind]);
                return true;
            }
        }
    }
    return false;
}

// Also where the unexplained values do not come from, because each softmax takes off its own.
static void change_no_max(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->bounds->rules[i] == RULE_MINUS_MAX) {
            hypothesis_set_rule(s, i, RULE_LEAF);
            hypothesis_set_constant(s, i, h->to);
        }
    }
}

static bool try_no_max(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.change_graph = change_no_max, .to = 0};
    return cone_has_rule(s, RULE_MINUS_MAX) && hypothesis_holds(s, &h) &&
           say(text, "takes no maximum off before exp, which changes no probability");
}

static void change_factor(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (is_of_members(s, i)) {
        hypothesis_scale(s, i, h->to);
    }
}

// Returns whether all members are what their inputs give times the same factor.
static bool have_factor(const HypothesisSearch *s, double factor)
{
    const Bounds *b = s->bounds;
    for (size_t i = 0; i < s->n_members; i++) {
        Range scaled = range_scale(b->data_bound[s->members[i]], factor);
        if (!bounds_explain(b, scaled, b->data[s->members[i]])) {
            return false;
        }
    }
    return true;
}

static bool try_factor(HypothesisSearch *s, char *text)
{
    uint32_t first = s->targets[0];
    double given = range_middle(s->bounds->data_bound[first]);
    double factor = s->bounds->data[first] / given;
    char name[PATTERN_BYTES];
    if (!isfinite(factor) || factor == 0) {
        return false;
    }
    bool is_nice = hypotheses_name_factor(&factor, name);
    Hypothesis h = {.change = change_factor, .to = factor};
    bool is_elsewhere = s->n_members > s->n_targets; // at other positions, too
    if ((!is_nice && !is_elsewhere) || !have_factor(s, factor) || !hypothesis_holds(s, &h)) {
        return false;
    }
    if (h.to == -1) {
        return say(text, "has the other sign");
    }
    if (s->bounds->rules[first] == RULE_LEAF) {
        snprintf(text, HYPOTHESIS_BYTES, "has the constant %g where %g belongs",
                 s->bounds->data[first], given);
        return true;
    }
    snprintf(text, HYPOTHESIS_BYTES, "is %.40s x what its inputs give%s", name,
             s->n_members > 1 ? ", throughout" : "");
    return true;
}

static void change_single(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    (void)h;
    if (is_of_members(s, i)) {
        hypothesis_set_single(s, i);
    }
}

static bool try_single(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.change = change_single};
    for (size_t i = 0; i < s->n_members; i++) {
        double value = s->bounds->data[s->members[i]];
        if ((double)(float)value != value) {
            return false;
        }
    }
    return hypothesis_holds(s, &h) && say(text, "is that, rounded to single precision");
}

// Those with few hypotheses come first, as long as the budget lasts.
static bool (*const families[])(HypothesisSearch *s, char *text) = {
    try_single,
    hypotheses_try_attention,
    try_activations,
    try_epsilons,
    try_scales,
    try_no_norm,
    try_layernorm,
    try_temperatures,
    try_identity,
    try_factor,
    hypotheses_try_targets,
    hypotheses_try_lookups,
    hypotheses_try_transposed,
    hypotheses_try_matrices,
    hypotheses_try_normed,
    try_left_out,
    try_residuals,
    hypotheses_try_vectors,
    hypotheses_try_keys,
    hypotheses_try_values,
    try_no_max,
};

enum {
    N_FAMILIES = sizeof families / sizeof *families,
};

bool hypotheses_find_data(HypothesisSearch *search, const uint32_t *members, size_t n, char *text)
{
    if (!search->bounds->dump->has_names) {
        return false;
    }
    hypothesis_begin(search, false, members, n);
    // A kind of hypothesis that held once is likely to hold again, at the next position.
    for (size_t i = 0; i < N_FAMILIES; i++) {
        size_t family = i == 0 ? search->n_held : i - (i <= search->n_held);
        if (families[family](search, text)) {
            search->n_held = family;
            return true;
        }
    }
    return false;
}

// The families that change all nodes alike, those with few hypotheses first.
bool hypotheses_try_forward(HypothesisSearch *search, char *text)
{
    static bool (*const of_all_nodes[])(HypothesisSearch * s, char *text) = {
        try_activations, hypotheses_try_transposed, try_no_norm,
        try_residuals,   hypotheses_try_no_lookup,  try_epsilons,
        try_scales,      try_temperatures,          hypotheses_try_vectors,
    };
    for (size_t i = 0; i < sizeof of_all_nodes / sizeof *of_all_nodes; i++) {
        if (of_all_nodes[i](search, text)) {
            return true;
        }
    }
    return false;
}
