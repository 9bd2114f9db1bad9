// Finds gradients that a side does not have: see missing_grads.h.
#include "compare/missing_grads.h"

#include <string.h>

#include "compare/path_kinds.h"

static const char *path_of(const GraphDiff *diff, uint32_t node_id)
{
    return dump_path(diff->dumps[diff->base], node_id);
}

// Without a graph, the nodes of positions and the loss count as computed, and all others as
// parameters.
static bool is_param(const GraphDiff *diff, uint32_t node_id, size_t n_leaves)
{
    if (diff->has_graph) {
        return node_id < n_leaves;
    }
    const char *path = path_of(diff, node_id);
    return strncmp(path, "pos", 3) != 0 && strncmp(path, "loss", 4) != 0;
}

static double grad_of(const GraphDiff *diff, int side, uint32_t node_id)
{
    return diff_has_grad(diff, side, node_id) ? diff_grad(diff, side, node_id) : 0;
}

// Counts gradients that are not 0: [0] those of the side, [1] those of the other side.
static void count_nonzero(const GraphDiff *diff, int side, uint32_t node_id, size_t *n_nonzero)
{
    n_nonzero[0] += grad_of(diff, side, node_id) != 0;
    n_nonzero[1] += grad_of(diff, 1 - side, node_id) != 0;
}

static bool is_missing(const size_t *n_nonzero)
{
    return n_nonzero[0] == 0 && n_nonzero[1] > 0;
}

static void drop(GraphDiff *diff, int side, bool params, size_t n_leaves)
{
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff_has_grad(diff, side, i) && is_param(diff, i, n_leaves) == params) {
            diff->has_grad[side][i] = false;
        }
    }
}

// Drops kinds whose gradients are all zeros, in two passes: the first one counts.
static bool drop_kinds(GraphDiff *diff, int side, size_t n_leaves, Error *error)
{
    PathKinds kinds;
    if (!path_kinds_init(&kinds, diff->dumps[diff->base], error)) {
        return false;
    }
    size_t n_nonzero[MAX_PATH_KINDS][2] = {{0, 0}};
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < diff->n_nodes; i++) {
            size_t *n_of_kind = n_nonzero[kinds.kind_of[i]];
            if (!diff_has_grad(diff, side, i) || is_param(diff, i, n_leaves)) {
                continue;
            }
            if (pass == 0) {
                count_nonzero(diff, side, i, n_of_kind);
            } else if (is_missing(n_of_kind)) {
                diff->has_grad[side][i] = false;
                diff->grads_of_side[side] = GRADS_SOME;
            }
        }
    }
    path_kinds_free(&kinds);
    return true;
}

// Returns whether a full dump has gradients of computed nodes, which may not be paired.
static bool shows_computed(const NodeDump *dump)
{
    for (size_t i = dump_n_leading_leaves(dump); !dump->is_sparse && i < dump->n_nodes; i++) {
        if (dump->has_grad[i] && dump->grad[i] != 0) {
            return true;
        }
    }
    return false;
}

bool missing_grads_find(GraphDiff *diff, int side, Error *error)
{
    size_t n_nonzero[2][2] = {{0, 0}, {0, 0}}; // of computed nodes, of parameters
    size_t n_computed = 0;
    size_t n_params = 0;
    size_t n_leaves = diff->has_graph ? dump_n_leading_leaves(diff->dumps[diff->base]) : 0;
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff_has_grad(diff, side, i)) {
            bool of_param = is_param(diff, i, n_leaves);
            count_nonzero(diff, side, i, n_nonzero[of_param]);
            n_params += of_param;
            n_computed += !of_param;
        }
    }
    if (is_missing(n_nonzero[0])) {
        drop(diff, side, false, n_leaves);
        n_computed = 0;
    } else if (diff->dumps[side]->is_sparse && !drop_kinds(diff, side, n_leaves, error)) {
        return false;
    }
    if (n_computed == 0 && is_missing(n_nonzero[1])) {
        drop(diff, side, true, n_leaves);
        n_params = 0;
    }
    if (n_computed == 0 && !shows_computed(diff->dumps[side])) {
        diff->grads_of_side[side] = n_params == 0 ? GRADS_NONE : GRADS_PARAMS;
    }
    return true;
}
