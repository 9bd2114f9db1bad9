// What a hypothesis changes: see hypothesis_change.h.
#include "compare/hypothesis_change.h"

#include <stdlib.h>
#include <string.h>

// Notes what is at a place, and changes it. If memory runs out, nothing changes.
static void set(HypothesisSearch *search, uint32_t node_id, void *place, const void *value,
                size_t size)
{
    if (search->n_changes == search->changes_capacity) {
        size_t capacity = 2 * search->changes_capacity + 64;
        GraphChange *changes = realloc(search->changes, capacity * sizeof *changes);
        if (changes == NULL) {
            error_out_of_memory(&search->failure, "a hypothesis", capacity * sizeof *changes);
            search->has_failed = true;
            return;
        }
        search->changes = changes;
        search->changes_capacity = capacity;
    }
    GraphChange *change = &search->changes[search->n_changes++];
    *change = (GraphChange){.node_id = node_id, .size = (uint32_t)size, .place = place};
    memcpy(change->before, place, size);
    memcpy(place, value, size);
    search->is_changed[node_id] = true;
}

void hypothesis_set_number(HypothesisSearch *search, uint32_t node_id, double *place, double number)
{
    if (*place != number) {
        set(search, node_id, place, &number, sizeof number);
    }
}

void hypothesis_set_rule(HypothesisSearch *search, uint32_t node_id, Rule rule)
{
    set(search, node_id, &search->bounds->rules[node_id], &rule, sizeof rule);
}

void hypothesis_set_single(HypothesisSearch *search, uint32_t node_id)
{
    bool is_single = true;
    set(search, node_id, &search->bounds->is_single[node_id], &is_single, sizeof is_single);
}

void hypothesis_set_child(HypothesisSearch *search, uint32_t node_id, uint32_t slot, uint32_t child)
{
    uint32_t *place = &search->bounds->children[search->bounds->dump->first_edge[node_id] + slot];
    if (*place != child) {
        set(search, node_id, place, &child, sizeof child);
        search->has_moved = true;
    }
}

// The arrays of what is computed for nodes. n_terms is only of data; no gradient changes it.
typedef struct Results {
    Range *bound;
    Range *used;
    double *terms;
    uint32_t *n_terms;
} Results;

static Results results_of(const HypothesisSearch *search)
{
    const Bounds *b = search->bounds;
    return search->is_grad ? (Results){b->grad_bound, b->grad_used, b->grad_terms, b->n_terms}
                           : (Results){b->data_bound, b->data_used, b->data_terms, b->n_terms};
}

// Returns whether a node may have another result, because of a change or because of its inputs.
static bool is_affected(const HypothesisSearch *search, uint32_t node_id)
{
    const Bounds *b = search->bounds;
    const uint32_t *first = search->is_grad ? b->order.first_use : b->dump->first_edge;
    const uint32_t *inputs = search->is_grad ? b->order.use_parent : b->children;
    // The inputs of a softmax's maximum are not its children.
    bool is_affected = search->is_changed[node_id] || b->rules[node_id] == RULE_MINUS_MAX;
    for (uint32_t i = first[node_id]; i < first[node_id + 1] && !is_affected; i++) {
        is_affected = search->is_changed[inputs[i]];
    }
    return is_affected;
}

void hypothesis_compute_affected(HypothesisSearch *search, const uint32_t *nodes, size_t n)
{
    Results r = results_of(search);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = nodes[i];
        if (!is_affected(search, id)) {
            continue;
        }
        ComputedNode before = {id, r.n_terms[id], r.bound[id], r.used[id], r.terms[id]};
        search->computed[search->n_computed++] = before;
        if (search->is_grad) {
            bounds_compute_grad(search->bounds, id);
        } else {
            bounds_compute_data(search->bounds, id);
        }
        bool is_same = before.n_terms == r.n_terms[id] && before.terms == r.terms[id] &&
                       before.used.lo == r.used[id].lo && before.used.hi == r.used[id].hi;
        search->is_changed[id] = search->is_changed[id] || !is_same;
    }
}

void hypothesis_take_back(HypothesisSearch *search)
{
    Results r = results_of(search);
    for (size_t i = 0; i < search->n_computed; i++) {
        ComputedNode before = search->computed[i];
        r.bound[before.node_id] = before.bound;
        r.used[before.node_id] = before.used;
        r.terms[before.node_id] = before.terms;
        r.n_terms[before.node_id] = before.n_terms;
    }
    for (size_t i = search->n_changes; i-- > 0;) {
        memcpy(search->changes[i].place, search->changes[i].before, search->changes[i].size);
    }
    hypothesis_keep(search);
}

void hypothesis_keep(HypothesisSearch *search)
{
    for (size_t i = 0; i < search->n_computed; i++) {
        search->is_changed[search->computed[i].node_id] = false;
    }
    for (size_t i = 0; i < search->n_changes; i++) {
        search->is_changed[search->changes[i].node_id] = false;
    }
    search->n_computed = 0;
    search->n_changes = 0;
    search->has_moved = false;
}
