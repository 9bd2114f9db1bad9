// Judges differences: see judge.h.
#include "compare/judge.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/hypotheses.h"
#include "compare/precision.h"

// Parameters are the result of earlier steps, whose rounding this step does not show. Differences
// up to this share of a parameter, or of the mean magnitude of its matrix, may be rounding.
static const double PARAM_ROUNDING_DOUBLE = 0x1p-33;
static const double PARAM_ROUNDING_SINGLE = 0x1p-17;

enum {
    MAX_DID = 3,      // how many things that the subject did are listed for a kind of values
    FAR_OFF_PART = 8, // 1/8 of a matrix may be further off in single precision, after a step
};

static void take_local_grads(Judgement *j, uint32_t node_id)
{
    const GraphDiff *diff = j->diff;
    const NodeDump *base = diff->dumps[diff->base];
    const double *local_grads = diff_local_grads(diff, j->subject, node_id);
    uint32_t first = base->first_edge[node_id];
    for (uint32_t i = 0; i < dump_n_children(base, node_id); i++) {
        j->bounds.local_grads[first + i] = local_grads[i];
    }
}

// Copies the values that the subject shows.
static void take_values(Judgement *j)
{
    const GraphDiff *diff = j->diff;
    Bounds *bounds = &j->bounds;
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        bounds->has_data[i] = diff_has_data(diff, j->subject, i);
        bounds->has_grad[i] = diff_has_grad(diff, j->subject, i) && diff->grad.is_compared;
        bounds->data[i] = bounds->has_data[i] ? diff_data(diff, j->subject, i) : (double)NAN;
        bounds->grad[i] = bounds->has_grad[i] ? diff_grad(diff, j->subject, i) : (double)NAN;
        if (bounds->has_data[i] && !diff->by_path && !diff_has_other_shape(diff, i)) {
            take_local_grads(j, i);
        }
    }
}

bool is_unexplained(const Judgement *j, UnexplainedIn in, uint32_t node_id)
{
    return (j->unexplained[node_id] & 1 << in) != 0;
}

// The unexplained nodes of one kind that are being collected.
typedef struct Members {
    uint32_t *nodes; // [n_nodes]
    size_t n;
    uint16_t kind;        // of their paths
    uint32_t *grad_order; // [n_nodes] all nodes, starting from the loss
} Members;

// Adds a node to the members, if it is the first or of the same kind.
static void collect(const Judgement *j, uint32_t node_id, Members *members)
{
    uint16_t kind = j->kinds_of_paths.kind_of[node_id];
    if (members->n == 0) {
        members->kind = kind;
    }
    if (kind == members->kind) {
        members->nodes[members->n++] = node_id;
    }
}

static UnexplainedKind *find_kind(Judgement *j, UnexplainedIn in, uint16_t kind)
{
    for (size_t i = 0; i < j->n_kinds; i++) {
        if (j->kinds[i].in == in && j->kinds[i].kind == kind) {
            return &j->kinds[i];
        }
    }
    return NULL;
}

// Marks all members, and reports them under their kind, with what the subject did.
static bool report_members(Judgement *j, UnexplainedIn in, const Members *members, const char *did,
                           Error *error)
{
    UnexplainedKind *kind = find_kind(j, in, members->kind);
    if (kind == NULL) {
        size_t size = (j->n_kinds + 1) * sizeof *j->kinds;
        UnexplainedKind *kinds = realloc(j->kinds, size);
        if (kinds == NULL) {
            return error_out_of_memory(error, "the unexplained differences", size);
        }
        j->kinds = kinds;
        kind = &kinds[j->n_kinds++];
        *kind = (UnexplainedKind){.in = in, .kind = members->kind, .first = members->nodes[0]};
    }
    size_t length = strlen(kind->did);
    kind->n_did += did[0] != '\0';
    char others[64];
    if (did[0] == '\0' && length > 0) {
        snprintf(others, sizeof others, "what it did in %zu others is not known", members->n);
        did = others;
    } else if (kind->n_did > MAX_DID) {
        did = kind->n_did == MAX_DID + 1 ? "and more of this kind" : "";
    }
    if (did[0] != '\0' && length + strlen(did) + 3 < DID_BYTES) {
        snprintf(kind->did + length, DID_BYTES - length, "%s%s", length > 0 ? "; " : "", did);
    }
    kind->n += members->n;
    for (size_t i = 0; i < members->n; i++) {
        uint8_t *bits = &j->unexplained[members->nodes[i]];
        *bits = (uint8_t)(*bits | 1 << in);
    }
    j->n_unexplained += members->n;
    return true;
}

// Returns whether a value should be reported: it differs, and has not been reported yet.
static bool is_new(const Judgement *j, UnexplainedIn in, uint32_t node_id)
{
    return diff_is_selected(j->diff, node_id) && !is_unexplained(j, in, node_id);
}

// Returns whether a gradient is unexplained. The gradient of x + 0 may also be that of x, because
// the subject may have one value for both.
static bool is_odd_grad(const Bounds *bounds, uint32_t node_id)
{
    uint32_t same = bounds_same_as(bounds, node_id);
    double grad = bounds->grad[node_id];
    return !bounds_explain(bounds, bounds->grad_bound[node_id], grad) &&
           (same == NO_NODE || !bounds_explain(bounds, bounds->grad_bound[same], grad));
}

static bool is_odd_value(const Judgement *j, UnexplainedIn in, uint32_t node_id)
{
    const Bounds *bounds = &j->bounds;
    const GraphDiff *diff = j->diff;
    bool is_param = bounds->rules[node_id] == RULE_PARAM;
    if (in == IN_GRAD) {
        return bounds->has_grad[node_id] && diff_grads_differ(diff, node_id) &&
               is_odd_grad(bounds, node_id);
    }
    return bounds->has_data[node_id] && is_param == (in == IN_PARAMS) &&
           !bounds_explain(bounds, bounds->data_bound[node_id], bounds->data[node_id]) &&
           diff_data_differ(diff, node_id);
}

// Returns whether any local gradient differs from the one that the subject's own data give.
static bool has_odd_local_grads(const Judgement *j, uint32_t node_id)
{
    const Bounds *bounds = &j->bounds;
    const NodeDump *dump = bounds->dump;
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        double known = bounds->local_grads[edge];
        if (!isnan(known) &&
            numbers_differ(known, dump->local_grads[edge], j->diff->rules.max_ulp) &&
            !bounds_explain(bounds, bounds_worked_out_local_grad(bounds, node_id, edge), known)) {
            return true;
        }
    }
    return false;
}

static bool is_odd_in(const Judgement *j, UnexplainedIn in, uint32_t node_id)
{
    return in == IN_LOCAL_GRADS ? has_odd_local_grads(j, node_id) : is_odd_value(j, in, node_id);
}

// Collects the first kind of unexplained values that has not been reported yet.
static void collect_first_kind(const Judgement *j, UnexplainedIn in, Members *members)
{
    members->n = 0;
    for (size_t i = 0; i < j->bounds.n_nodes; i++) {
        uint32_t node_id = in == IN_GRAD ? members->grad_order[i] : (uint32_t)i;
        if (is_new(j, in, node_id) && is_odd_in(j, in, node_id)) {
            collect(j, node_id, members);
        }
    }
}

// Lists the nodes starting from the loss, with each parameter directly after the first node that
// passes a gradient to it. In the order of backward, it would come after the last such node, so
// that all parameters would be equally far from the loss.
static void order_grads(const Judgement *j, Members *members, bool *is_listed)
{
    const Bounds *b = &j->bounds;
    size_t n = 0;
    for (size_t i = 0; i < b->n_nodes; i++) {
        uint32_t node_id = b->order.backward[i];
        if (!is_listed[node_id]) {
            is_listed[node_id] = true;
            members->grad_order[n++] = node_id;
        }
        for (uint32_t e = b->dump->first_edge[node_id]; e < b->dump->first_edge[node_id + 1]; e++) {
            uint32_t child = b->children[e];
            if (b->rules[child] == RULE_PARAM && !is_listed[child]) {
                is_listed[child] = true;
                members->grad_order[n++] = child;
            }
        }
    }
    assert(n == b->n_nodes);
    memset(is_listed, false, b->n_nodes * sizeof *is_listed);
}

// Moves the cause that the report shows in full to the front, if it is among the members.
static void put_cause_first(const Finding *finding, Members *members)
{
    for (size_t i = 1; i < members->n && finding->n_causes > 0; i++) {
        if (members->nodes[i] == finding->causes[0]) {
            memmove(members->nodes + 1, members->nodes, i * sizeof *members->nodes);
            members->nodes[0] = finding->causes[0];
        }
    }
}

// Removes the members that are still unexplained, to which the finding does not apply.
static void keep_explained(const Judgement *j, UnexplainedIn in, Members *members)
{
    size_t n = 0;
    for (size_t i = 0; i < members->n; i++) {
        if (!is_odd_in(j, in, members->nodes[i])) {
            members->nodes[n++] = members->nodes[i];
        }
    }
    members->n = n > 0 ? n : members->n;
}

// Marks the unexplained values, and the nodes between them and the values that the subject shows:
// it is not known how they were computed, so they may pass back any gradient.
static void mark_as_odd(Judgement *j, const Members *members, HypothesisSearch *search)
{
    size_t n =
        bounds_find_cone(&j->bounds, members->nodes, members->n, search->wanted, search->cone);
    for (size_t i = 0; i < n; i++) {
        j->bounds.is_odd[search->cone[i]] = true;
    }
}

// Sets did to what the subject did; empty if nothing fits.
static void find_what_it_did(HypothesisSearch *search, UnexplainedIn in, const Members *members,
                             char *did)
{
    bool found = false;
    did[0] = '\0';
    switch (in) {
    case IN_PARAMS:
        found = hypotheses_find_params(search, members->nodes, did);
        break;
    case IN_DATA:
        found = hypotheses_find_data(search, members->nodes, members->n, did);
        break;
    case IN_GRAD:
        found = hypotheses_find_grads(search, members->nodes, members->n, did);
        break;
    case IN_LOCAL_GRADS:
        break;
    }
    if (!found) {
        did[0] = '\0';
    }
}

// Judges one kind after the other. What is found out about one kind is assumed for the next.
static bool judge_one(Judgement *j, UnexplainedIn in, HypothesisSearch *search, Members *members,
                      Error *error)
{
    for (;;) {
        collect_first_kind(j, in, members);
        if (members->n == 0) {
            return true;
        }
        char did[HYPOTHESIS_BYTES];
        if (in == IN_GRAD) {
            put_cause_first(&j->diff->grad, members);
        }
        find_what_it_did(search, in, members, did);
        if (did[0] != '\0') {
            keep_explained(j, in, members);
        } else if (in == IN_DATA) {
            mark_as_odd(j, members, search);
        }
        if (search->has_failed) {
            *error = search->failure;
            return false;
        }
        if (!report_members(j, in, members, did, error)) {
            return false;
        }
    }
}

// Returns the mean magnitude of the parameters of a matrix: consecutive ones whose paths are the
// same up to the row. Sets end to the first one after them.
static double mean_size(const Judgement *j, uint32_t node_id, uint32_t *end)
{
    const NodeDump *dump = j->bounds.dump;
    const char *path = dump_path(dump, node_id);
    size_t length = path != NULL ? strcspn(path, "[") : 0;
    double sum = 0;
    uint32_t i = node_id;
    for (; i < j->bounds.n_nodes && j->bounds.rules[i] == RULE_PARAM; i++) {
        const char *other = dump_path(dump, i);
        if (path != NULL && (strcspn(other, "[") != length || strncmp(path, other, length) != 0)) {
            break;
        }
        sum += fabs(dump->data[i]);
    }
    *end = i;
    return sum / (i - node_id);
}

// Sets the bounds of parameters. If any of them differs, those that the subject does not show may
// differ as well.
static void bound_params(Judgement *j)
{
    Bounds *bounds = &j->bounds;
    bool is_single = j->is_single[0] || j->is_single[1];
    double rounding = is_single ? PARAM_ROUNDING_SINGLE : PARAM_ROUNDING_DOUBLE;
    uint32_t i = 0;
    while (i < bounds->n_nodes && bounds->rules[i] == RULE_PARAM) {
        uint32_t end;
        double mean = mean_size(j, i, &end);
        for (; i < end; i++) {
            double own = bounds->constants[i];
            Range bound = range_widen(range_of(own), rounding * fmax(fabs(own), mean));
            bounds->data_bound[i] = bound;
            j->first_bounds[i] = bound;
            bounds->own_params =
                bounds->own_params ||
                (bounds->has_data[i] && !bounds_explain(bounds, bound, bounds->data[i]));
        }
    }
}

// After the first step, single precision can change a few parameters a lot: Adam divides by the
// size of the gradients, and if they are nearly zero, by the size of their rounding errors.
static bool may_be_far_off(const Judgement *j)
{
    const DumpSays *says = &j->bounds.dump->says;
    bool is_single = j->is_single[0] || j->is_single[1];
    return is_single && says->has_number[ABOUT_STEP] && says->numbers[ABOUT_STEP] > 1;
}

// Accepts parameters of a matrix that differ more, if they are few.
static void pass_few_params(Judgement *j, uint32_t first, uint32_t end)
{
    Bounds *b = &j->bounds;
    uint32_t n = 0;
    uint32_t n_odd = 0;
    for (uint32_t i = first; i < end; i++) {
        n += b->has_data[i];
        n_odd += b->has_data[i] && !bounds_explain(b, b->data_bound[i], b->data[i]);
    }
    for (uint32_t i = first; i < end && n_odd <= n / FAR_OFF_PART; i++) {
        b->data_bound[i] = range_all();
    }
}

static void pass_turned_params(Judgement *j)
{
    uint32_t end;
    for (uint32_t i = 0; i < j->bounds.n_nodes && j->bounds.rules[i] == RULE_PARAM; i = end) {
        mean_size(j, i, &end);
        pass_few_params(j, i, end);
    }
}

// Returns whether any parameter differs; then those that the subject does not show may differ as
// well.
static bool has_odd_params(const Judgement *j)
{
    for (uint32_t i = 0; i < j->bounds.n_nodes && j->bounds.rules[i] == RULE_PARAM; i++) {
        if (j->bounds.has_data[i] &&
            !bounds_explain(&j->bounds, j->bounds.data_bound[i], j->bounds.data[i])) {
            return true;
        }
    }
    return false;
}

// Differing parameters explain everything that follows from them; they are reported first only if
// nothing else is unexplained.
static void put_params_last(Judgement *j)
{
    size_t n_params = 0;
    while (n_params < j->n_kinds && j->kinds[n_params].in == IN_PARAMS) {
        n_params++;
    }
    for (size_t i = 0; i < n_params && n_params < j->n_kinds; i++) {
        UnexplainedKind kind = j->kinds[0];
        memmove(j->kinds, j->kinds + 1, (j->n_kinds - 1) * sizeof kind);
        j->kinds[j->n_kinds - 1] = kind;
    }
}

// Hypotheses change the bounds of data; this keeps the bounds before that for the report.
static void keep_bounds(Judgement *j)
{
    for (uint32_t i = 0; i < j->bounds.n_nodes; i++) {
        if (j->bounds.rules[i] != RULE_PARAM) {
            j->first_bounds[i] = j->bounds.data_bound[i];
        }
    }
}

static void keep_grad_bounds(Judgement *j)
{
    const Bounds *b = &j->bounds;
    size_t n_edges = b->dump->first_edge[b->n_nodes];
    memcpy(j->first_grad_bounds, b->grad_bound, b->n_nodes * sizeof *j->first_grad_bounds);
    memcpy(j->first_grad_used, b->grad_used, b->n_nodes * sizeof *j->first_grad_used);
    memcpy(j->first_local_grads, b->local_grads, n_edges * sizeof *j->first_local_grads);
}

static bool judge_all(Judgement *j, HypothesisSearch *search, Members *members, Error *error)
{
    bound_params(j);
    if (may_be_far_off(j)) {
        pass_turned_params(j);
    }
    if (!judge_one(j, IN_PARAMS, search, members, error)) {
        return false;
    }
    j->bounds.own_params = has_odd_params(j);
    bounds_compute_all_data(&j->bounds);
    keep_bounds(j);
    if (!judge_one(j, IN_DATA, search, members, error) || !bounds_reorder(&j->bounds, error)) {
        return false;
    }
    for (uint32_t i = 0; i < j->bounds.n_nodes; i++) { // it may pass gradients to other nodes
        j->bounds.is_odd[i] = j->bounds.is_odd[i] || j->diff->is_partly[i];
    }
    bounds_compute_all_grads(&j->bounds);
    keep_grad_bounds(j);
    order_grads(j, members, search->wanted);
    if (!judge_one(j, IN_LOCAL_GRADS, search, members, error) ||
        !judge_one(j, IN_GRAD, search, members, error)) {
        return false;
    }
    put_params_last(j);
    return true;
}

static bool judge_by_graph(Judgement *j, Error *error)
{
    const GraphDiff *diff = j->diff;
    const NodeDump *base = diff->dumps[diff->base];
    if (!bounds_init(&j->bounds, base, error) ||
        !path_kinds_init(&j->kinds_of_paths, base, error)) {
        return false;
    }
    if (j->is_single[0] || j->is_single[1]) {
        j->bounds.unit = (double)FLT_EPSILON / 2;
        j->bounds.tiny = (double)FLT_MIN;
    }
    take_values(j);
    j->unexplained = calloc(diff->n_nodes, sizeof *j->unexplained);
    j->first_bounds = malloc(diff->n_nodes * sizeof *j->first_bounds);
    j->first_grad_bounds = malloc(diff->n_nodes * sizeof *j->first_grad_bounds);
    j->first_grad_used = malloc(diff->n_nodes * sizeof *j->first_grad_used);
    j->first_local_grads =
        malloc((base->first_edge[diff->n_nodes] + (size_t)1) * sizeof *j->first_local_grads);
    Members members = {
        .nodes = malloc(diff->n_nodes * sizeof *members.nodes),
        .grad_order = malloc(diff->n_nodes * sizeof *members.grad_order),
    };
    HypothesisSearch search;
    bool ok = hypotheses_init(&search, &j->bounds, &j->kinds_of_paths, error) &&
              j->unexplained != NULL && j->first_bounds != NULL && j->first_grad_bounds != NULL &&
              j->first_grad_used != NULL && j->first_local_grads != NULL && members.nodes != NULL &&
              members.grad_order != NULL;
    if (!ok) {
        error_out_of_memory(error, "the judgement", diff->n_nodes * sizeof *members.nodes);
    }
    ok = ok && judge_all(j, &search, &members, error);
    hypotheses_free(&search);
    free(members.nodes);
    free(members.grad_order);
    return ok;
}

bool judgement_init(Judgement *judgement, const GraphDiff *diff, Error *error)
{
    assert(judgement != NULL && diff != NULL && error != NULL);
    *judgement = (Judgement){
        .diff = diff,
        .has_bounds = diff->has_graph,
        .subject = 1 - diff->base,
        .is_single = {precision_is_single(diff, 0), precision_is_single(diff, 1)},
    };
    bool ok = !diff->has_graph || judge_by_graph(judgement, error);
    if (!ok) {
        judgement_free(judgement);
    }
    return ok;
}

bool judgement_explains_all(const Judgement *j)
{
    const GraphDiff *diff = j->diff;
    bool is_compared = diff->structure.kind == STRUCTURE_SAME ||
                       (diff->by_path && diff->structure.kind != STRUCTURE_PATH);
    return graph_diff_is_same(diff) ||
           (j->has_bounds && is_compared && diff->grad.is_compared && j->n_unexplained == 0);
}

bool judgement_grads_follow(const Judgement *j)
{
    bool odd_data = false;
    for (size_t i = 0; i < j->n_kinds; i++) {
        odd_data = odd_data || j->kinds[i].in == IN_DATA;
        if (j->kinds[i].in == IN_GRAD || j->kinds[i].in == IN_LOCAL_GRADS) {
            return false;
        }
    }
    return odd_data;
}

Range judgement_bound(const Judgement *j, UnexplainedIn in, uint32_t node_id)
{
    return in == IN_GRAD ? j->first_grad_bounds[node_id] : j->first_bounds[node_id];
}

void judgement_contribution(const Judgement *j, uint32_t parent, uint32_t edge, Range *local_grad,
                            Range *grad)
{
    Bounds before = j->bounds;
    before.local_grads = j->first_local_grads;
    *local_grad = bounds_local_grad(&before, parent, edge);
    *grad = j->first_grad_used[parent];
}

void judgement_sizes(const Judgement *j, UnexplainedIn in, uint32_t node_id, double *off,
                     double *explained)
{
    Range bound = judgement_bound(j, in, node_id);
    double value = in == IN_GRAD ? diff_grad(j->diff, j->subject, node_id)
                                 : diff_data(j->diff, j->subject, node_id);
    double middle = range_middle(bound);
    double larger = fmax(fabs(value), fabs(middle));
    *off = fabs(value - middle) / larger;
    *explained = range_half_width(bound) / larger;
}

void judgement_free(Judgement *judgement)
{
    assert(judgement != NULL);
    bounds_free(&judgement->bounds);
    path_kinds_free(&judgement->kinds_of_paths);
    free(judgement->unexplained);
    free(judgement->first_bounds);
    free(judgement->first_grad_bounds);
    free(judgement->first_grad_used);
    free(judgement->first_local_grads);
    free(judgement->kinds);
    *judgement = (Judgement){0};
}
