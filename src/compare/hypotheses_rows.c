// Hypotheses about matrices: a wrong row was looked up, or the matrix was used transposed. See
// hypothesis_graph.h.
#include <stdio.h>

#include "compare/hypothesis_graph.h"

static uint32_t row_of(const ParamMatrix *m, uint32_t param)
{
    return (param - m->first) / m->n_columns;
}

static bool is_lookup(const HypothesisSearch *s, uint32_t node_id)
{
    return s->bounds->rules[node_id] == RULE_ADD && hypothesis_n_children(s, node_id) == 2 &&
           s->bounds->rules[hypothesis_child(s, node_id, 0)] == RULE_PARAM &&
           s->bounds->rules[hypothesis_child(s, node_id, 1)] == RULE_PARAM;
}

// Replaces row `from` with row `to` in slot `kind` of the sums of one position, which start at
// `node`.
static void change_row(HypothesisSearch *s, const Hypothesis *h)
{
    uint32_t begin = h->first + (uint32_t)h->from * h->n_columns;
    uint32_t shift = ((uint32_t)h->to - (uint32_t)h->from) * h->n_columns;
    for (uint32_t i = h->node; i < s->bounds->n_nodes && is_lookup(s, i); i++) {
        uint32_t child = hypothesis_child(s, i, h->kind);
        if (child >= begin && child - begin < h->n_columns) {
            hypothesis_set_child(s, i, h->kind, child + shift);
        }
    }
}

static void change_no_lookup(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    if (is_lookup(s, i)) {
        hypothesis_set_term(s, i, h->kind, 0);
    }
}

// Tries whether no row of a matrix is looked up.
static bool try_no_rows(HypothesisSearch *s, uint32_t node_id, uint32_t slot, char *text)
{
    ParamMatrix m;
    Hypothesis h = {.change = change_no_lookup, .kind = slot};
    if (!hypothesis_find_matrix(s, hypothesis_child(s, node_id, slot), &m) ||
        !hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "leaves out %s", m.name);
    return true;
}

// Whether this row is looked up at a position.
static bool is_row_of(const HypothesisSearch *s, const ParamMatrix *m, uint32_t row, int position)
{
    char path[PATTERN_BYTES];
    snprintf(path, sizeof path, "pos%d.embed[0]", position);
    uint32_t node_id = path_index_find(&s->index, path);
    return node_id != NO_NODE && is_lookup(s, node_id) &&
           hypothesis_child(s, node_id, 0) == m->first + row * m->n_columns;
}

// Names the row of a neighbouring position.
static const char *whose_token(const HypothesisSearch *s, const ParamMatrix *m, uint32_t row,
                               uint32_t position)
{
    if (is_row_of(s, m, row, (int)position + 1)) {
        return ": the token of the next position";
    }
    return is_row_of(s, m, row, (int)position - 1) ? ": the token of the position before" : "";
}

static bool try_rows(HypothesisSearch *s, uint32_t node_id, uint32_t slot, char *text)
{
    ParamMatrix m;
    ParamMatrix positions;
    uint32_t param = hypothesis_child(s, node_id, slot);
    if (!hypothesis_find_matrix(s, param, &m) ||
        !hypothesis_find_matrix(s, hypothesis_child(s, node_id, 1), &positions)) {
        return false;
    }
    uint32_t own = row_of(&m, param);
    uint32_t position = row_of(&positions, hypothesis_child(s, node_id, 1));
    for (uint32_t row = 0; row < m.n_rows; row++) {
        Hypothesis h = {.change_graph = change_row,
                        .node = node_id,
                        .from = own,
                        .to = row,
                        .first = m.first,
                        .n_columns = m.n_columns,
                        .kind = slot};
        if (row != own && hypothesis_holds(s, &h)) {
            const char *bos = slot == 0 && row == m.n_rows - 1 ? ", BOS," : "";
            snprintf(text, HYPOTHESIS_BYTES,
                     "looked up row %u of %.100s%s at position %u, where row %u belongs%s",
                     (unsigned)row, m.name, bos, (unsigned)position, (unsigned)own,
                     slot == 0 ? whose_token(s, &m, row, position) : "");
            return true;
        }
    }
    return try_no_rows(s, node_id, slot, text);
}

bool hypotheses_try_no_lookup(HypothesisSearch *s, char *text)
{
    size_t i = 0;
    while (i < s->n_cone && !is_lookup(s, s->cone[i])) {
        i++;
    }
    return i < s->n_cone &&
           (try_no_rows(s, s->cone[i], 0, text) || try_no_rows(s, s->cone[i], 1, text));
}

// Tries the lookups of each position; all elements of a vector are looked up in the same row.
bool hypotheses_try_lookups(HypothesisSearch *s, char *text)
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

// Reads element [c,r] instead of [r,c], or the one that would be there if the matrix had been
// written transposed.
static void change_transposed(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    uint32_t element;
    if (hypothesis_multiplies(s, h, i, &element)) {
        uint32_t row = element / h->n_columns;
        uint32_t column = element % h->n_columns;
        hypothesis_set_child(s, i, 0, h->first + column * h->n_rows + row);
    }
}

static bool is_of_any(const ParamMatrix *matrices, size_t n, uint32_t param)
{
    for (size_t i = 0; i < n; i++) {
        const ParamMatrix *m = &matrices[i];
        if (param >= m->first && param - m->first < m->n_rows * m->n_columns) {
            return true;
        }
    }
    return false;
}

bool hypotheses_try_transposed(HypothesisSearch *s, char *text)
{
    ParamMatrix tried[LIST_MAX];
    size_t n_tried = 0;
    for (size_t i = 0; i < s->n_cone && n_tried < LIST_MAX; i++) {
        bool is_product = s->bounds->rules[s->cone[i]] == RULE_MUL;
        uint32_t param = is_product ? hypothesis_child(s, s->cone[i], 0) : NO_NODE;
        if (!is_product || s->bounds->rules[param] != RULE_PARAM ||
            is_of_any(tried, n_tried, param) ||
            !hypothesis_find_matrix(s, param, &tried[n_tried])) {
            continue;
        }
        const ParamMatrix *m = &tried[n_tried++];
        Hypothesis h = {.change = change_transposed,
                        .first = m->first,
                        .n_rows = m->n_rows,
                        .n_columns = m->n_columns};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "reads %s transposed", m->name);
            return true;
        }
    }
    return false;
}
