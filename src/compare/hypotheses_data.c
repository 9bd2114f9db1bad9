// Hypotheses about data: see hypotheses.h. Each function tries those of one kind, and says in text
// which of them holds.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_test.h"

enum {
    LIST_MAX = 16, // distinct things of a kind that are tried, one after the other
    USES_MAX = 64,
    ANY_KIND = UINT32_MAX,
};

static bool say(char *text, const char *what)
{
    snprintf(text, HYPOTHESIS_BYTES, "%s", what);
    return true;
}

static uint32_t n_children(const HypothesisSearch *s, uint32_t node_id)
{
    return dump_n_children(s->bounds->dump, node_id);
}

static uint32_t *child_slot(HypothesisSearch *s, uint32_t node_id, uint32_t slot)
{
    return &s->bounds->children[s->bounds->dump->first_edge[node_id] + slot];
}

static uint32_t child_of(const HypothesisSearch *s, uint32_t node_id, uint32_t slot)
{
    return s->bounds->children[s->bounds->dump->first_edge[node_id] + slot];
}

static const char *path_of(const HypothesisSearch *s, uint32_t node_id)
{
    return dump_path(s->bounds->dump, node_id);
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

static void apply_activation(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && s->bounds->rules[i] == RULE_RELU) {
            s->bounds->rules[i] = h->rule;
        }
    }
}

static bool try_activations(HypothesisSearch *s, char *text)
{
    static const struct {
        Rule rule;
        const char *text;
    } cases[] = {
        {RULE_RELU_SQUARED, "squares the ReLU"},
        {RULE_IDENTITY, "has no ReLU there"},
        {RULE_GELU, "has GELU where ReLU belongs"},
        {RULE_GELU_TANH, "has GELU, by tanh, where ReLU belongs"},
        {RULE_SILU, "has SiLU where ReLU belongs"},
        {RULE_LEAKY_RELU, "has a leaky ReLU, with a slope of 0.01 below 0"},
    };
    for (size_t i = 0; cone_has_rule(s, RULE_RELU) && i < sizeof cases / sizeof *cases; i++) {
        Hypothesis h = {.apply = apply_activation, .rule = cases[i].rule};
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
    if (b->rules[node_id] != RULE_ADD || n_children(s, node_id) != 2) {
        return false;
    }
    uint32_t leaf = child_of(s, node_id, 1);
    return b->rules[leaf] == RULE_LEAF && b->constants[leaf] > 0 && b->constants[leaf] < 0.01 &&
           b->rules[child_of(s, node_id, 0)] != RULE_LEAF;
}

static bool is_inverse_root(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_POW && s->bounds->constants[node_id] == -0.5 &&
           is_epsilon_sum(s, child_of(s, node_id, 0));
}

static void apply_epsilon(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && is_epsilon_sum(s, i)) {
            s->bounds->constants[child_of(s, i, 1)] = h->to;
        }
    }
}

static void apply_epsilon_outside(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && is_inverse_root(s, i)) {
            uint32_t leaf = child_of(s, child_of(s, i, 0), 1);
            s->bounds->rules[i] = RULE_ROOT_PLUS;
            s->bounds->constants[i] = h->to;
            s->bounds->constants[leaf] = 0;
        }
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
    static const double epsilons[] = {0,    1e-3,  1e-4,  1e-6,    1e-7,    1e-8,
                                      1e-9, 1e-10, 1e-12, 0x1p-23, 0x1p-52, 1e-5};
    uint32_t sum = find_epsilon_sum(s);
    if (sum == NO_NODE) {
        return false;
    }
    double own = s->bounds->constants[child_of(s, sum, 1)];
    for (size_t i = 0; i < sizeof epsilons / sizeof *epsilons; i++) {
        Hypothesis h = {.apply = apply_epsilon, .to = epsilons[i]};
        if (epsilons[i] != own && hypothesis_holds(s, &h)) {
            if (epsilons[i] == 0) {
                snprintf(text, HYPOTHESIS_BYTES, "adds no epsilon where %g belongs", own);
            } else {
                snprintf(text, HYPOTHESIS_BYTES, "has an epsilon of %g where %g belongs",
                         epsilons[i], own);
            }
            return true;
        }
        h.apply = apply_epsilon_outside;
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
    uint32_t leaf = child_of(s, node_id, 1);
    double constant = b->constants[leaf];
    return b->rules[leaf] == RULE_LEAF && constant != 0 && fabs(constant) != 1;
}

// Of the nodes of a kind, or of all that have the same factor.
static void apply_scale(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && (h->kind == ANY_KIND || s->kinds->kind_of[i] == h->kind) &&
            is_scaled(s, i) && s->bounds->constants[child_of(s, i, 1)] == h->from) {
            s->bounds->constants[child_of(s, i, 1)] = h->to;
        }
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
    double own = s->bounds->constants[child_of(s, node_id, 1)];
    double inverse = 1 / own;
    const double others[] = {1, own * own, sqrt(own), 1 / (inverse - 1), 1 / (inverse + 1)};
    const char *name = name_scale(path_of(s, node_id));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        Hypothesis of_all = {.apply = apply_scale, .from = own, .to = others[i], .kind = ANY_KIND};
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

// ---- rmsnorm left out: x * scale is x

static bool is_normed(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_MUL && is_inverse_root(s, child_of(s, node_id, 1));
}

static void apply_no_norm(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && s->kinds->kind_of[i] == h->kind && is_normed(s, i)) {
            s->bounds->rules[i] = RULE_IDENTITY;
        }
    }
}

static bool try_no_norm(HypothesisSearch *s, char *text)
{
    uint16_t last = UINT16_MAX;
    for (size_t i = 0; i < s->n_cone; i++) {
        uint16_t kind = s->kinds->kind_of[s->cone[i]];
        Hypothesis h = {.apply = apply_no_norm, .kind = kind};
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

// ---- Matrices: another row looked up, or used transposed

typedef struct MatrixOfDump {
    char name[PATTERN_BYTES];
    uint32_t first;
    uint32_t n_rows;
    uint32_t n_columns;
} MatrixOfDump;

static bool is_of_matrix(const HypothesisSearch *s, uint32_t node_id, const char *name)
{
    const char *path = path_of(s, node_id);
    size_t length = strlen(name);
    return s->bounds->rules[node_id] == RULE_PARAM && strncmp(path, name, length) == 0 &&
           path[length] == '[';
}

// Finds the matrix of a parameter. Returns false where its path is not that of a matrix.
static bool find_matrix(const HypothesisSearch *s, uint32_t param, MatrixOfDump *m)
{
    const char *path = path_of(s, param);
    size_t length = path != NULL ? strcspn(path, "[") : 0;
    if (length == 0 || length + 8 >= sizeof m->name || path[length] != '[') {
        return false;
    }
    char corner[PATTERN_BYTES + 8];
    memcpy(m->name, path, length);
    m->name[length] = '\0';
    snprintf(corner, sizeof corner, "%s[0,0]", m->name);
    m->first = path_index_find(&s->index, corner);
    snprintf(corner, sizeof corner, "%s[1,0]", m->name);
    uint32_t second = path_index_find(&s->index, corner);
    if (m->first == NO_NODE || second == NO_NODE || second <= m->first) {
        return false;
    }
    uint32_t end = m->first;
    while (end < s->bounds->n_nodes && is_of_matrix(s, end, m->name)) {
        end++;
    }
    m->n_columns = second - m->first;
    m->n_rows = (end - m->first) / m->n_columns;
    return m->n_rows * m->n_columns == end - m->first && param < end;
}

static uint32_t row_of(const MatrixOfDump *m, uint32_t param)
{
    return (param - m->first) / m->n_columns;
}

static bool is_lookup(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_ADD && n_children(s, node_id) == 2 &&
           s->bounds->rules[child_of(s, node_id, 0)] == RULE_PARAM &&
           s->bounds->rules[child_of(s, node_id, 1)] == RULE_PARAM;
}

// Takes row `to` where row `from` was, in slot `kind` of the sums from `node` on: of one position.
static void apply_row(HypothesisSearch *s, const Hypothesis *h)
{
    uint32_t begin = h->first + (uint32_t)h->from * h->n_columns;
    uint32_t shift = ((uint32_t)h->to - (uint32_t)h->from) * h->n_columns;
    for (uint32_t i = h->node; i < s->bounds->n_nodes && is_lookup(s, i); i++) {
        uint32_t *child = child_slot(s, i, h->kind);
        if (*child >= begin && *child - begin < h->n_columns) {
            *child += shift;
        }
    }
}

static void apply_no_lookup(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && is_lookup(s, i)) {
            s->bounds->edge_factors[s->bounds->dump->first_edge[i] + h->kind] = 0;
        }
    }
}

static bool try_rows(HypothesisSearch *s, uint32_t node_id, uint32_t slot, char *text)
{
    MatrixOfDump m;
    MatrixOfDump positions;
    uint32_t param = child_of(s, node_id, slot);
    if (!find_matrix(s, param, &m) || !find_matrix(s, child_of(s, node_id, 1), &positions)) {
        return false;
    }
    uint32_t own = row_of(&m, param);
    uint32_t position = row_of(&positions, child_of(s, node_id, 1));
    for (uint32_t row = 0; row < m.n_rows; row++) {
        Hypothesis h = {.apply = apply_row,
                        .node = node_id,
                        .from = own,
                        .to = row,
                        .first = m.first,
                        .n_columns = m.n_columns,
                        .kind = slot};
        if (row != own && hypothesis_holds(s, &h)) {
            const char *bos = slot == 0 && row == m.n_rows - 1 ? ", BOS," : "";
            snprintf(text, HYPOTHESIS_BYTES,
                     "looked up row %u of %.100s%s at position %u, where row %u belongs",
                     (unsigned)row, m.name, bos, (unsigned)position, (unsigned)own);
            return true;
        }
    }
    Hypothesis none = {.apply = apply_no_lookup, .kind = slot};
    if (hypothesis_holds(s, &none)) {
        snprintf(text, HYPOTHESIS_BYTES, "leaves out %s", m.name);
        return true;
    }
    return false;
}

// Each position's lookups, one after the other; the elements of a vector are looked up together.
static bool try_lookups(HypothesisSearch *s, char *text)
{
    size_t n_tried = 0;
    uint32_t last = NO_NODE;
    for (size_t i = 0; i < s->n_cone && n_tried < LIST_MAX; i++) {
        uint32_t node_id = s->cone[i];
        bool goes_on = last != NO_NODE && node_id == last + 1;
        if (!is_lookup(s, node_id) || goes_on) {
            last = is_lookup(s, node_id) ? node_id : last;
            continue;
        }
        last = node_id;
        n_tried++;
        if (try_rows(s, node_id, 0, text) || try_rows(s, node_id, 1, text)) {
            return true;
        }
    }
    return false;
}

// Reads element [r,c] where [c,r] is, or would be if the matrix had been written the other way
// round.
static void apply_transposed(HypothesisSearch *s, const Hypothesis *h)
{
    uint32_t size = h->n_rows * h->n_columns;
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        uint32_t *child =
            s->in_scope[i] && s->bounds->rules[i] == RULE_MUL ? child_slot(s, i, 0) : NULL;
        if (child != NULL && *child >= h->first && *child - h->first < size) {
            uint32_t row = (*child - h->first) / h->n_columns;
            uint32_t column = (*child - h->first) % h->n_columns;
            *child = h->first + column * h->n_rows + row;
        }
    }
}

static bool try_transposed(HypothesisSearch *s, char *text)
{
    uint32_t tried[LIST_MAX];
    size_t n_tried = 0;
    for (size_t i = 0; i < s->n_cone && n_tried < LIST_MAX; i++) {
        uint32_t node_id = s->cone[i];
        MatrixOfDump m;
        if (s->bounds->rules[node_id] != RULE_MUL || !find_matrix(s, child_of(s, node_id, 0), &m) ||
            s->bounds->rules[child_of(s, node_id, 0)] != RULE_PARAM) {
            continue;
        }
        bool is_known = false;
        for (size_t k = 0; k < n_tried; k++) {
            is_known = is_known || tried[k] == m.first;
        }
        if (is_known) {
            continue;
        }
        tried[n_tried++] = m.first;
        Hypothesis h = {.apply = apply_transposed,
                        .first = m.first,
                        .n_rows = m.n_rows,
                        .n_columns = m.n_columns};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "reads %s transposed", m.name);
            return true;
        }
    }
    return false;
}

// ---- Other nodes in the place of those that belong there, by the beginnings of their paths

// Whether a path begins so, and the rest is one index.
static const char *rest_of_path(const char *path, const char *beginning)
{
    size_t length = strlen(beginning);
    if (path == NULL || strncmp(path, beginning, length) != 0 || path[length] != '[') {
        return NULL;
    }
    const char *end = strchr(path + length, ']');
    return end != NULL && end[1] == '\0' ? path + length : NULL;
}

static void take_other_path(HypothesisSearch *s, uint32_t *child, const char *old_path,
                            const char *new_path)
{
    const char *rest = rest_of_path(path_of(s, *child), old_path);
    char path[2 * PATTERN_BYTES];
    if (rest != NULL) {
        snprintf(path, sizeof path, "%s%s", new_path, rest);
        uint32_t other = path_index_find(&s->index, path);
        *child = other != NO_NODE ? other : *child;
    }
}

// `posN.` at the beginning of a path stands for the position of the parent.
static const char *fill_position(const char *path, const char *of_path, char *filled)
{
    bool has_position = strncmp(path, "posN.", 5) == 0 && strncmp(of_path, "pos", 3) == 0;
    snprintf(filled, PATTERN_BYTES, "%.*s%s", has_position ? (int)strcspn(of_path, ".") : 0,
             of_path, has_position ? path + 4 : path);
    return filled;
}

// In all nodes of a kind, children at old_path become those at new_path.
static void apply_other_path(HypothesisSearch *s, const Hypothesis *h)
{
    char old_path[PATTERN_BYTES];
    char new_path[PATTERN_BYTES];
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (!s->in_scope[i] || s->kinds->kind_of[i] != h->kind) {
            continue;
        }
        fill_position(h->old_path, path_of(s, i), old_path);
        fill_position(h->new_path, path_of(s, i), new_path);
        for (uint32_t slot = 0; slot < n_children(s, i); slot++) {
            take_other_path(s, child_slot(s, i, slot), old_path, new_path);
        }
    }
}

// Pairs of a kind of node and what stands before its children's index; those seen already are not
// listed again.
typedef struct PathUse {
    uint16_t kind;
    char path[PATTERN_BYTES];
} PathUse;

typedef struct PathUses {
    PathUse items[USES_MAX];
    size_t n;
} PathUses;

static void list_use(PathUses *uses, uint16_t kind, const char *path)
{
    size_t length = strcspn(path, "[");
    if (path[length] == '\0' || length >= PATTERN_BYTES || uses->n == USES_MAX) {
        return;
    }
    for (size_t i = 0; i < uses->n; i++) {
        if (uses->items[i].kind == kind && strncmp(uses->items[i].path, path, length) == 0 &&
            uses->items[i].path[length] == '\0') {
            return;
        }
    }
    PathUse *use = &uses->items[uses->n++];
    use->kind = kind;
    snprintf(use->path, PATTERN_BYTES, "%.*s", (int)length, path);
}

// A path of a position has a dot behind `pos` and its number: from there on. Otherwise NULL.
static const char *after_position(const char *path)
{
    return strncmp(path, "pos", 3) == 0 ? strchr(path, '.') : NULL;
}

// Lists whose children in the cone have paths with this in them; for NULL those of all positions
// together.
static void list_uses(const HypothesisSearch *s, const char *with, PathUses *uses)
{
    uses->n = 0;
    for (size_t i = 0; i < s->n_cone; i++) {
        for (uint32_t slot = 0; slot < n_children(s, s->cone[i]); slot++) {
            const char *path = path_of(s, child_of(s, s->cone[i], slot));
            const char *bracket = strchr(path, '[');
            const char *rest = after_position(path);
            bool is_element = rest != NULL && bracket != NULL && strchr(bracket, '.') == NULL;
            if (!is_element) {
                continue;
            }
            char name[PATTERN_BYTES];
            if (with == NULL) {
                snprintf(name, PATTERN_BYTES, "posN%.150s", rest); // `posN.norm` of `pos2.norm`
                list_use(uses, s->kinds->kind_of[s->cone[i]], name);
            } else if (strstr(path, with) != NULL) {
                list_use(uses, s->kinds->kind_of[s->cone[i]], path);
            }
        }
    }
}

// One of the positions that keys and values may have been taken from.
static Hypothesis take_from(const PathUse *use, unsigned position, char *other)
{
    snprintf(other, PATTERN_BYTES, "pos%u%.150s", position, strchr(use->path, '.'));
    return (Hypothesis){
        .apply = apply_other_path, .kind = use->kind, .old_path = use->path, .new_path = other};
}

// Keys and values of another position, if there is only one that fits: with the weights of two
// positions alike, either may stand for the other.
static bool try_positions(HypothesisSearch *s, const char *of, char *text)
{
    static PathUses uses;
    char other[PATTERN_BYTES];
    const PathUse *fitting = NULL;
    unsigned fitting_position = 0;
    list_uses(s, of, &uses);
    for (size_t i = 0; i < uses.n; i++) {
        for (unsigned position = 0; position < LIST_MAX; position++) {
            Hypothesis h = take_from(&uses.items[i], position, other);
            if (strcmp(other, uses.items[i].path) == 0 || !hypothesis_fits(s, &h)) {
                continue;
            }
            if (fitting != NULL) {
                return false;
            }
            fitting = &uses.items[i];
            fitting_position = position;
        }
    }
    if (fitting == NULL) {
        return false;
    }
    Hypothesis h = take_from(fitting, fitting_position, other);
    if (!hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "takes %.80s where %.80s belongs", other, fitting->path);
    return true;
}

static void apply_child(HypothesisSearch *s, const Hypothesis *h)
{
    *child_slot(s, h->kind, 0) = h->first;
}

// The probability of another token than the target.
static bool try_targets_of(HypothesisSearch *s, uint32_t log_id, char *text)
{
    uint32_t own = child_of(s, log_id, 0);
    const char *path = path_of(s, own);
    int length = (int)strcspn(path, "[");
    for (unsigned token = 0;; token++) {
        char other[PATTERN_BYTES + 16];
        snprintf(other, sizeof other, "%.*s[%u]", length, path, token);
        Hypothesis h = {
            .apply = apply_child, .first = path_index_find(&s->index, other), .kind = log_id};
        if (h.first == NO_NODE) {
            return false;
        }
        if (h.first != own && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes the logarithm of %.80s where %.80s belongs",
                     other, path);
            return true;
        }
    }
}

static bool try_targets(HypothesisSearch *s, char *text)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        if (s->bounds->rules[s->cone[i]] == RULE_LOG && try_targets_of(s, s->cone[i], text)) {
            return true;
        }
    }
    return false;
}

// The vectors of a position that have n_embd elements: any of them may be taken for another.
static const char *const position_vectors[] = {"posN.embed", "posN.norm"};
static const char *const layer_vectors[] = {"attn.norm", "attn.wo", "attn.residual",
                                            "mlp.norm",  "mlp.fc2", "mlp.residual"};

enum {
    N_POSITION_VECTORS = sizeof position_vectors / sizeof *position_vectors,
    N_LAYER_VECTORS = sizeof layer_vectors / sizeof *layer_vectors,
    MAX_LAYERS = 4, // of which vectors are tried
};

// The nth vector of all; false beyond the last one.
static bool name_vector(size_t n, char *path)
{
    if (n < N_POSITION_VECTORS) {
        snprintf(path, PATTERN_BYTES, "%s", position_vectors[n]);
        return true;
    }
    size_t layer = (n - N_POSITION_VECTORS) / N_LAYER_VECTORS;
    snprintf(path, PATTERN_BYTES, "posN.layer%zu.%s", layer,
             layer_vectors[(n - N_POSITION_VECTORS) % N_LAYER_VECTORS]);
    return layer < MAX_LAYERS;
}

static bool is_vector(const char *path)
{
    char vector[PATTERN_BYTES];
    for (size_t n = 0; name_vector(n, vector); n++) {
        if (strcmp(vector, path) == 0) {
            return true;
        }
    }
    return false;
}

static bool try_vectors_for(HypothesisSearch *s, const PathUse *use, char *text)
{
    const char *own = use->path;
    char other[PATTERN_BYTES];
    if (!is_vector(own)) {
        return false;
    }
    for (size_t n = 0; name_vector(n, other); n++) {
        Hypothesis h = {
            .apply = apply_other_path, .kind = use->kind, .old_path = own, .new_path = other};
        if (strcmp(own, other) != 0 && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes %.80s where %.80s belongs", other, own);
            return true;
        }
    }
    return false;
}

static bool try_vectors(HypothesisSearch *s, char *text)
{
    static PathUses uses;
    list_uses(s, NULL, &uses);
    for (size_t i = 0; i < uses.n; i++) {
        if (try_vectors_for(s, &uses.items[i], text)) {
            return true;
        }
    }
    return false;
}

// ---- The values in question themselves

static bool is_of_members(const HypothesisSearch *s, uint32_t node_id)
{
    return s->in_scope[node_id] && s->kinds->kind_of[node_id] == s->kinds->kind_of[s->members[0]];
}

static void apply_identity(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (is_of_members(s, i) && n_children(s, i) > 0) {
            s->bounds->rules[i] = h->rule;
        }
    }
}

static bool try_identity(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.apply = apply_identity, .rule = RULE_IDENTITY};
    uint32_t first = s->targets[0];
    if (s->bounds->rules[first] != RULE_MUL || !hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "has %.100s there, unchanged",
             path_of(s, child_of(s, first, 0)));
    return true;
}

// The edges by which the terms of a sum come in, from left to right: those of a sum in a sum that
// the subject does not show are its own.
static size_t list_terms(const HypothesisSearch *s, uint32_t node_id, uint32_t *edges)
{
    const Bounds *b = s->bounds;
    uint32_t down[MAX_CHAIN_TERMS];
    size_t n_down = 0;
    while (n_down < MAX_CHAIN_TERMS) {
        uint32_t first = child_of(s, node_id, 0);
        down[n_down++] = node_id;
        if (b->rules[first] != RULE_ADD || b->has_data[first] || n_children(s, first) != 2) {
            break;
        }
        node_id = first;
    }
    size_t n = 0;
    edges[n++] = b->dump->first_edge[node_id];
    while (n_down > 0 && n < MAX_CHAIN_TERMS) {
        edges[n++] = b->dump->first_edge[down[--n_down]] + 1;
    }
    return n;
}

static void apply_left_out(HypothesisSearch *s, const Hypothesis *h)
{
    uint32_t edges[MAX_CHAIN_TERMS];
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (is_of_members(s, i) && s->bounds->rules[i] == RULE_ADD && n_children(s, i) == 2) {
            size_t n = list_terms(s, i, edges);
            if (h->first < n) {
                s->bounds->edge_factors[edges[h->first]] = h->to;
            }
        }
    }
}

static bool try_left_out(HypothesisSearch *s, char *text)
{
    uint32_t edges[MAX_CHAIN_TERMS];
    uint32_t target = s->targets[0];
    if (s->bounds->rules[target] != RULE_ADD || n_children(s, target) != 2) {
        return false;
    }
    size_t n = list_terms(s, target, edges);
    for (size_t i = 0; i < n; i++) {
        uint32_t term = s->bounds->children[edges[i]];
        Hypothesis h = {.apply = apply_left_out, .first = (uint32_t)i, .to = 0};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "leaves out %.100s", path_of(s, term));
            return true;
        }
        h.to = -1;
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes off %.100s where it is to be added",
                     path_of(s, term));
            return true;
        }
    }
    return false;
}

static void apply_no_max(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->bounds->rules[i] == RULE_MINUS_MAX) {
            s->bounds->rules[i] = RULE_LEAF;
            s->bounds->constants[i] = h->to;
        }
    }
}

static bool try_no_max(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.apply = apply_no_max, .to = 0};
    return cone_has_rule(s, RULE_MINUS_MAX) && hypothesis_holds(s, &h) &&
           say(text, "takes no maximum off before exp, which changes no probability");
}

static void apply_factor(HypothesisSearch *s, const Hypothesis *h)
{
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (is_of_members(s, i)) {
            s->bounds->factors[i] *= h->to;
        }
    }
}

// Whether all members, of more than one position, are so many times what their inputs give.
static bool has_same_factor(const HypothesisSearch *s, double factor)
{
    const Bounds *b = s->bounds;
    for (size_t i = 0; i < s->n_members; i++) {
        Range scaled = range_scale(b->data_bound[s->members[i]], factor);
        if (!bounds_explain(b, scaled, b->data[s->members[i]])) {
            return false;
        }
    }
    return s->n_members > s->n_targets;
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
    Hypothesis h = {.apply = apply_factor, .to = factor};
    if ((!is_nice && !has_same_factor(s, factor)) || !hypothesis_holds(s, &h)) {
        return false;
    }
    if (h.to == -1) {
        return say(text, "has the other sign");
    }
    snprintf(text, HYPOTHESIS_BYTES, "is %.40s x what its inputs give%s", name,
             s->n_members > 1 ? ", throughout" : "");
    return true;
}

static void apply_single(HypothesisSearch *s, const Hypothesis *h)
{
    (void)h;
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (is_of_members(s, i)) {
            s->bounds->is_single[i] = true;
        }
    }
}

static bool try_single(HypothesisSearch *s, char *text)
{
    Hypothesis h = {.apply = apply_single};
    for (size_t i = 0; i < s->n_members; i++) {
        double value = s->bounds->data[s->members[i]];
        if ((double)(float)value != value) {
            return false;
        }
    }
    return hypothesis_holds(s, &h) && say(text, "is that, rounded to single precision");
}

static bool try_keys(HypothesisSearch *s, char *text)
{
    return try_positions(s, ".attn.k", text);
}

static bool try_values(HypothesisSearch *s, char *text)
{
    return try_positions(s, ".attn.v", text);
}

static bool (*const families[])(HypothesisSearch *s, char *text) = {
    try_single,     try_activations, try_epsilons, try_scales,   try_lookups,
    try_transposed, try_no_norm,     try_identity, try_left_out, try_vectors,
    try_keys,       try_values,      try_targets,  try_no_max,   try_factor,
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
    // What held once is likely to hold again, at the next position.
    for (size_t i = 0; i < N_FAMILIES; i++) {
        size_t family = i == 0 ? search->n_held : i - (i <= search->n_held);
        if (families[family](search, text)) {
            search->n_held = family;
            return true;
        }
    }
    return false;
}

// ---- Parameters

// Whether nearly all parameters that the port shows are others than the reference's.
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

// Where the port has what belongs to a parameter, if it keeps the matrix the other way round.
static uint32_t transposed(const MatrixOfDump *m, uint32_t param)
{
    uint32_t row = row_of(m, param);
    uint32_t column = (param - m->first) % m->n_columns;
    return m->first + column * m->n_columns + row;
}

static bool is_transposed(const HypothesisSearch *s, const MatrixOfDump *m)
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

// Takes what the port has in [c,r] for [r,c], from here on.
static void transpose(Bounds *b, const MatrixOfDump *m)
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

// A port may keep a matrix transposed and use it so, or only read it in wrongly.
static void transpose_if_used_so(Bounds *b, const MatrixOfDump *m)
{
    size_t n_before = count_unexplained(b);
    transpose(b, m);
    if (count_unexplained(b) >= n_before) {
        transpose(b, m);
    }
}

bool hypotheses_find_params(HypothesisSearch *search, const uint32_t *members, char *text)
{
    MatrixOfDump m;
    if (!search->bounds->dump->has_names) {
        return false;
    }
    if (has_own_params(search)) {
        return say(text,
                   "has parameters of its own: nodes --load takes them, for an A with the same");
    }
    if (find_matrix(search, members[0], &m) && m.n_rows == m.n_columns &&
        is_transposed(search, &m)) {
        transpose_if_used_so(search->bounds, &m);
        snprintf(text, HYPOTHESIS_BYTES, "keeps %.100s transposed", m.name);
        return true;
    }
    return false;
}
