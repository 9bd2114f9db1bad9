// Hypotheses about attention: which positions it sees, and how its heads are laid out. See
// hypothesis_graph.h.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

enum {
    MAX_LATER = 256, // later positions that are taken into account
};

// One head at one position.
typedef struct Head {
    uint32_t position;
    uint32_t layer;
    uint32_t head;
    uint32_t head_dim;
} Head;

static uint32_t find(const HypothesisSearch *s, const char *format, ...)
{
    char path[PATTERN_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    return path_index_find(&s->index, path);
}

static uint32_t find_in_head(const HypothesisSearch *s, const Head *h, const char *name, uint32_t i,
                             const char *rest)
{
    return find(s, "pos%u.layer%u.attn.head%u.%s[%u]%s", h->position, h->layer, h->head, name, i,
                rest);
}

static double value_at(const HypothesisSearch *s, uint32_t node_id)
{
    return node_id != NO_NODE ? range_middle(s->bounds->data_used[node_id]) : 0;
}

// An element of q, k or v that belongs to the head, at any position.
static double element(const HypothesisSearch *s, const Head *h, const char *name, uint32_t position,
                      uint32_t i)
{
    return value_at(s, find(s, "pos%u.layer%u.attn.%s[%u]", position, h->layer, name,
                            h->head * h->head_dim + i));
}

static uint32_t count_elements(const HypothesisSearch *s, const Head *h)
{
    uint32_t n = 0;
    while (find_in_head(s, h, "out", n, "") != NO_NODE) {
        n++;
    }
    return n;
}

// Finds the next head, in the order of positions; returns false after the last one.
static bool next_head(const HypothesisSearch *s, Head *h)
{
    Head tries[] = {{h->position, h->layer, h->head + 1, 0},
                    {h->position, h->layer + 1, 0, 0},
                    {h->position + 1, 0, 0, 0}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        tries[i].head_dim = count_elements(s, &tries[i]);
        if (tries[i].head_dim > 0) {
            *h = tries[i];
            return true;
        }
    }
    return false;
}

static bool first_head(const HypothesisSearch *s, Head *h)
{
    *h = (Head){0};
    h->head_dim = count_elements(s, h);
    return h->head_dim > 0;
}

static uint32_t count_positions(const HypothesisSearch *s)
{
    uint32_t n = 0;
    while (find(s, "pos%u.loss", n) != NO_NODE) {
        n++;
    }
    return n;
}

static uint32_t count_rows_of_wpe(const HypothesisSearch *s)
{
    uint32_t n = 0;
    while (find(s, "wpe[%u,0]", n) != NO_NODE) {
        n++;
    }
    return n;
}

// ---- Which positions are seen

typedef struct Sight {
    bool next_only;      // one later position, and not all of the document
    bool has_zero_logit; // later logits are 0
    bool has_values;     // later values count
    bool is_padded;      // to all positions that the model has, not only those of the document
    const char *text;
} Sight;

static const Sight sights[] = {
    {true, false, true, false, "sees the next position as well: attention's mask is off by one"},
    {false, false, true, false, "sees all later positions as well: attention has no causal mask"},
    {false, true, true, false, "sees later positions with a logit of 0 where -infinity belongs"},
    {false, false, false, false, "masks later positions after softmax: its total includes them"},
    {false, true, false, false, "includes later positions in softmax's total, with a logit of 0"},
    {false, true, false, true,
     "includes all positions up to block_size in softmax's total, with a logit of 0"},
};

static double later_logit(const HypothesisSearch *s, const Head *h, uint32_t position)
{
    uint32_t own = find_in_head(s, h, "logit", 0, "");
    double sum = 0;
    for (uint32_t i = 0; i < h->head_dim; i++) {
        sum += element(s, h, "q", h->position, i) * element(s, h, "k", position, i);
    }
    return sum * value_at(s, hypothesis_child(s, own, 1));
}

static void add_to_constant(HypothesisSearch *s, uint32_t node_id, double amount)
{
    if (node_id != NO_NODE) {
        hypothesis_set_constant(s, node_id, s->bounds->constants[node_id] + amount);
    }
}

// Adds later positions to a head's total and outputs, as the constants with which the sums begin.
// Both are changed wherever the targets are, since only both together tell some cases apart.
static void see_later(HypothesisSearch *s, const Head *h, const Sight *sight, uint32_t n_positions)
{
    uint32_t end =
        sight->next_only && h->position + 2 < n_positions ? h->position + 2 : n_positions;
    double minus_max = value_at(s, find_in_head(s, h, "softmax.exp", 0, ".const"));
    uint32_t total_const =
        find(s, "pos%u.layer%u.attn.head%u.softmax.total.const", h->position, h->layer, h->head);
    double total = 0;
    double later[MAX_LATER] = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i <= h->position; i++) {
        total += value_at(s, find_in_head(s, h, "softmax.exp", i, ""));
    }
    for (uint32_t position = h->position + 1; position < end && n < MAX_LATER; position++) {
        double logit = sight->has_zero_logit ? 0 : later_logit(s, h, position);
        later[n] = exp(logit + minus_max);
        total += later[n];
        n++;
        add_to_constant(s, total_const, later[n - 1]);
    }
    for (uint32_t i = 0; sight->has_values && i < h->head_dim; i++) {
        for (uint32_t k = 0; k < n; k++) {
            double value = element(s, h, "v", h->position + 1 + k, i);
            add_to_constant(s, find_in_head(s, h, "out", i, ".const"), later[k] / total * value);
        }
    }
}

static void change_sight(HypothesisSearch *s, const Hypothesis *hypothesis)
{
    const Sight *sight = &sights[hypothesis->kind];
    uint32_t n = sight->is_padded ? count_rows_of_wpe(s) : count_positions(s);
    Head h;
    for (bool more = first_head(s, &h); more; more = next_head(s, &h)) {
        see_later(s, &h, sight, n);
    }
}

// It is not known which gradients come back from the later positions.
static void forget_grads(HypothesisSearch *s)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        const char *pattern = s->kinds->patterns[s->kinds->kind_of[i]];
        bool is_of_head = strstr(pattern, ".headN.logit[*].mul") != NULL ||
                          strstr(pattern, ".headN.out[*].mul") != NULL;
        s->bounds->is_odd[i] = s->bounds->is_odd[i] || is_of_head;
    }
}

// Leaves the own position out, everywhere but at the first one, which has no other.
static void change_earlier_only(HypothesisSearch *s, const Hypothesis *hypothesis)
{
    (void)hypothesis;
    Head h;
    for (bool more = first_head(s, &h); more; more = next_head(s, &h)) {
        uint32_t total =
            find(s, "pos%u.layer%u.attn.head%u.softmax.total", h.position, h.layer, h.head);
        uint32_t weight = find_in_head(s, &h, "weight", h.position, "");
        if (h.position > 0 && total != NO_NODE && weight != NO_NODE) {
            hypothesis_set_term(s, total, 1, 0);
            hypothesis_scale(s, weight, 0);
        }
    }
}

static bool cone_has_attention(const HypothesisSearch *s)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        const char *pattern = s->kinds->patterns[s->kinds->kind_of[s->cone[i]]];
        if (strstr(pattern, ".headN.") != NULL) {
            return true;
        }
    }
    return false;
}

static bool try_sights(HypothesisSearch *s, char *text)
{
    for (uint32_t i = 0; i < sizeof sights / sizeof *sights; i++) {
        Hypothesis h = {.change_graph = change_sight, .kind = i};
        if (hypothesis_holds(s, &h)) {
            forget_grads(s);
            snprintf(text, HYPOTHESIS_BYTES, "%s", sights[i].text);
            return true;
        }
    }
    // At position 1, to take the value of position 0 twice looks the same.
    Hypothesis h = {.change_graph = change_earlier_only};
    if (hypothesis_holds_for_all(s, &h)) {
        snprintf(text, HYPOTHESIS_BYTES, "%s",
                 "sees only earlier positions, not its own: attention's mask is off by one");
        return true;
    }
    return false;
}

// ---- Heads whose elements are interleaved: element j of head h is at j * n_head + h

typedef struct Layout {
    uint32_t n_head;
    uint32_t head_dim;
} Layout;

static uint32_t interleaved(const Layout *layout, uint32_t i)
{
    return i % layout->head_dim * layout->n_head + i / layout->head_dim;
}

// Moves a child at the end of whose path is a vector's element.
static void move_child(HypothesisSearch *s, const Layout *layout, uint32_t node_id, uint32_t slot)
{
    static const char *const vectors[] = {".attn.q[", ".attn.k[", ".attn.v["};
    const char *path = hypothesis_path(s, hypothesis_child(s, node_id, slot));
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const char *found = strstr(path, vectors[i]);
        unsigned element_id;
        if (found != NULL && sscanf(found + strlen(vectors[i]), "%u", &element_id) == 1) {
            size_t length = (size_t)(found - path) + strlen(vectors[i]);
            uint32_t other = find(s, "%.*s%u]", (int)length, path, interleaved(layout, element_id));
            if (other != NO_NODE) {
                hypothesis_set_child(s, node_id, slot, other);
            }
            return;
        }
    }
}

// Moves the column of attn_wo that belongs to a head's output.
static void move_column(HypothesisSearch *s, const Layout *layout, uint32_t node_id)
{
    const char *out = strstr(hypothesis_path(s, hypothesis_child(s, node_id, 1)), ".attn.head");
    unsigned head;
    unsigned i;
    if (out != NULL && sscanf(out, ".attn.head%u.out[%u]", &head, &i) == 2) {
        uint32_t column = head * layout->head_dim + i;
        uint32_t param = hypothesis_child(s, node_id, 0);
        hypothesis_set_child(s, node_id, 0, param + interleaved(layout, column) - column);
    }
}

static void change_interleaved(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    Layout layout = {h->n_rows, h->n_columns};
    if (s->bounds->rules[i] != RULE_MUL) {
        return;
    }
    if (strstr(s->kinds->patterns[s->kinds->kind_of[i]], ".headN.") != NULL) {
        move_child(s, &layout, i, 0);
        move_child(s, &layout, i, 1);
    } else if (s->bounds->rules[hypothesis_child(s, i, 0)] == RULE_PARAM) {
        move_column(s, &layout, i);
    }
}

static bool try_interleaved(HypothesisSearch *s, char *text)
{
    Head first;
    Layout layout = {0, 0};
    if (first_head(s, &first)) {
        layout.head_dim = first.head_dim;
    }
    while (layout.head_dim > 0 &&
           find(s, "pos0.layer0.attn.head%u.out[0]", layout.n_head) != NO_NODE) {
        layout.n_head++;
    }
    Hypothesis h = {
        .change = change_interleaved, .n_rows = layout.n_head, .n_columns = layout.head_dim};
    if (layout.n_head < 2 || layout.head_dim < 2 || !hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES,
             "interleaves the heads: element j of head h is at j * %u + h, not at h * %u + j",
             (unsigned)layout.n_head, (unsigned)layout.head_dim);
    return true;
}

bool hypotheses_try_attention(HypothesisSearch *s, char *text)
{
    return cone_has_attention(s) && (try_interleaved(s, text) || try_sights(s, text));
}
