// The comparison of two dumps: see graph_diff.h.
#include "compare/graph_diff.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/dump_pairs.h"

// What is known of a node.
enum {
    SELECTED = 1 << 0,
    OTHER_SHAPE = 1 << 1,    // other children or another operation than in the other dump
    DATA_DIFFERS = 1 << 2,   // known on both sides, and different
    DATA_TAINTED = 1 << 3,   // different, or not known but made of what is
    LOCAL_DIFFERS = 1 << 4,  // any of its local gradients
    GRAD_DIFFERS = 1 << 5,   // as DATA_DIFFERS
    GRAD_TAINTED = 1 << 6,   // as DATA_TAINTED, against the direction of the graph
    GRAD_EXPLAINED = 1 << 7, // its contributions differ, or who contributes
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

bool diff_has_grads(const GraphDiff *diff, uint32_t node_id)
{
    uint32_t other = diff->counterpart[node_id];
    return other != NO_NODE && diff->dumps[diff->base]->has_grad[node_id] &&
           diff->dumps[1 - diff->base]->has_grad[other];
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

static void count_cause(const GraphDiff *diff, Finding *finding, uint32_t node_id)
{
    if (!has_mark(diff, node_id, SELECTED)) {
        finding->n_elsewhere++;
        return;
    }
    if (finding->n_causes < DIFF_MAX_CAUSES) {
        finding->causes[finding->n_causes] = node_id;
    }
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

// Whether an operation is one that all of our dumps call so.
static bool is_known_op(const char *op)
{
    static const char *const known[] = {"add", "mul", "pow", "log", "exp", "relu"};
    for (size_t i = 0; op != NULL && i < sizeof known / sizeof *known; i++) {
        if (strcmp(op, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

static StructureKind compare_structure_of_node(const NodeDump *a, const NodeDump *b, size_t node_id)
{
    uint32_t n_children = dump_n_children(a, node_id);
    if (n_children != dump_n_children(b, node_id)) {
        return STRUCTURE_N_CHILDREN;
    }
    if (n_children > 0 &&
        memcmp(a->children + a->first_edge[node_id], b->children + b->first_edge[node_id],
               n_children * sizeof *a->children) != 0) {
        return STRUCTURE_CHILDREN;
    }
    const char *op_a = dump_op(a, node_id);
    const char *op_b = dump_op(b, node_id);
    bool other_op = is_known_op(op_a) && is_known_op(op_b) && strcmp(op_a, op_b) != 0;
    return other_op ? STRUCTURE_OP : STRUCTURE_SAME;
}

// The gradients of these nodes come from other nodes than in the other dump.
static void mark_children_explained(GraphDiff *diff, const NodeDump *dump, uint32_t node_id)
{
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        set_mark(diff, dump->children[edge], GRAD_EXPLAINED);
    }
}

// Finds the nodes whose operation or children differ. Where the node counts differ, whatever stands
// behind the first of them is not the same node any more: only what stands before is compared.
static void compare_structure(GraphDiff *diff)
{
    const NodeDump *a = diff->dumps[0];
    const NodeDump *b = diff->dumps[1];
    uint32_t n_both = (uint32_t)(a->n_nodes < b->n_nodes ? a->n_nodes : b->n_nodes);
    bool same_count = a->n_nodes == b->n_nodes;
    StructureFinding *found = &diff->structure;
    for (uint32_t node_id = 0; node_id < n_both; node_id++) {
        StructureKind kind = compare_structure_of_node(a, b, node_id);
        diff->counterpart[node_id] = node_id;
        if (kind == STRUCTURE_SAME) {
            continue;
        }
        if (!same_count) {
            *found = (StructureFinding){kind, node_id, 1};
            diff->counterpart[node_id] = NO_NODE;
            return;
        }
        if (has_mark(diff, node_id, SELECTED)) {
            found->kind = found->n_differ == 0 ? kind : found->kind;
            found->first = found->n_differ == 0 ? node_id : found->first;
            found->n_differ++;
        }
        set_mark(diff, node_id, OTHER_SHAPE);
        mark_children_explained(diff, a, node_id);
        mark_children_explained(diff, b, node_id);
    }
    if (!same_count) {
        *found = (StructureFinding){STRUCTURE_N_NODES, n_both, 1};
    }
}

// Constants that are worked out from data without being connected to it: softmax takes the largest
// logit off as a plain number, so a leaf -max differs because that logit does. They are recognised
// by their value: on each side the negative of a node before them that differs. The sets are hash
// tables of the bits of such values.
typedef struct ValueSets {
    uint64_t *slots[2]; // one set for A's values, one for B's; 0: free
    size_t mask;
} ValueSets;

static size_t find_slot(const ValueSets *sets, int side, double x, uint64_t *key)
{
    memcpy(key, &x, sizeof *key);
    *key += *key == 0; // 0 marks a free slot, and +0.0 is no value to recognise anything by
    size_t slot = (size_t)(*key * UINT64_C(0x9E3779B97F4A7C15) >> 20) & sets->mask;
    while (sets->slots[side][slot] != 0 && sets->slots[side][slot] != *key) {
        slot = (slot + 1) & sets->mask;
    }
    return slot;
}

static void remember_value(ValueSets *sets, int side, double x)
{
    uint64_t key;
    size_t slot = find_slot(sets, side, x, &key);
    sets->slots[side][slot] = key;
}

static bool is_remembered(const ValueSets *sets, int side, double x)
{
    uint64_t key;
    return sets->slots[side][find_slot(sets, side, x, &key)] != 0;
}

static bool value_sets_init(ValueSets *sets, size_t n_values, Error *error)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n_values) {
        n_slots *= 2;
    }
    sets->mask = n_slots - 1;
    sets->slots[0] = calloc(2 * n_slots, sizeof *sets->slots[0]);
    if (sets->slots[0] == NULL) {
        return error_out_of_memory(error, "the comparison", 2 * n_slots * sizeof *sets->slots[0]);
    }
    sets->slots[1] = sets->slots[0] + n_slots;
    return true;
}

// Whether anything that a node was made of is known to differ.
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

static bool is_leaf(const GraphDiff *diff, uint32_t node_id)
{
    return dump_n_children(base_dump(diff), node_id) == 0;
}

// A differing node is a cause, or follows from its children, from its other shape, or from another
// node by value.
static void judge_data(GraphDiff *diff, ValueSets *sets, uint32_t node_id, bool is_param)
{
    double a = diff_data(diff, 0, node_id);
    double b = diff_data(diff, 1, node_id);
    bool follows = has_tainted_child(diff, node_id) || has_mark(diff, node_id, OTHER_SHAPE) ||
                   (is_leaf(diff, node_id) && !is_param && is_remembered(sets, 0, -a) &&
                    is_remembered(sets, 1, -b));
    count_difference(diff, &diff->data, node_id);
    if (!follows) {
        count_cause(diff, &diff->data, node_id);
    }
    set_mark(diff, node_id, DATA_DIFFERS | DATA_TAINTED);
    remember_value(sets, 0, a);
    remember_value(sets, 1, b);
}

static bool compare_data(GraphDiff *diff, Error *error)
{
    ValueSets sets = {{NULL, NULL}, 0};
    if (!value_sets_init(&sets, diff->n_nodes, error)) {
        return false;
    }
    bool is_param = true;
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        is_param = is_param && is_leaf(diff, node_id);
        if (!is_known(diff, node_id)) {
            if (has_tainted_child(diff, node_id)) {
                set_mark(diff, node_id, DATA_TAINTED);
            }
        } else if (numbers_differ(diff_data(diff, 0, node_id), diff_data(diff, 1, node_id),
                                  diff->rules.max_ulp)) {
            judge_data(diff, &sets, node_id, is_param);
        }
    }
    free(sets.slots[0]);
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

// Local gradients are made of the data around them: where that agrees, they are causes themselves.
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

// Whether what a parent passes on along an edge differs, or cannot but differ.
static bool is_contribution_tainted(const GraphDiff *diff, uint32_t parent)
{
    if (has_mark(diff, parent, GRAD_TAINTED | OTHER_SHAPE)) {
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

// In the order of backward; without a graph from the last value to the first, which is near it.
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
    if (diff->counterpart == NULL || diff->marks == NULL) {
        return error_out_of_memory(error, "the comparison", n_nodes * sizeof *diff->counterpart);
    }
    memset(diff->counterpart, 0xFF, n_nodes * sizeof *diff->counterpart); // NO_NODE everywhere
    return true;
}

// Finds out which node of one dump is which of the other.
static bool pair_nodes(GraphDiff *diff, Error *error)
{
    const NodeDump *base = base_dump(diff);
    const NodeDump *other = diff->dumps[1 - diff->base];
    if (!diff->by_path) {
        compare_structure(diff);
        return true;
    }
    uint32_t first_only_other;
    if (!dump_pair_by_path(base, other, diff->counterpart, &diff->n_only_other, &first_only_other,
                           error)) {
        return false;
    }
    if (diff->n_only_other > 0 && diff->has_graph) { // a full dump has all there is
        diff->structure = (StructureFinding){STRUCTURE_PATH, first_only_other, diff->n_only_other};
    }
    return true;
}

static bool compare(GraphDiff *diff, Error *error)
{
    if (!select_nodes(diff, error) || !pair_nodes(diff, error) || !compare_data(diff, error)) {
        return false;
    }
    if (!diff->by_path) {
        compare_local_grads(diff);
    }
    diff->grad.is_compared = diff->by_path || diff->dumps[0]->n_nodes == diff->dumps[1]->n_nodes;
    if (diff->has_graph && !graph_order_init(&diff->order, base_dump(diff), error)) {
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
        .local_grads = {.is_compared = !a->is_sparse && !b->is_sparse, .first_differ = NO_NODE},
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
    graph_order_free(&diff->order);
    *diff = (GraphDiff){0};
}

bool graph_diff_is_same(const GraphDiff *diff)
{
    return diff->structure.kind == STRUCTURE_SAME && diff->data.n_differ == 0 &&
           diff->local_grads.n_differ == 0 && diff->grad.n_differ == 0;
}
