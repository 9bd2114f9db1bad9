// The structure of two graphs: see diff_structure.h.
#include "compare/diff_structure.h"

#include <string.h>

#include "compare/diff_align.h"
#include "compare/document_length.h"
#include "compare/dump_pairs.h"

// Returns whether an operation's name is one of those that this program writes.
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

// Returns whether the nodes correspond by their index. The same graph, created in another order,
// has the same number of nodes, but too many of them differ.
static bool correspond_by_index(const NodeDump *a, const NodeDump *b)
{
    size_t n_differ = 0;
    for (size_t i = 0; i < a->n_nodes && a->n_nodes == b->n_nodes; i++) {
        n_differ += compare_structure_of_node(a, b, i) != STRUCTURE_SAME;
    }
    return a->n_nodes == b->n_nodes && n_differ <= a->n_nodes / 4;
}

// Finds the nodes whose operation or children differ. If the nodes do not correspond by their
// index, only those before the first difference are compared.
static void compare_structure(GraphDiff *diff, bool by_index)
{
    const NodeDump *a = diff->dumps[0];
    const NodeDump *b = diff->dumps[1];
    uint32_t n_both = (uint32_t)(a->n_nodes < b->n_nodes ? a->n_nodes : b->n_nodes);
    StructureFinding *found = &diff->structure;
    for (uint32_t node_id = 0; node_id < n_both; node_id++) {
        StructureKind kind = compare_structure_of_node(a, b, node_id);
        diff->counterpart[node_id] = node_id;
        if (kind == STRUCTURE_SAME) {
            continue;
        }
        if (!by_index) {
            *found = (StructureFinding){.kind = kind, .first = node_id, .n_differ = 1};
            diff->counterpart[node_id] = NO_NODE;
            return;
        }
        if (diff_is_selected(diff, node_id)) {
            found->kind = found->n_differ == 0 ? kind : found->kind;
            found->first = found->n_differ == 0 ? node_id : found->first;
            found->n_differ++;
        }
        diff_mark_other_shape(diff, node_id);
    }
    if (a->n_nodes != b->n_nodes) {
        *found = (StructureFinding){.kind = STRUCTURE_N_NODES, .first = n_both, .n_differ = 1};
    }
}

// Returns whether different graphs may be of the same document.
static bool is_same_document(const GraphDiff *diff)
{
    const NodeDump *a = diff->dumps[0];
    const NodeDump *b = diff->dumps[1];
    StructureKind kind = diff->structure.kind;
    return kind != STRUCTURE_SAME && kind != STRUCTURE_N_NODES &&
           (!a->has_names || !b->has_names ||
            document_length(a).of_paths == document_length(b).of_paths);
}

static void forget_pairs(GraphDiff *diff)
{
    for (uint32_t node_id = 0; node_id < diff->n_nodes; node_id++) {
        diff->counterpart[node_id] = NO_NODE;
    }
}

// Pairs the nodes of different graphs by their names, if that is possible.
static bool go_by_names(GraphDiff *diff)
{
    const NodeDump *base = diff->dumps[diff->base];
    const NodeDump *other = diff->dumps[1 - diff->base];
    Error ignored;
    forget_pairs(diff);
    return base->has_names && other->has_names &&
           dump_pair_by_path(base, other, diff->counterpart, &diff->pairs, &ignored);
}

// Pairs nodes of other graphs by their inputs, if this pairs at least half of them.
static bool go_by_shape(GraphDiff *diff, bool *goes, Error *error)
{
    const NodeDump *base = diff->dumps[diff->base];
    const NodeDump *other = diff->dumps[1 - diff->base];
    size_t n_aligned;
    if (!diff_align(base, other, diff->counterpart, diff->is_partly, &n_aligned, error)) {
        return false;
    }
    *goes = 2 * n_aligned >= base->n_nodes || 2 * n_aligned >= other->n_nodes;
    return true;
}

// Pairs nodes of graphs that are not the same. If this is not possible, nothing changes.
static bool pair_other_graphs(GraphDiff *diff, Error *error)
{
    size_t n_before = diff->structure.first;
    diff->by_path = go_by_names(diff);
    if (diff->by_path) {
        return true;
    }
    if (!go_by_shape(diff, &diff->by_path, error)) {
        return false;
    }
    diff->by_shape = diff->by_path;
    for (uint32_t node_id = 0; node_id < diff->n_nodes && !diff->by_path; node_id++) {
        diff->counterpart[node_id] = node_id < n_before ? node_id : NO_NODE;
        diff->is_partly[node_id] = false;
    }
    return true;
}

static bool is_zero(const NodeDump *dump, size_t node_id)
{
    return dump_n_children(dump, node_id) == 0 && dump->data[node_id] == 0;
}

// Returns whether the nodes that only the base has are all its additions to 0, and these zeros: the
// other side's sums begin with their first term.
static bool lacks_zeros(const GraphDiff *diff)
{
    const NodeDump *dump = diff->dumps[diff->base];
    size_t n = 0;
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        bool is_only_here = diff->counterpart[i] == NO_NODE;
        bool adds_to_zero =
            dump_n_children(dump, i) == 2 &&
            (is_zero(dump, dump_child(dump, i, 0)) || is_zero(dump, dump_child(dump, i, 1)));
        if (is_only_here ? !adds_to_zero && !is_zero(dump, i) : adds_to_zero) {
            return false;
        }
        n += is_only_here;
    }
    return n > 0;
}

bool diff_pair_nodes(GraphDiff *diff, Error *error)
{
    const NodeDump *base = diff->dumps[diff->base];
    const NodeDump *other = diff->dumps[1 - diff->base];
    if (!diff->by_path) {
        bool by_index = correspond_by_index(base, other);
        compare_structure(diff, by_index);
        bool ok = by_index || !is_same_document(diff) || pair_other_graphs(diff, error);
        diff->structure.lacks_zeros = ok && diff->by_path && lacks_zeros(diff);
        return ok;
    }
    const DumpPairs *pairs = &diff->pairs;
    if (!dump_pair_by_path(base, other, diff->counterpart, &diff->pairs, error)) {
        return false;
    }
    if (pairs->n_only_other > 0 && diff->has_graph) { // a full dump has all nodes
        diff->structure = (StructureFinding){.kind = STRUCTURE_PATH,
                                             .first = pairs->first_only_other,
                                             .n_differ = pairs->n_only_other};
    } else if (pairs->transposed.n > 0) {
        diff->structure = (StructureFinding){.kind = STRUCTURE_TRANSPOSED,
                                             .first = pairs->first_transposed,
                                             .n_differ = pairs->transposed.n};
    }
    return true;
}
