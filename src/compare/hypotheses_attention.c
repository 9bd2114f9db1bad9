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

// Returns the largest logit of these and of the first own ones.
static double find_largest(const HypothesisSearch *s, const Head *h, uint32_t n_own,
                           const double *later, uint32_t n_later)
{
    double largest = -INFINITY;
    for (uint32_t i = 0; i < n_own; i++) {
        largest = fmax(largest, value_at(s, find_in_head(s, h, "logit", i, "")));
    }
    for (uint32_t i = 0; i < n_later; i++) {
        largest = fmax(largest, later[i]);
    }
    return largest;
}

// Returns what the port's softmax takes off each logit: the largest one, including the later ones,
// unless the port shows that it leaves them out or takes nothing off.
static double find_maximum(const HypothesisSearch *s, const Head *h, const double *later,
                           uint32_t n)
{
    uint32_t exp_id = find_in_head(s, h, "softmax.exp", 0, "");
    uint32_t minus_max = find_in_head(s, h, "softmax.exp", 0, ".const");
    if (minus_max == NO_NODE || s->bounds->rules[minus_max] != RULE_MINUS_MAX) {
        return minus_max == NO_NODE ? 0 : -s->bounds->constants[minus_max];
    }
    double own = find_largest(s, h, h->position + 1, NULL, 0);
    double largest = find_largest(s, h, h->position + 1, later, n);
    double shown = value_at(s, find_in_head(s, h, "logit", 0, "")) - log(value_at(s, exp_id));
    bool is_own = s->bounds->has_data[exp_id] && fabs(shown - own) < fabs(shown - largest);
    return is_own ? own : largest;
}

static void set_maximum(HypothesisSearch *s, const Head *h, double maximum)
{
    for (uint32_t i = 0; i <= h->position; i++) {
        uint32_t minus_max = find_in_head(s, h, "softmax.exp", i, ".const");
        if (minus_max != NO_NODE) {
            hypothesis_set_rule(s, minus_max, RULE_LEAF);
            hypothesis_set_constant(s, minus_max, -maximum);
        }
    }
}

// Adds later positions to a head's total and outputs, as the constants with which the sums begin.
// Both are changed wherever the targets are, since only both together tell some cases apart.
static void see_later(HypothesisSearch *s, const Head *h, const Sight *sight, uint32_t n_positions)
{
    double later[MAX_LATER] = {0};
    uint32_t n = 0;
    uint32_t end =
        sight->next_only && h->position + 2 < n_positions ? h->position + 2 : n_positions;
    for (uint32_t position = h->position + 1; position < end && n < MAX_LATER; position++) {
        later[n++] = sight->has_zero_logit ? 0 : later_logit(s, h, position);
    }
    if (n == 0) {
        return;
    }
    double maximum = find_maximum(s, h, later, n);
    double total = 0;
    for (uint32_t i = 0; i <= h->position; i++) {
        total += exp(value_at(s, find_in_head(s, h, "logit", i, "")) - maximum);
    }
    uint32_t total_const =
        find(s, "pos%u.layer%u.attn.head%u.softmax.total.const", h->position, h->layer, h->head);
    for (uint32_t i = 0; i < n; i++) {
        later[i] = exp(later[i] - maximum);
        total += later[i];
        add_to_constant(s, total_const, later[i]);
    }
    for (uint32_t i = 0; sight->has_values && i < h->head_dim; i++) {
        for (uint32_t k = 0; k < n; k++) {
            double value = element(s, h, "v", h->position + 1 + k, i);
            add_to_constant(s, find_in_head(s, h, "out", i, ".const"), later[k] / total * value);
        }
    }
    set_maximum(s, h, maximum);
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
                          strstr(pattern, ".headN.weight[*].pow") != NULL ||
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
            set_maximum(s, &h, find_largest(s, &h, h.position, NULL, 0));
        }
    }
}

static bool cone_has(const HypothesisSearch *s, const char *part)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        if (strstr(s->kinds->patterns[s->kinds->kind_of[s->cone[i]]], part) != NULL) {
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

// ---- Which elements of q, k and v are those of a head, and where its output goes

// Where a head takes its elements from. The own place of element j is h * head_dim + j.
typedef enum Place {
    PLACE_OWN,
    PLACE_INTERLEAVED, // j * n_head + h
    PLACE_OVERLAPPING, // h + j
    PLACE_FIRST_HEAD,  // j
    PLACE_RESHAPED,    // as if [positions][n_head * head_dim] were [n_head][positions][head_dim]
} Place;

typedef struct Layout {
    Place places[4];   // of q, k, v, and of the outputs of all heads together
    const char *names; // the vectors that are taken for q, k and v; NULL: these
    const char *text;
} Layout;

static const Layout layouts[] = {
    {.places = {PLACE_INTERLEAVED, PLACE_INTERLEAVED, PLACE_INTERLEAVED, PLACE_INTERLEAVED},
     .text = "interleaves the heads: element j of head h is at j * n_head + h, "
             "not at h * head_dim + j"},
    {.places = {PLACE_OWN, PLACE_OWN, PLACE_OWN, PLACE_INTERLEAVED},
     .text =
         "interleaves the outputs of the heads: that of element j of head h is at j * n_head + h"},
    {.places = {PLACE_OVERLAPPING, PLACE_OVERLAPPING, PLACE_OVERLAPPING, PLACE_OWN},
     .text = "takes for head h the elements from h on, not from h * head_dim on"},
    {.places = {PLACE_OWN, PLACE_FIRST_HEAD, PLACE_OWN, PLACE_OWN},
     .text = "takes the keys of head 0 for all heads"},
    {.places = {PLACE_OWN, PLACE_OWN, PLACE_FIRST_HEAD, PLACE_OWN},
     .text = "takes the values of head 0 for all heads"},
    {.places = {PLACE_FIRST_HEAD, PLACE_FIRST_HEAD, PLACE_OWN, PLACE_OWN},
     .text = "takes the queries and keys of head 0 for all heads"},
    {.places = {PLACE_RESHAPED, PLACE_RESHAPED, PLACE_RESHAPED, PLACE_OWN},
     .text = "reshapes q, k and v to [n_head][positions][head_dim] without transposing them"},
    {.places = {PLACE_OWN, PLACE_OWN, PLACE_OWN, PLACE_RESHAPED},
     .text = "reshapes the outputs from [n_head][positions][head_dim] without transposing them"},
    {.names = "qkk", .text = "takes the keys where the values belong"},
    {.names = "qvv", .text = "takes the values where the keys belong"},
    {.names = "qqv", .text = "takes the queries where the keys belong"},
    {.names = "kqv",
     .text = "takes the keys where the queries belong, and the queries for the keys"},
};

// An element of a head at a position.
typedef struct Element {
    uint32_t position;
    uint32_t head;
    uint32_t j;
} Element;

// The sizes of all heads together.
typedef struct HeadSizes {
    uint32_t n_head;
    uint32_t head_dim;
    uint32_t n_positions;
} HeadSizes;

// Returns the element that is at an index of the position's vector if it is laid out in heads.
static Element element_at(const HeadSizes *sizes, uint32_t position, uint32_t index)
{
    return (Element){position, index / sizes->head_dim, index % sizes->head_dim};
}

// Returns the element of q, k or v, by its own place, that is taken for an element.
static Element taken_for(const HeadSizes *sizes, Place place, Element e)
{
    uint32_t n_embd = sizes->n_head * sizes->head_dim;
    uint32_t index = e.head * sizes->head_dim + e.j;
    if (place == PLACE_INTERLEAVED) {
        index = e.j * sizes->n_head + e.head;
    } else if (place == PLACE_OVERLAPPING) {
        index = e.head + e.j;
    } else if (place == PLACE_FIRST_HEAD) {
        index = e.j;
    } else if (place == PLACE_RESHAPED) {
        uint32_t all = (e.head * sizes->n_positions + e.position) * sizes->head_dim + e.j;
        return element_at(sizes, all / n_embd, all % n_embd);
    }
    return element_at(sizes, e.position, index);
}

// Returns the element of an output that is put where an element belongs.
static Element put_for(const HeadSizes *sizes, Place place, Element e)
{
    uint32_t n_embd = sizes->n_head * sizes->head_dim;
    uint32_t index = e.head * sizes->head_dim + e.j;
    if (place == PLACE_INTERLEAVED) {
        return (Element){e.position, index % sizes->n_head, index / sizes->n_head};
    }
    if (place == PLACE_RESHAPED) {
        uint32_t of_head = sizes->n_positions * sizes->head_dim;
        uint32_t all = e.position * n_embd + index;
        return (Element){all % of_head / sizes->head_dim, all / of_head, all % sizes->head_dim};
    }
    return e;
}

// Takes another child, if the port shows it or it is computed before the node.
static void take_child(HypothesisSearch *s, uint32_t node_id, uint32_t slot, uint32_t child)
{
    if (child != NO_NODE && (child < node_id || s->bounds->has_data[child])) {
        hypothesis_set_child(s, node_id, slot, child);
    }
}

// Moves a child that is an element of q, k or v, in a product of a head.
static void move_input(HypothesisSearch *s, const HeadSizes *sizes, const Layout *layout,
                       uint32_t node_id, uint32_t slot)
{
    static const char names[] = "qkv";
    unsigned head;
    unsigned position;
    unsigned layer;
    unsigned index;
    char name;
    const char *of_head = strstr(hypothesis_path(s, node_id), ".head");
    const char *path = hypothesis_path(s, hypothesis_child(s, node_id, slot));
    if (of_head == NULL || sscanf(of_head, ".head%u", &head) != 1 ||
        sscanf(path, "pos%u.layer%u.attn.%c[%u]", &position, &layer, &name, &index) != 4 ||
        strchr(names, name) == NULL) {
        return;
    }
    long number = strchr(names, name) - names;
    Element own = {position, head, index - head * sizes->head_dim};
    Element other = taken_for(sizes, layout->places[number], own);
    if (layout->names != NULL) {
        name = layout->names[number];
    }
    take_child(s, node_id, slot,
               find(s, "pos%u.layer%u.attn.%c[%u]", other.position, layer, name,
                    other.head * sizes->head_dim + other.j));
}

// Moves a child that is a head's output, in a product with attn_wo.
static void move_output(HypothesisSearch *s, const HeadSizes *sizes, Place place, uint32_t node_id)
{
    Element own;
    unsigned layer;
    if (sscanf(hypothesis_path(s, hypothesis_child(s, node_id, 1)),
               "pos%u.layer%u.attn.head%u.out[%u]", &own.position, &layer, &own.head,
               &own.j) == 4) {
        Element other = put_for(sizes, place, own);
        take_child(s, node_id, 1,
                   find(s, "pos%u.layer%u.attn.head%u.out[%u]", other.position, layer, other.head,
                        other.j));
    }
}

static void change_layout(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    const Layout *layout = &layouts[h->kind];
    HeadSizes sizes = {h->n_rows, h->n_columns, h->first};
    if (s->bounds->rules[i] != RULE_MUL) {
        return;
    }
    if (strstr(s->kinds->patterns[s->kinds->kind_of[i]], ".headN.") != NULL) {
        move_input(s, &sizes, layout, i, 0);
        move_input(s, &sizes, layout, i, 1);
    } else {
        move_output(s, &sizes, layout->places[3], i);
    }
}

static bool try_layouts(HypothesisSearch *s, char *text)
{
    Head first;
    HeadSizes sizes = {.n_positions = count_positions(s)};
    if (first_head(s, &first)) {
        sizes.head_dim = first.head_dim;
    }
    while (sizes.head_dim > 0 &&
           find(s, "pos0.layer0.attn.head%u.out[0]", sizes.n_head) != NO_NODE) {
        sizes.n_head++;
    }
    // A port that lays its heads out otherwise may name their outputs by its own layout, so that
    // only their weights fit. A largest logit has the exponential 1 with any layout.
    const char *pattern = s->kinds->patterns[s->kinds->kind_of[s->targets[0]]];
    bool can_tell = strstr(pattern, ".softmax.") == NULL;
    const uint32_t n = sizes.n_head > 1 ? sizeof layouts / sizeof *layouts : 0;
    for (uint32_t i = 0; i < (can_tell ? 2 * n : n); i++) {
        Hypothesis h = {.change = change_layout,
                        .kind = i % n,
                        .n_rows = sizes.n_head,
                        .n_columns = sizes.head_dim,
                        .first = sizes.n_positions};
        if (i < n ? hypothesis_holds_for_all(s, &h) : hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "%s", layouts[i % n].text);
            return true;
        }
    }
    return false;
}

bool hypotheses_try_attention(HypothesisSearch *s, char *text)
{
    bool has_heads = cone_has(s, ".headN.");
    return (has_heads && try_sights(s, text)) ||
           ((has_heads || cone_has(s, ".attn.wo[")) && try_layouts(s, text));
}
