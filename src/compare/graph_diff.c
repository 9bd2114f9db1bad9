// The comparison of two dumps: see graph_diff.h.
#include "compare/graph_diff.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "compare/diff_structure.h"
#include "compare/document_length.h"
#include "compare/missing_grads.h"
#include "compare/softmax_groups.h"

// Marks of a node.
enum {
    SELECTED = 1 << 0,
    OTHER_SHAPE = 1 << 1,    // its children or operation differ from those in the other dump
    DATA_DIFFERS = 1 << 2,   // known on both sides, and different
    DATA_TAINTED = 1 << 3,   // different, or not known and computed from something different
    LOCAL_DIFFERS = 1 << 4,  // any of its local gradients
    GRAD_DIFFERS = 1 << 5,   // as DATA_DIFFERS
    GRAD_TAINTED = 1 << 6,   // as DATA_TAINTED, against the direction of the graph
    GRAD_EXPLAINED = 1 << 7, // its contributions differ, or the nodes that contribute
    DATA_CAUSE = 1 << 8,     // selected, and none of its inputs differs
    LOCAL_CAUSE = 1 << 9,
    GRAD_CAUSE = 1 << 10,
};

static uint32_t node_of_side(const GraphDiff *diff, int side, uint32_t node_id)
{
    uint32_t id = side == diff->base ? node_id : diff->counterpart[node_id];
    assert(id != NO_NODE);
    return id;
}

double diff_data(const GraphDiff *diff, int side, uint32_t node_id)
{
    return diff->dumps[side]->data[node_of_side(diff, side, node_id)];
}

double diff_grad(const GraphDiff *diff, int side, uint32_t node_id)
{
    return diff->dumps[side]->grad[node_of_side(diff, side, node_id)];
}

bool diff_has_data(const GraphDiff *diff, int side, uint32_t node_id)
{
    return side == diff->base || diff->counterpart[node_id] != NO_NODE;
}

bool diff_has_grad(const GraphDiff *diff, int side, uint32_t node_id)
{
    return diff->has_grad[side][node_id];
}

bool diff_has_grads(const GraphDiff *diff, uint32_t node_id)
{
    return diff_has_grad(diff, 0, node_id) && diff_has_grad(diff, 1, node_id);
}

const double *diff_local_grads(const GraphDiff *diff, int side, uint32_t node_id)
{
    const NodeDump *dump = diff->dumps[side];
    size_t edge = dump->first_edge[node_of_side(diff, side, node_id)];
    return dump->local_grads != NULL ? dump->local_grads + edge : NULL; // a dump without an edge
}

static const NodeDump *base_dump(const GraphDiff *diff)
{
    return diff->dumps[diff->base];
}

static bool is_known(const GraphDiff *diff, uint32_t node_id)
{
    return diff->counterpart[node_id] != NO_NODE;
}

static bool has_mark(const GraphDiff *diff, uint32_t node_id, int mark)
{
    return (diff->marks[node_id] & mark) != 0;
}

static void set_mark(GraphDiff *diff, uint32_t node_id, int mark)
{
    diff->marks[node_id] = (uint16_t)(diff->marks[node_id] | mark);
}

bool diff_is_selected(const GraphDiff *diff, uint32_t node_id)
{
    return has_mark(diff, node_id, SELECTED);
}

bool diff_has_other_shape(const GraphDiff *diff, uint32_t node_id)
{
    return has_mark(diff, node_id, OTHER_SHAPE);
}

// Marks the gradients of the children as explained: they come from other nodes than in the other
// dump.
static void mark_children_explained(GraphDiff *diff, const NodeDump *dump, uint32_t node_id)
{
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        set_mark(diff, dump->children[edge], GRAD_EXPLAINED);
    }
}

void diff_mark_other_shape(GraphDiff *diff, uint32_t node_id)
{
    set_mark(diff, node_id, OTHER_SHAPE);
    mark_children_explained(diff, diff->dumps[0], node_id);
    mark_children_explained(diff, diff->dumps[1], node_id);
}

static bool select_nodes(GraphDiff *diff, Error *error)
{
    const NodeDump *base = base_dump(diff);
    const char *only = diff->rules.only;
    if (only != NULL && !base->has_names) {
        return error_set(error, "--only: the nodes of %.200s have no names, and %s",
                         base->file_name, DUMP_OTHER_SIZES);
    }
    size_t n_selected = 0;
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        if (only == NULL || path_matches(only, dump_path(base, node_id))) {
            set_mark(diff, node_id, SELECTED);
            n_selected++;
        }
    }
    return n_selected > 0 ||
           error_set(error, "--only: no path of %.200s is like '%.100s'", base->file_name, only);
}

static void count_difference(const GraphDiff *diff, Finding *finding, uint32_t node_id)
{
    if (has_mark(diff, node_id, SELECTED)) {
        if (finding->n_differ == 0) {
            finding->first_differ = node_id;
        }
        finding->n_differ++;
    }
}

static int mark_of_causes(const GraphDiff *diff, const Finding *finding)
{
    if (finding == &diff->grad) {
        return GRAD_CAUSE;
    }
    return finding == &diff->data ? DATA_CAUSE : LOCAL_CAUSE;
}

bool diff_is_cause(const GraphDiff *diff, const Finding *finding, uint32_t node_id)
{
    return has_mark(diff, node_id, mark_of_causes(diff, finding));
}

bool diff_data_differ(const GraphDiff *diff, uint32_t node_id)
{
    return has_mark(diff, node_id, SELECTED) && has_mark(diff, node_id, DATA_DIFFERS);
}

bool diff_grads_differ(const GraphDiff *diff, uint32_t node_id)
{
    return has_mark(diff, node_id, SELECTED) && has_mark(diff, node_id, GRAD_DIFFERS);
}

static void count_cause(GraphDiff *diff, Finding *finding, uint32_t node_id)
{
    if (!has_mark(diff, node_id, SELECTED)) {
        finding->n_elsewhere++;
        return;
    }
    if (finding->n_causes < DIFF_MAX_CAUSES) {
        finding->causes[finding->n_causes] = node_id;
    }
    set_mark(diff, node_id, mark_of_causes(diff, finding));
    finding->n_causes++;
}

static void count_in_tally(Tally *tally, double a, double b, bool differs)
{
    tally->n_nodes++;
    if (!differs) {
        return;
    }
    uint64_t ulp = ulp_distance(a, b);
    double relative = relative_difference(a, b);
    tally->n_differ++;
    tally->max_ulp = ulp > tally->max_ulp ? ulp : tally->max_ulp;
    tally->max_relative = relative > tally->max_relative ? relative : tally->max_relative;
}

// Returns whether any input of a node is known to differ.
static bool has_tainted_child(const GraphDiff *diff, uint32_t node_id)
{
    const NodeDump *dump = base_dump(diff);
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        if (has_mark(diff, dump->children[edge], DATA_TAINTED)) {
            return true;
        }
    }
    return false;
}

// Returns whether a constant is the maximum that softmax subtracts, and any of its inputs is known
// to differ.
static bool has_tainted_input(const GraphDiff *diff, const SoftmaxGroups *softmaxes,
                              uint32_t node_id)
{
    uint32_t group_id = diff->has_graph ? softmaxes->group_of[node_id] : NO_NODE;
    if (group_id == NO_NODE) {
        return false;
    }
    SoftmaxGroup group = softmaxes->groups[group_id];
    for (uint32_t i = group.first; i < group.first + group.n; i++) {
        if (has_mark(diff, softmaxes->inputs[i], DATA_TAINTED)) {
            return true;
        }
    }
    return false;
}

// A differing node is a cause, or follows from its children, from a different shape, or from the
// inputs of its softmax.
static void judge_data(GraphDiff *diff, const SoftmaxGroups *softmaxes, uint32_t node_id)
{
    bool follows = has_tainted_child(diff, node_id) || has_mark(diff, node_id, OTHER_SHAPE) ||
                   has_tainted_input(diff, softmaxes, node_id);
    count_difference(diff, &diff->data, node_id);
    if (!follows) {
        count_cause(diff, &diff->data, node_id);
    }
    set_mark(diff, node_id, DATA_DIFFERS | DATA_TAINTED);
}

static bool compare_data(GraphDiff *diff, Error *error)
{
    SoftmaxGroups softmaxes = {.groups = NULL};
    if (diff->has_graph && !softmax_groups_init(&softmaxes, base_dump(diff), error)) {
        return false;
    }
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        if (!is_known(diff, node_id)) {
            if (has_tainted_child(diff, node_id) || has_tainted_input(diff, &softmaxes, node_id)) {
                set_mark(diff, node_id, DATA_TAINTED);
            }
        } else if (numbers_differ(diff_data(diff, 0, node_id), diff_data(diff, 1, node_id),
                                  diff->rules.max_ulp)) {
            judge_data(diff, &softmaxes, node_id);
        }
    }
    softmax_groups_free(&softmaxes);
    return true;
}

static bool local_grads_differ(const GraphDiff *diff, uint32_t node_id)
{
    const double *a = diff_local_grads(diff, 0, node_id);
    const double *b = diff_local_grads(diff, 1, node_id);
    for (uint32_t i = 0; i < dump_n_children(base_dump(diff), node_id); i++) {
        if (numbers_differ(a[i], b[i], diff->rules.max_ulp)) {
            return true;
        }
    }
    return false;
}

// Local gradients are computed from data. If the data agree, the local gradients are themselves
// causes.
static void compare_local_grads(GraphDiff *diff)
{
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        if (!is_known(diff, node_id) || has_mark(diff, node_id, OTHER_SHAPE) ||
            !local_grads_differ(diff, node_id)) {
            continue;
        }
        set_mark(diff, node_id, LOCAL_DIFFERS);
        count_difference(diff, &diff->local_grads, node_id);
        if (!has_mark(diff, node_id, DATA_TAINTED) && !has_tainted_child(diff, node_id)) {
            count_cause(diff, &diff->local_grads, node_id);
        }
    }
}

bool diff_is_reachable(const GraphDiff *diff, uint32_t node_id)
{
    return diff->order.is_reachable[node_id];
}

// Returns whether the contribution of a parent along an edge differs, or must differ.
static bool is_contribution_tainted(const GraphDiff *diff, uint32_t parent)
{
    if (has_mark(diff, parent, GRAD_TAINTED | OTHER_SHAPE) || diff->is_partly[parent]) {
        return true;
    }
    if (!diff->by_path) {
        return has_mark(diff, parent, LOCAL_DIFFERS);
    }
    return has_mark(diff, parent, DATA_TAINTED) || has_tainted_child(diff, parent);
}

static bool has_tainted_use(const GraphDiff *diff, uint32_t node_id)
{
    for (uint32_t use = diff->order.first_use[node_id]; use < diff->order.first_use[node_id + 1];
         use++) {
        if (is_contribution_tainted(diff, diff->order.use_parent[use])) {
            return true;
        }
    }
    return false;
}

static void compare_grad_of_node(GraphDiff *diff, uint32_t node_id)
{
    bool follows = has_mark(diff, node_id, GRAD_EXPLAINED) ||
                   (diff->has_graph && has_tainted_use(diff, node_id));
    if (!diff_has_grads(diff, node_id)) {
        if (follows) {
            set_mark(diff, node_id, GRAD_TAINTED);
        }
        return;
    }
    double a = diff_grad(diff, 0, node_id);
    double b = diff_grad(diff, 1, node_id);
    if (!numbers_differ(a, b, diff->rules.max_ulp)) {
        return;
    }
    set_mark(diff, node_id, GRAD_DIFFERS | GRAD_TAINTED);
    count_difference(diff, &diff->grad, node_id);
    if (!follows) {
        count_cause(diff, &diff->grad, node_id);
    }
}

// Compares in the order of backward; without a graph, from the last value to the first, which is
// similar.
static void compare_grads(GraphDiff *diff)
{
    for (size_t i = 0; i < diff->n_nodes; i++) {
        size_t from_end = diff->n_nodes - 1 - i;
        compare_grad_of_node(diff, diff->has_graph ? diff->order.backward[i] : (uint32_t)from_end);
    }
}

static void fill_tallies(GraphDiff *diff)
{
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        if (!is_known(diff, node_id) || !has_mark(diff, node_id, SELECTED)) {
            continue;
        }
        ModelPart part = model_part_of_path(dump_path(base_dump(diff), node_id));
        count_in_tally(&diff->data_of_part[part], diff_data(diff, 0, node_id),
                       diff_data(diff, 1, node_id), has_mark(diff, node_id, DATA_DIFFERS));
        if (diff_has_grads(diff, node_id)) {
            count_in_tally(&diff->grad_of_part[part], diff_grad(diff, 0, node_id),
                           diff_grad(diff, 1, node_id), has_mark(diff, node_id, GRAD_DIFFERS));
        }
        diff->n_paired++;
    }
}

static bool allocate(GraphDiff *diff, Error *error)
{
    size_t n_nodes = diff->n_nodes;
    diff->counterpart = malloc(n_nodes * sizeof *diff->counterpart);
    diff->marks = calloc(n_nodes, sizeof *diff->marks);
    diff->is_partly = calloc(n_nodes, sizeof *diff->is_partly);
    diff->has_grad[0] = calloc(n_nodes, sizeof *diff->has_grad[0]);
    diff->has_grad[1] = calloc(n_nodes, sizeof *diff->has_grad[1]);
    if (diff->counterpart == NULL || diff->marks == NULL || diff->is_partly == NULL ||
        diff->has_grad[0] == NULL || diff->has_grad[1] == NULL) {
        return error_out_of_memory(error, "the comparison", n_nodes * sizeof *diff->counterpart);
    }
    memset(diff->counterpart, 0xFF, n_nodes * sizeof *diff->counterpart); // NO_NODE everywhere
    return true;
}

// Finds out which side has gradients of which nodes.
static bool find_grads(GraphDiff *diff, Error *error)
{
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < diff->n_nodes; i++) {
            diff->has_grad[side][i] = diff_has_data(diff, side, i) &&
                                      diff->dumps[side]->has_grad[node_of_side(diff, side, i)];
        }
    }
    return missing_grads_find(diff, 0, error) && missing_grads_find(diff, 1, error);
}

static bool order_nodes(GraphDiff *diff, Error *error)
{
    const NodeDump *base = base_dump(diff);
    return graph_order_init(&diff->order, base->n_nodes, base->first_edge, base->children, error);
}

static bool compare(GraphDiff *diff, Error *error)
{
    if (!select_nodes(diff, error) || !diff_pair_nodes(diff, error) || !compare_data(diff, error) ||
        !find_grads(diff, error)) {
        return false;
    }
    diff->local_grads.is_compared = !diff->by_path;
    if (!diff->by_path) {
        compare_local_grads(diff);
    }
    bool is_same_length =
        !document_lengths_differ(document_length(diff->dumps[0]), document_length(diff->dumps[1]));
    diff->grad.is_compared =
        is_same_length && (diff->by_path || diff->dumps[0]->n_nodes == diff->dumps[1]->n_nodes);
    if (diff->has_graph && !order_nodes(diff, error)) {
        return false;
    }
    if (diff->grad.is_compared) {
        compare_grads(diff);
    }
    fill_tallies(diff);
    return true;
}

bool graph_diff(GraphDiff *diff, const NodeDump *a, const NodeDump *b, const DiffRules *rules,
                Error *error)
{
    assert(diff != NULL && a != NULL && b != NULL && rules != NULL && error != NULL);
    int base = a->is_sparse && !b->is_sparse ? 1 : 0;
    const NodeDump *shown = base == 0 ? a : b;
    *diff = (GraphDiff){
        .dumps = {a, b},
        .base = base,
        .by_path = a->is_sparse || b->is_sparse,
        .has_graph = !shown->is_sparse,
        .rules = *rules,
        .n_nodes = shown->n_nodes,
        .data = {.is_compared = true, .first_differ = NO_NODE},
        .local_grads = {.first_differ = NO_NODE},
        .grad = {.first_differ = NO_NODE},
        .structure = {.first = NO_NODE},
    };
    bool ok = allocate(diff, error) && compare(diff, error);
    if (!ok) {
        graph_diff_free(diff);
    }
    return ok;
}

void graph_diff_free(GraphDiff *diff)
{
    assert(diff != NULL);
    free(diff->counterpart);
    free(diff->marks);
    free(diff->is_partly);
    free(diff->has_grad[0]);
    free(diff->has_grad[1]);
    graph_order_free(&diff->order);
    *diff = (GraphDiff){0};
}

bool graph_diff_is_same(const GraphDiff *diff)
{
    return diff->structure.kind == STRUCTURE_SAME && diff->data.n_differ == 0 &&
           diff->local_grads.n_differ == 0 && diff->grad.n_differ == 0;
}
