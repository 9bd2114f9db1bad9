// Functions of the graph for hypotheses: see hypothesis_graph.h.
#include "compare/hypothesis_graph.h"

#include <stdio.h>
#include <string.h>

uint32_t hypothesis_n_children(const HypothesisSearch *s, uint32_t node_id)
{
    return bounds_n_children(s->bounds, node_id);
}

uint32_t hypothesis_child(const HypothesisSearch *s, uint32_t node_id, uint32_t slot)
{
    return bounds_child(s->bounds, node_id, slot);
}

void hypothesis_set_term(HypothesisSearch *s, uint32_t node_id, uint32_t slot, double factor)
{
    uint32_t edge = s->bounds->dump->first_edge[node_id] + slot;
    hypothesis_set_number(s, node_id, &s->bounds->edge_factors[edge], factor);
}

void hypothesis_set_constant(HypothesisSearch *s, uint32_t node_id, double constant)
{
    hypothesis_set_number(s, node_id, &s->bounds->constants[node_id], constant);
}

void hypothesis_scale(HypothesisSearch *s, uint32_t node_id, double factor)
{
    double *place = &s->bounds->factors[node_id];
    hypothesis_set_number(s, node_id, place, *place * factor);
}

const char *hypothesis_path(const HypothesisSearch *s, uint32_t node_id)
{
    return dump_path(s->bounds->dump, node_id);
}

static bool is_of_matrix(const HypothesisSearch *s, uint32_t node_id, const char *name)
{
    const char *path = hypothesis_path(s, node_id);
    size_t length = strlen(name);
    return s->bounds->rules[node_id] == RULE_PARAM && strncmp(path, name, length) == 0 &&
           path[length] == '[';
}

bool hypothesis_find_matrix(const HypothesisSearch *s, uint32_t param, ParamMatrix *m)
{
    const char *path = hypothesis_path(s, param);
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

uint32_t hypothesis_transposed(const ParamMatrix *m, uint32_t param)
{
    uint32_t row = (param - m->first) % m->n_rows;
    uint32_t column = (param - m->first) / m->n_rows;
    return m->first + row * m->n_columns + column;
}

bool hypothesis_ends_with(const char *pattern, const char *ending)
{
    size_t length = strlen(pattern);
    size_t n = strlen(ending);
    return length >= n && strcmp(pattern + length - n, ending) == 0;
}

void hypothesis_find_kinds(const HypothesisSearch *s, const char *ending, bool *kinds)
{
    for (size_t i = 0; i < s->kinds->n; i++) {
        kinds[i] = hypothesis_ends_with(s->kinds->patterns[i], ending);
    }
}

bool hypothesis_multiplies(const HypothesisSearch *s, const Hypothesis *h, uint32_t node_id,
                           uint32_t *element)
{
    if (s->bounds->rules[node_id] != RULE_MUL) {
        return false;
    }
    *element = hypothesis_child(s, node_id, 0) - h->first; // wraps around if the child is before it
    return *element < h->n_rows * h->n_columns;
}
