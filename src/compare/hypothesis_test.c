// The test of a hypothesis about data: see hypothesis_test.h.
#include "compare/hypothesis_test.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A point's width, which is nothing beside a unit of double precision; and how many of the port's
// units, of the sum of a gradient's terms, rounding may change it.
static const double POINT_UNIT = 0x1p-70;
static const double POINT_UNITS = 1024;
static const double MARGIN = 2; // of bounds_explain()

enum {
    BUDGET = 8000000, // a second in a debug build, a fifth of a second in a release build
    BUDGET_BY_GRADS = 11000000,
    ORDER_COST = 4, // ordering the graph takes as long as computing so many nodes for each node
};

static void *get(size_t n, size_t item_size, bool *ok)
{
    void *items = calloc(n + 1, item_size);
    *ok = *ok && items != NULL;
    return items;
}

bool hypotheses_init(HypothesisSearch *search, Bounds *bounds, const PathKinds *kinds, Error *error)
{
    size_t n = bounds->n_nodes;
    bool ok = true;
    *search = (HypothesisSearch){.bounds = bounds, .kinds = kinds, .budget = BUDGET};
    search->wanted = get(n, sizeof *search->wanted, &ok);
    search->was_odd = get(n, sizeof *search->was_odd, &ok);
    search->all = get(n, sizeof *search->all, &ok);
    search->cone = get(n, sizeof *search->cone, &ok);
    search->members_cone = get(n, sizeof *search->members_cone, &ok);
    search->computed = get(n, sizeof *search->computed, &ok);
    search->is_changed = get(n, sizeof *search->is_changed, &ok);
    if (!ok) {
        hypotheses_free(search);
        return error_out_of_memory(error, "the hypotheses", n * sizeof *search->computed);
    }
    for (uint32_t i = 0; i < n; i++) {
        search->all[i] = i;
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
    free(search->all);
    free(search->cone);
    free(search->members_cone);
    free(search->changes);
    free(search->computed);
    free(search->is_changed);
    *search = (HypothesisSearch){0};
}

bool hypotheses_name_factor(double *factor, char *name)
{
    static const struct {
        double factor;
        const char *name;
    } logarithms[] = {{M_LOG2E, "1/log(2)"}, {M_LOG10E, "1/log(10)"}};
    for (size_t i = 0; i < sizeof logarithms / sizeof *logarithms; i++) {
        if (fabs(logarithms[i].factor - *factor) <= 1e-6) {
            *factor = logarithms[i].factor;
            snprintf(name, PATTERN_BYTES, "%s", logarithms[i].name);
            return true;
        }
    }
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

static Range bound_of(const HypothesisSearch *search, uint32_t node_id)
{
    return search->is_grad ? search->bounds->grad_bound[node_id]
                           : search->bounds->data_bound[node_id];
}

static double value_of(const HypothesisSearch *search, uint32_t node_id)
{
    return search->is_grad ? search->bounds->grad[node_id] : search->bounds->data[node_id];
}

double hypothesis_allowed(const HypothesisSearch *search, uint32_t node_id)
{
    const Bounds *bounds = search->bounds;
    Range bound = bounds->grad_bound[node_id];
    if (!range_is_finite(bound)) {
        return INFINITY;
    }
    if (search->point_unit == 0) {
        return MARGIN * range_half_width(bound) + bounds->tiny;
    }
    return POINT_UNITS * search->point_unit * bounds->grad_terms[node_id] + bounds->tiny;
}

static bool is_odd(const HypothesisSearch *search, uint32_t node_id)
{
    const Bounds *bounds = search->bounds;
    if (search->point_unit != 0) {
        double middle = range_middle(bounds->grad_bound[node_id]);
        return bounds->has_grad[node_id] &&
               fabs(bounds->grad[node_id] - middle) > hypothesis_allowed(search, node_id);
    }
    if (search->is_grad) {
        return bounds->has_grad[node_id] &&
               !bounds_explain(bounds, bounds->grad_bound[node_id], bounds->grad[node_id]);
    }
    return bounds->has_data[node_id] && bounds->rules[node_id] != RULE_PARAM &&
           !bounds_explain(bounds, bounds->data_bound[node_id], bounds->data[node_id]);
}

// Returns the length of `pos2.` at the beginning of a path, or 0.
static size_t position_length(const char *path)
{
    const char *dot = path != NULL && strncmp(path, "pos", 3) == 0 ? strchr(path, '.') : NULL;
    return dot != NULL ? (size_t)(dot - path) + 1 : 0;
}

// Chooses as targets the members that have the same position as the first one.
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
            double middle = range_middle(bound_of(search, node_id));
            search->off[search->n_targets] = fabs(value_of(search, node_id) - middle);
            search->targets[search->n_targets++] = node_id;
        }
    }
}

void hypothesis_begin(HypothesisSearch *search, bool is_grad, const uint32_t *members, size_t n)
{
    assert(n > 0);
    search->is_grad = is_grad;
    search->members = members;
    search->n_members = n;
    hypothesis_keep(search);
    search->n_odd = 0;
    for (uint32_t i = 0; i < search->bounds->n_nodes; i++) {
        search->was_odd[i] = is_odd(search, i);
        search->n_odd += search->was_odd[i];
    }
    choose_targets(search);
    search->n_cone = is_grad
                         ? bounds_find_grad_cone(search->bounds, search->targets, search->n_targets,
                                                 search->wanted, search->cone)
                         : bounds_find_cone(search->bounds, search->targets, search->n_targets,
                                            search->wanted, search->cone);
}

void hypothesis_begin_by_grads(HypothesisSearch *search, const uint32_t *members, size_t n)
{
    hypothesis_begin(search, true, members, n);
    search->by_grads = true;
    search->budget = BUDGET_BY_GRADS;
    search->n_cone = search->bounds->n_nodes;
    memcpy(search->cone, search->all, search->n_cone * sizeof *search->cone);
}

// Changes an edge, if the hypothesis is about edges, wherever it passes a gradient to this node.
static void change_edges(HypothesisSearch *search, const Hypothesis *hypothesis, uint32_t node_id)
{
    const GraphOrder *order = &search->bounds->order;
    for (uint32_t use = order->first_use[node_id]; use < order->first_use[node_id + 1]; use++) {
        hypothesis->change_edge(search, hypothesis, order->use_parent[use], order->use_edge[use]);
    }
}

// Changes the nodes of a scope.
static void change(HypothesisSearch *search, const Hypothesis *hypothesis, const uint32_t *scope,
                   size_t n)
{
    for (size_t i = 0; i < n && hypothesis->change != NULL; i++) {
        hypothesis->change(search, hypothesis, scope[i]);
    }
    for (size_t i = 0; i < n && hypothesis->change_edge != NULL; i++) {
        change_edges(search, hypothesis, scope[i]);
    }
    if (hypothesis->change_graph != NULL) {
        hypothesis->change_graph(search, hypothesis);
    }
}

static void change_in_scope(HypothesisSearch *search, const Hypothesis *hypothesis,
                            HypothesisScope scope)
{
    if (scope == SCOPE_GRAPH) {
        change(search, hypothesis, search->all, search->bounds->n_nodes);
    } else if (scope == SCOPE_TARGETS) {
        change(search, hypothesis, search->cone, search->n_cone);
    } else {
        size_t n = bounds_find_cone(search->bounds, search->members, search->n_members,
                                    search->wanted, search->members_cone);
        change(search, hypothesis, search->members_cone, n);
    }
}

static void spend(HypothesisSearch *search, size_t n)
{
    search->budget -= n < search->budget ? n : search->budget;
}

// Computes the order of backward again if the hypothesis changed children, or the last one did.
static void follow_children(HypothesisSearch *search)
{
    Bounds *bounds = search->bounds;
    if (search->has_moved || search->is_reordered) {
        spend(search, ORDER_COST * bounds->n_nodes);
        search->has_failed = search->has_failed || !bounds_reorder(bounds, &search->failure);
        search->is_reordered = search->has_moved;
    }
}

static void compute_model(HypothesisSearch *search)
{
    bounds_compute_all_data(search->bounds);
    follow_children(search);
    if (!search->has_failed) {
        bounds_compute_all_grads(search->bounds);
    }
}

void hypothesis_begin_points(HypothesisSearch *search)
{
    search->point_unit = search->bounds->unit;
    search->bounds->unit = POINT_UNIT;
    bounds_compute_all_data(search->bounds);
    bounds_compute_all_grads(search->bounds);
}

void hypothesis_end_points(HypothesisSearch *search)
{
    search->bounds->unit = search->point_unit;
    search->point_unit = 0;
    bounds_compute_all_data(search->bounds);
    bounds_compute_all_grads(search->bounds);
}

static void compute_all(HypothesisSearch *search)
{
    const Bounds *bounds = search->bounds;
    if (search->by_grads) {
        compute_model(search);
    } else {
        hypothesis_compute_affected(search, search->is_grad ? bounds->order.backward : search->all,
                                    bounds->n_nodes);
    }
}

// Computes all data, and the gradients of the targets.
static void compute_for_targets(HypothesisSearch *search)
{
    Bounds *bounds = search->bounds;
    bounds_compute_all_data(bounds);
    follow_children(search);
    if (search->has_failed) {
        return;
    }
    size_t n = bounds_find_grad_cone(bounds, search->targets, search->n_targets, search->wanted,
                                     search->members_cone);
    for (size_t i = 0; i < n; i++) {
        bounds_compute_grad(bounds, search->members_cone[i]);
    }
    spend(search, n + bounds->n_nodes);
}

static void compute_cone(HypothesisSearch *search)
{
    if (search->by_grads) {
        compute_for_targets(search);
        return;
    }
    hypothesis_compute_affected(search, search->cone, search->n_cone);
    spend(search, 2 * search->n_cone); // as if all were computed now, and when it is taken back
}

// Returns whether all targets are explained now, and enough of them by small bounds.
static bool fits(const HypothesisSearch *search)
{
    size_t n_tell = 0;
    bool one_tells = false;
    for (size_t i = 0; i < search->n_targets; i++) {
        uint32_t node_id = search->targets[i];
        Range bound = bound_of(search, node_id);
        if (!range_is_finite(bound) || is_odd(search, node_id)) {
            return false;
        }
        double half = search->is_grad ? hypothesis_allowed(search, node_id) / MARGIN
                                      : range_half_width(bound);
        n_tell += half * HYPOTHESIS_SMALLER <= search->off[i];
        one_tells = one_tells || half * HYPOTHESIS_SMALLER_FOR_ONE <= search->off[i];
    }
    return one_tells || (n_tell > 1 && n_tell >= search->n_targets / 4);
}

// Counts a value if it is unexplained now, and uncounts it if it was before. Returns false if it is
// unexplained only now.
static bool count_again(const HypothesisSearch *search, uint32_t node_id, size_t *n_odd)
{
    bool odd = is_odd(search, node_id);
    bool was_odd = search->was_odd[node_id];
    *n_odd = *n_odd + odd - was_odd;
    return was_odd || !odd;
}

// Returns how many values are unexplained now; SIZE_MAX if the targets do not fit, or if one of
// these values was explained before.
static size_t count_odd(const HypothesisSearch *search)
{
    size_t n_odd = search->n_odd;
    size_t n = search->by_grads ? search->bounds->n_nodes : search->n_computed;
    for (size_t i = 0; i < n; i++) {
        uint32_t node_id = search->by_grads ? search->all[i] : search->computed[i].node_id;
        if (!count_again(search, node_id, &n_odd)) {
            return SIZE_MAX;
        }
    }
    bool is_enough = !search->by_grads || (n_odd == 0 && !search->has_failed);
    return is_enough && fits(search) ? n_odd : SIZE_MAX;
}

// Changes all nodes of a scope.
static void apply(HypothesisSearch *search, const Hypothesis *hypothesis, HypothesisScope scope)
{
    change_in_scope(search, hypothesis, scope);
    compute_all(search);
}

// Finds the scope that leaves the fewest values unexplained; the narrowest one if several do.
// Returns whether there is one.
static bool find_scope(HypothesisSearch *search, const Hypothesis *hypothesis,
                       HypothesisScope *scope)
{
    size_t n_least = SIZE_MAX;
    for (int i = search->is_grad ? SCOPE_GRAPH : SCOPE_TARGETS; i <= SCOPE_GRAPH; i++) {
        apply(search, hypothesis, (HypothesisScope)i);
        size_t n = count_odd(search);
        hypothesis_take_back(search);
        if (n < n_least) {
            n_least = n;
            *scope = (HypothesisScope)i;
        }
    }
    return n_least < SIZE_MAX;
}

void hypothesis_end_by_grads(HypothesisSearch *search)
{
    compute_model(search);
    search->by_grads = false;
}

bool hypothesis_fits(HypothesisSearch *search, const Hypothesis *hypothesis)
{
    if (search->budget == 0 || search->has_failed) {
        return false;
    }
    change_in_scope(search, hypothesis, SCOPE_TARGETS);
    compute_cone(search);
    bool fitting = !search->has_failed && fits(search);
    hypothesis_take_back(search);
    return fitting;
}

// Takes a hypothesis back that fits the targets, but does not hold.
static void give_up(HypothesisSearch *search)
{
    hypothesis_take_back(search);
    if (search->by_grads) {
        compute_model(search);
    }
}

bool hypothesis_holds(HypothesisSearch *search, const Hypothesis *hypothesis)
{
    HypothesisScope scope;
    if (!hypothesis_fits(search, hypothesis)) {
        return false;
    }
    if (!find_scope(search, hypothesis, &scope)) {
        give_up(search);
        return false;
    }
    apply(search, hypothesis, scope);
    return true;
}

static bool explains_members(const HypothesisSearch *search)
{
    for (size_t i = 0; i < search->n_members; i++) {
        if (is_odd(search, search->members[i])) {
            return false;
        }
    }
    return true;
}

bool hypothesis_holds_for_all(HypothesisSearch *search, const Hypothesis *hypothesis)
{
    if (!hypothesis_fits(search, hypothesis)) {
        return false;
    }
    apply(search, hypothesis, SCOPE_GRAPH);
    if (count_odd(search) < SIZE_MAX && explains_members(search)) {
        return true;
    }
    give_up(search);
    return false;
}
