// Aligns two graphs without names: see diff_align.h. Both were made in the same order, except for
// nodes that one of them omits or adds. So the counterpart of a node is searched for a little ahead
// of the last counterpart found.
#include "compare/diff_align.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    WINDOW = 256, // how far ahead a counterpart is searched for
};

typedef struct Alignment {
    const NodeDump *base;
    const NodeDump *other;
    uint32_t *counterpart;
    uint32_t *stands_for; // [base->n_nodes] the other graph's node that is the child in its place
    bool *is_taken;       // [other->n_nodes]
    size_t next;          // in the other graph, one past the last node found
    size_t n_params;
} Alignment;

static bool is_constant(const Alignment *a, uint32_t node_id)
{
    return dump_n_children(a->base, node_id) == 0 && node_id >= a->n_params;
}

static bool is_zero(const Alignment *a, uint32_t node_id)
{
    return is_constant(a, node_id) && a->base->data[node_id] == 0;
}

// Returns the child that a sum equals because the other one is a constant 0; NO_NODE if there is
// none.
static uint32_t same_as(const Alignment *a, uint32_t node_id)
{
    if (dump_n_children(a->base, node_id) != 2) {
        return NO_NODE;
    }
    uint32_t left = dump_child(a->base, node_id, 0);
    uint32_t right = dump_child(a->base, node_id, 1);
    const double *local_grads = a->base->local_grads + a->base->first_edge[node_id];
    bool is_sum = local_grads[0] == 1 && local_grads[1] == 1;
    return is_sum && is_zero(a, right) ? left : NO_NODE;
}

static bool is_near(double x, double y)
{
    return x == y || fabs(x - y) <= 1e-3 * fmax(fabs(x), fabs(y));
}

// Returns whether a child in the base corresponds to this child in the other graph: by the nodes
// found before, or for a constant by its value.
static bool stands_for(const Alignment *a, uint32_t child, uint32_t other_child)
{
    bool is_other_constant =
        dump_n_children(a->other, other_child) == 0 && other_child >= a->n_params;
    return is_constant(a, child)
               ? is_other_constant && is_near(a->base->data[child], a->other->data[other_child])
               : a->stands_for[child] == other_child;
}

// Returns whether both nodes have the same inputs, and no different operations.
static bool is_like(const Alignment *a, uint32_t node_id, uint32_t other_id)
{
    uint32_t n = dump_n_children(a->base, node_id);
    if (a->is_taken[other_id] || dump_n_children(a->other, other_id) != n) {
        return false;
    }
    for (uint32_t slot = 0; slot < n; slot++) {
        if (!stands_for(a, dump_child(a->base, node_id, slot),
                        dump_child(a->other, other_id, slot))) {
            return false;
        }
    }
    return n > 0 || is_near(a->base->data[node_id], a->other->data[other_id]);
}

static void take(Alignment *a, uint32_t node_id, uint32_t other_id)
{
    a->counterpart[node_id] = other_id;
    a->stands_for[node_id] = other_id;
    a->is_taken[other_id] = true;
    a->next = other_id + 1 > a->next ? other_id + 1 : a->next;
}

static void find_like(Alignment *a, uint32_t node_id)
{
    size_t end = a->next + WINDOW < a->other->n_nodes ? a->next + WINDOW : a->other->n_nodes;
    size_t begin = a->next > a->n_params + WINDOW ? a->next - WINDOW : a->n_params;
    for (size_t i = begin; i < end; i++) {
        if (is_like(a, node_id, (uint32_t)i)) {
            take(a, node_id, (uint32_t)i);
            return;
        }
    }
    uint32_t same = same_as(a, node_id);
    if (same != NO_NODE) {
        a->stands_for[node_id] = a->stands_for[same];
    }
}

static void align(Alignment *a, size_t *n_aligned)
{
    *n_aligned = 0;
    for (uint32_t i = 0; i < a->base->n_nodes; i++) {
        a->counterpart[i] = NO_NODE;
        a->stands_for[i] = NO_NODE;
        if (i < a->n_params) {
            take(a, i, i);
        } else {
            find_like(a, i);
        }
        *n_aligned += a->counterpart[i] != NO_NODE;
    }
}

bool diff_align(const NodeDump *base, const NodeDump *other, uint32_t *counterpart,
                size_t *n_aligned, Error *error)
{
    assert(!base->is_sparse && !other->is_sparse);
    Alignment alignment = {
        .base = base,
        .other = other,
        .counterpart = counterpart,
        .stands_for = malloc(base->n_nodes * sizeof *alignment.stands_for),
        .is_taken = calloc(other->n_nodes, sizeof *alignment.is_taken),
        .n_params = dump_n_leading_leaves(base),
    };
    bool ok = alignment.stands_for != NULL && alignment.is_taken != NULL;
    if (!ok) {
        error_out_of_memory(error, "the alignment of graphs",
                            base->n_nodes * sizeof *alignment.stands_for);
    } else if (dump_n_leading_leaves(other) != alignment.n_params) {
        *n_aligned = 0; // the parameters are different, so there is nothing to start from
    } else {
        align(&alignment, n_aligned);
    }
    free(alignment.stands_for);
    free(alignment.is_taken);
    return ok;
}
