// Aligns two graphs without names: see diff_align.h. A node's counterpart is one of those that are
// computed from the counterparts of its children.
#include "compare/diff_align.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "compare/graph_order.h"

enum {
    MAX_USES = 4096,  // of a child, among which the counterpart of a node is searched for
    MAX_TERMS = 4096, // of a sum whose terms are compared in any order
};

// How much two nodes are alike.
typedef enum Likeness {
    UNLIKE,
    PARTLY_LIKE, // some of their children correspond, and nothing is known about the others
    NEARLY_LIKE, // their children correspond, except for constants and operations with constants
    LIKE,
} Likeness;

typedef struct Alignment {
    const NodeDump *base;
    const NodeDump *other;
    GraphOrder base_order;
    GraphOrder order; // of the other graph
    uint32_t *counterpart;
    bool *is_partly;
    uint32_t *stands_for; // [base->n_nodes] the other graph's node that is the child in its place
    bool *is_taken;       // [other->n_nodes]
    size_t n_params;
} Alignment;

static bool is_constant(const Alignment *a, const NodeDump *dump, uint32_t node_id)
{
    return dump_n_children(dump, node_id) == 0 && node_id >= a->n_params;
}

static bool is_sum(const NodeDump *dump, uint32_t node_id)
{
    uint32_t edge = dump->first_edge[node_id];
    while (edge < dump->first_edge[node_id + 1] && dump->local_grads[edge] == 1) {
        edge++;
    }
    return edge == dump->first_edge[node_id + 1];
}

static bool is_near(double x, double y)
{
    return x == y || fabs(x - y) <= 1e-3 * fmax(fabs(x), fabs(y));
}

// Returns whether a node is its only child unchanged, as a sum of one term is.
static bool is_identity(const NodeDump *dump, uint32_t node_id)
{
    return dump_n_children(dump, node_id) == 1 && is_sum(dump, node_id) &&
           dump->data[node_id] == dump->data[dump_child(dump, node_id, 0)];
}

// Returns the only child that is not a constant, such as x in x + 0; NO_NODE if there are others,
// or none. If one graph omits the operation, the child takes the node's place there.
static uint32_t only_input(const Alignment *a, const NodeDump *dump, uint32_t node_id)
{
    uint32_t input = NO_NODE;
    for (uint32_t slot = 0; slot < dump_n_children(dump, node_id); slot++) {
        uint32_t child = dump_child(dump, node_id, slot);
        if (is_constant(a, dump, child) || child == input) {
            continue;
        }
        if (input != NO_NODE) {
            return NO_NODE;
        }
        input = child;
    }
    return input;
}

// Compares two children by the counterparts found before, or constants by their values.
static Likeness compare_children(const Alignment *a, uint32_t child, uint32_t other_child)
{
    bool is_kind_same = is_constant(a, a->base, child) == is_constant(a, a->other, other_child);
    if (is_kind_same && is_constant(a, a->base, child)) {
        double x = a->base->data[child];
        double y = a->other->data[other_child];
        bool one_is_zero = (x == 0) != (y == 0); // the start of a sum, but no other constant
        return is_near(x, y) ? LIKE : one_is_zero ? UNLIKE : NEARLY_LIKE;
    }
    if (a->stands_for[child] == other_child) {
        return LIKE;
    }
    bool is_open = is_kind_same && (a->counterpart[child] == NO_NODE || !a->is_taken[other_child]);
    while (other_child != NO_NODE && !a->is_taken[other_child]) {
        other_child = only_input(a, a->other, other_child);
        if (other_child != NO_NODE && a->stands_for[child] == other_child) {
            return NEARLY_LIKE;
        }
    }
    return is_open ? PARTLY_LIKE : UNLIKE;
}

// Returns whether a chain of sums of two adds up the children of one sum in the other graph.
static bool is_chain_of(const Alignment *a, uint32_t node_id, uint32_t other_id)
{
    uint32_t n = dump_n_children(a->other, other_id);
    while (n > 1 && is_sum(a->base, node_id) && dump_n_children(a->base, node_id) == 2) {
        uint32_t term = dump_child(a->base, node_id, 1);
        if (compare_children(a, term, dump_child(a->other, other_id, --n)) != LIKE) {
            return false;
        }
        node_id = dump_child(a->base, node_id, 0);
    }
    return n == 1 && compare_children(a, node_id, dump_child(a->other, other_id, 0)) == LIKE;
}

// Returns whether only a longer sum is computed from a sum. A ReLU that is on looks like a sum of
// one.
static bool goes_on(const NodeDump *dump, const GraphOrder *order, uint32_t node_id)
{
    uint32_t first = order->first_use[node_id];
    return is_sum(dump, node_id) && order->first_use[node_id + 1] == first + 1 &&
           is_sum(dump, order->use_parent[first]) &&
           dump_n_children(dump, order->use_parent[first]) > 1;
}

// Lists the terms of a sum, without the constants 0. Returns how many there are, or 0 if they are
// too many.
// Shapes: terms [MAX_TERMS].
static size_t list_terms(const Alignment *a, const NodeDump *dump, const GraphOrder *order,
                         uint32_t node_id, uint32_t *terms)
{
    size_t n = 0;
    size_t n_open = 1;
    terms[0] = node_id;
    while (n < n_open) { // those before n are terms, and those from n on are not yet known to be
        uint32_t id = terms[n];
        uint32_t n_children = dump_n_children(dump, id);
        bool is_open =
            n_children > 0 && is_sum(dump, id) && (id == node_id || goes_on(dump, order, id));
        if (!is_open && !(is_constant(a, dump, id) && dump->data[id] == 0)) {
            n++;
            continue;
        }
        terms[n] = terms[--n_open];
        for (uint32_t slot = 0; is_open && slot < n_children; slot++) {
            if (n_open == MAX_TERMS) {
                return 0;
            }
            terms[n_open++] = dump_child(dump, id, slot);
        }
    }
    return n;
}

// Returns whether two sums have the same terms, in any order.
static bool has_same_terms(const Alignment *a, uint32_t node_id, uint32_t other_id)
{
    uint32_t terms[MAX_TERMS];
    uint32_t others[MAX_TERMS];
    size_t n = list_terms(a, a->base, &a->base_order, node_id, terms);
    if (n < 2 || list_terms(a, a->other, &a->order, other_id, others) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        while (k < n && others[k] != a->counterpart[terms[i]]) {
            k++;
        }
        if (k == n) {
            return false;
        }
        others[k] = others[i];
    }
    return true;
}

static Likeness compare_nodes(const Alignment *a, uint32_t node_id, uint32_t other_id)
{
    uint32_t n = dump_n_children(a->base, node_id);
    if (a->is_taken[other_id]) {
        return UNLIKE;
    }
    if (n == 2 && dump_n_children(a->other, other_id) > 2 && is_sum(a->other, other_id)) {
        return is_chain_of(a, node_id, other_id) ? LIKE : UNLIKE;
    }
    // An identity may be a ReLU that is on, but no other operation.
    bool is_other_operation = is_identity(a->other, other_id) && !is_identity(a->base, node_id) &&
                              a->base->data[node_id] != 0;
    if (n != dump_n_children(a->other, other_id) || is_other_operation) {
        return UNLIKE;
    }
    Likeness least = LIKE;
    Likeness most = UNLIKE;
    for (uint32_t slot = 0; slot < n; slot++) {
        uint32_t child = dump_child(a->base, node_id, slot);
        Likeness likeness = compare_children(a, child, dump_child(a->other, other_id, slot));
        least = likeness < least ? likeness : least;
        most = likeness > most && !is_constant(a, a->base, child) ? likeness : most;
    }
    bool is_same_kind = is_sum(a->base, node_id) == is_sum(a->other, other_id);
    if (least == PARTLY_LIKE && goes_on(a->base, &a->base_order, node_id)) {
        return UNLIKE; // a part of a sum that is added up in another order
    }
    return least == LIKE || (most == LIKE && is_same_kind) ? least : UNLIKE;
}

static void take(Alignment *a, uint32_t node_id, uint32_t other_id, Likeness likeness)
{
    a->is_partly[node_id] = likeness < LIKE;
    a->counterpart[node_id] = other_id;
    a->stands_for[node_id] = other_id;
    a->is_taken[other_id] = true;
}

// Constants are computed from nothing: they correspond if those that are computed from them do.
static void take_constants(Alignment *a, uint32_t node_id, uint32_t other_id)
{
    uint32_t n = dump_n_children(a->base, node_id);
    for (uint32_t slot = 0; slot < n && n == dump_n_children(a->other, other_id); slot++) {
        uint32_t child = dump_child(a->base, node_id, slot);
        uint32_t other_child = dump_child(a->other, other_id, slot);
        bool are_constants =
            is_constant(a, a->base, child) && is_constant(a, a->other, other_child);
        if (are_constants && a->counterpart[child] == NO_NODE && !a->is_taken[other_child]) {
            take(a, child, other_child, LIKE);
        }
    }
}

// Returns the sum that a part of it belongs to.
static uint32_t end_of_sum(const Alignment *a, uint32_t node_id)
{
    while (goes_on(a->other, &a->order, node_id)) {
        node_id = a->order.use_parent[a->order.first_use[node_id]];
    }
    return node_id;
}

// Finds the node that is most like this one; the first one if there are several.
static void find_like(Alignment *a, uint32_t node_id)
{
    Likeness most = UNLIKE;
    uint32_t found = NO_NODE;
    for (uint32_t slot = 0; slot < dump_n_children(a->base, node_id); slot++) {
        uint32_t child = a->stands_for[dump_child(a->base, node_id, slot)];
        if (child == NO_NODE || is_constant(a, a->other, child)) {
            continue;
        }
        uint32_t first = a->order.first_use[child];
        uint32_t n = a->order.first_use[child + 1] - first;
        for (uint32_t use = first; use < first + (n < MAX_USES ? n : MAX_USES); use++) {
            uint32_t other_id = a->order.use_parent[use];
            Likeness likeness = compare_nodes(a, node_id, other_id);
            if (likeness < LIKE) {
                uint32_t end = end_of_sum(a, other_id);
                bool is_same = !a->is_taken[end] && has_same_terms(a, node_id, end);
                likeness = is_same ? LIKE : likeness;
                other_id = is_same ? end : other_id;
            }
            if (likeness > most || (likeness == most && most > UNLIKE && other_id < found)) {
                most = likeness;
                found = other_id;
            }
        }
    }
    if (found != NO_NODE) {
        take(a, node_id, found, most);
        take_constants(a, node_id, found);
        return;
    }
    uint32_t input = only_input(a, a->base, node_id);
    a->stands_for[node_id] = input != NO_NODE ? a->stands_for[input] : NO_NODE;
}

static void align(Alignment *a, size_t *n_aligned)
{
    for (uint32_t i = 0; i < a->base->n_nodes; i++) {
        a->stands_for[i] = NO_NODE;
        if (i < a->n_params) {
            take(a, i, i, LIKE);
        } else {
            find_like(a, i);
        }
    }
    for (uint32_t i = 0; i < a->base->n_nodes; i++) {
        *n_aligned += a->counterpart[i] != NO_NODE;
    }
}

bool diff_align(const NodeDump *base, const NodeDump *other, uint32_t *counterpart, bool *is_partly,
                size_t *n_aligned, Error *error)
{
    assert(!base->is_sparse && !other->is_sparse);
    Alignment alignment = {
        .base = base,
        .other = other,
        .counterpart = counterpart,
        .is_partly = is_partly,
        .stands_for = malloc(base->n_nodes * sizeof *alignment.stands_for),
        .is_taken = calloc(other->n_nodes, sizeof *alignment.is_taken),
        .n_params = dump_n_leading_leaves(base),
    };
    bool ok = alignment.stands_for != NULL && alignment.is_taken != NULL;
    if (!ok) {
        error_out_of_memory(error, "the alignment of graphs",
                            base->n_nodes * sizeof *alignment.stands_for);
    }
    ok = ok && graph_order_init(&alignment.base_order, base->n_nodes, base->first_edge,
                                base->children, error);
    ok = ok && graph_order_init(&alignment.order, other->n_nodes, other->first_edge,
                                other->children, error);
    *n_aligned = 0;
    for (uint32_t i = 0; i < base->n_nodes && ok; i++) {
        counterpart[i] = NO_NODE;
        is_partly[i] = false;
    }
    // If the parameters are different, there is nothing to start from.
    if (ok && dump_n_leading_leaves(other) >= alignment.n_params) { // constants may follow
        align(&alignment, n_aligned);
    }
    graph_order_free(&alignment.base_order);
    graph_order_free(&alignment.order);
    free(alignment.stands_for);
    free(alignment.is_taken);
    return ok;
}
