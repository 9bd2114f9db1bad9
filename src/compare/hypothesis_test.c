// The test of a hypothesis about data: see hypothesis_test.h.
#include "compare/hypothesis_test.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUDGET = 3000000, // a third of a second in a debug build
};

// A bound must be so much smaller than what the values were off: a wide one explains anything.
static const double SMALLER = 8;
static const double SMALLER_FOR_ONE = 1000; // of a single value, which might fit by chance

static void *get(size_t n, size_t item_size, bool *ok)
{
    void *items = calloc(n + 1, item_size);
    *ok = *ok && items != NULL;
    return items;
}

bool hypotheses_init(HypothesisSearch *search, Bounds *bounds, const PathKinds *kinds, Error *error)
{
    size_t n = bounds->n_nodes;
    size_t n_edges = bounds->dump->first_edge[n];
    bool ok = true;
    *search = (HypothesisSearch){.bounds = bounds, .kinds = kinds, .budget = BUDGET};
    search->wanted = get(n, sizeof *search->wanted, &ok);
    search->was_odd = get(n, sizeof *search->was_odd, &ok);
    search->in_scope = get(n, sizeof *search->in_scope, &ok);
    search->cone = get(n, sizeof *search->cone, &ok);
    search->members_cone = get(n, sizeof *search->members_cone, &ok);
    search->rules = get(n, sizeof *search->rules, &ok);
    search->constants = get(n, sizeof *search->constants, &ok);
    search->factors = get(n, sizeof *search->factors, &ok);
    search->is_single = get(n, sizeof *search->is_single, &ok);
    search->children = get(n_edges, sizeof *search->children, &ok);
    search->edge_factors = get(n_edges, sizeof *search->edge_factors, &ok);
    if (!ok) {
        hypotheses_free(search);
        return error_out_of_memory(error, "the hypotheses", n_edges * 2 * sizeof(double));
    }
    if (bounds->dump->has_names && !path_index_init(&search->index, bounds->dump, error)) {
        hypotheses_free(search);
        return false;
    }
    return true;
}

void hypotheses_free(HypothesisSearch *search)
{
    path_index_free(&search->index);
    free(search->wanted);
    free(search->was_odd);
    free(search->in_scope);
    free(search->cone);
    free(search->members_cone);
    free(search->rules);
    free(search->constants);
    free(search->factors);
    free(search->is_single);
    free(search->children);
    free(search->edge_factors);
    *search = (HypothesisSearch){0};
}

bool hypotheses_name_factor(double *factor, char *name)
{
    bool is_large = fabs(*factor) >= 1;
    double whole = nearbyint(is_large ? *factor : 1 / *factor);
    double nice = is_large ? whole : 1 / whole;
    if (fabs(whole) > 1e6 || fabs(nice - *factor) > 1e-6 * fabs(*factor)) {
        snprintf(name, PATTERN_BYTES, "%.6g", *factor);
        return false;
    }
    snprintf(name, PATTERN_BYTES, is_large ? "%.0f" : "1/%.0f", whole);
    *factor = nice;
    return true;
}

static bool is_odd(const Bounds *bounds, uint32_t node_id)
{
    return bounds->has_data[node_id] && bounds->rules[node_id] != RULE_PARAM &&
           !bounds_explain(bounds, bounds->data_bound[node_id], bounds->data[node_id]);
}

static void save(HypothesisSearch *search)
{
    const Bounds *bounds = search->bounds;
    size_t n = bounds->n_nodes;
    size_t n_edges = bounds->dump->first_edge[n];
    memcpy(search->rules, bounds->rules, n * sizeof *search->rules);
    memcpy(search->constants, bounds->constants, n * sizeof *search->constants);
    memcpy(search->factors, bounds->factors, n * sizeof *search->factors);
    memcpy(search->is_single, bounds->is_single, n * sizeof *search->is_single);
    memcpy(search->children, bounds->children, n_edges * sizeof *search->children);
    memcpy(search->edge_factors, bounds->edge_factors, n_edges * sizeof *search->edge_factors);
}

static void restore(HypothesisSearch *search)
{
    Bounds *bounds = search->bounds;
    size_t n = bounds->n_nodes;
    size_t n_edges = bounds->dump->first_edge[n];
    memcpy(bounds->rules, search->rules, n * sizeof *search->rules);
    memcpy(bounds->constants, search->constants, n * sizeof *search->constants);
    memcpy(bounds->factors, search->factors, n * sizeof *search->factors);
    memcpy(bounds->is_single, search->is_single, n * sizeof *search->is_single);
    memcpy(bounds->children, search->children, n_edges * sizeof *search->children);
    memcpy(bounds->edge_factors, search->edge_factors, n_edges * sizeof *search->edge_factors);
}

// The position that a path belongs to: the length of `pos2.`, or 0.
static size_t position_length(const char *path)
{
    const char *dot = path != NULL && strncmp(path, "pos", 3) == 0 ? strchr(path, '.') : NULL;
    return dot != NULL ? (size_t)(dot - path) + 1 : 0;
}

// The targets are the members of the first one's position.
static void choose_targets(HypothesisSearch *search)
{
    const Bounds *bounds = search->bounds;
    const char *first = dump_path(bounds->dump, search->members[0]);
    size_t length = position_length(first);
    search->n_targets = 0;
    for (size_t i = 0; i < search->n_members && search->n_targets < MAX_TARGETS; i++) {
        uint32_t node_id = search->members[i];
        const char *path = dump_path(bounds->dump, node_id);
        if (length == 0 || strncmp(path, first, length) == 0) {
            double middle = range_middle(bounds->data_bound[node_id]);
            search->off[search->n_targets] = fabs(bounds->data[node_id] - middle);
            search->targets[search->n_targets++] = node_id;
        }
    }
}

void hypothesis_begin(HypothesisSearch *search, const uint32_t *members, size_t n)
{
    assert(n > 0);
    search->members = members;
    search->n_members = n;
    for (uint32_t i = 0; i < search->bounds->n_nodes; i++) {
        search->was_odd[i] = is_odd(search->bounds, i);
    }
    choose_targets(search);
    search->n_cone = bounds_find_cone(search->bounds, search->targets, search->n_targets,
                                      search->wanted, search->cone);
    save(search);
}

static void set_scope(HypothesisSearch *search, HypothesisScope scope)
{
    memset(search->in_scope, scope == SCOPE_GRAPH, search->bounds->n_nodes);
    if (scope == SCOPE_GRAPH) {
        return;
    }
    const uint32_t *cone = search->cone;
    size_t n = search->n_cone;
    if (scope == SCOPE_MEMBERS) {
        n = bounds_find_cone(search->bounds, search->members, search->n_members, search->wanted,
                             search->members_cone);
        cone = search->members_cone;
    }
    for (size_t i = 0; i < n; i++) {
        search->in_scope[cone[i]] = true;
    }
}

static void compute_cone(HypothesisSearch *search)
{
    for (size_t i = 0; i < search->n_cone; i++) {
        bounds_compute_data(search->bounds, search->cone[i]);
    }
    search->budget -= search->n_cone < search->budget ? search->n_cone : search->budget;
}

// Whether all targets are explained now, by bounds that say something.
static bool fits(const HypothesisSearch *search)
{
    const Bounds *bounds = search->bounds;
    double smaller = search->n_targets == 1 ? SMALLER_FOR_ONE : SMALLER;
    for (size_t i = 0; i < search->n_targets; i++) {
        uint32_t node_id = search->targets[i];
        Range bound = bounds->data_bound[node_id];
        if (!range_is_finite(bound) || range_half_width(bound) * smaller > search->off[i] ||
            !bounds_explain(bounds, bound, bounds->data[node_id])) {
            return false;
        }
    }
    return true;
}

// Whether the targets fit and nothing has become unexplained by the change.
static bool is_better(const HypothesisSearch *search)
{
    for (uint32_t i = 0; i < search->bounds->n_nodes; i++) {
        if (!search->was_odd[i] && is_odd(search->bounds, i)) {
            return false;
        }
    }
    return fits(search);
}

static bool holds_in_scope(HypothesisSearch *search, const Hypothesis *hypothesis,
                           HypothesisScope scope)
{
    set_scope(search, scope);
    hypothesis->apply(search, hypothesis);
    bounds_compute_all_data(search->bounds);
    if (is_better(search)) {
        return true;
    }
    restore(search);
    bounds_compute_all_data(search->bounds);
    return false;
}

bool hypothesis_holds(HypothesisSearch *search, const Hypothesis *hypothesis)
{
    if (search->budget == 0) {
        return false;
    }
    set_scope(search, SCOPE_TARGETS);
    hypothesis->apply(search, hypothesis);
    compute_cone(search);
    bool fitting = fits(search);
    restore(search);
    compute_cone(search);
    return fitting && (holds_in_scope(search, hypothesis, SCOPE_GRAPH) ||
                       holds_in_scope(search, hypothesis, SCOPE_MEMBERS) ||
                       holds_in_scope(search, hypothesis, SCOPE_TARGETS));
}
