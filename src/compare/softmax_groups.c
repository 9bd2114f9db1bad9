// Finds the softmaxes of a graph: see softmax_groups.h.
#include "compare/softmax_groups.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Search {
    const NodeDump *dump;
    SoftmaxGroups *found;
    size_t n_params;
    size_t n_inputs;    // of all groups so far, including the current one
    SoftmaxGroup group; // the current one
} Search;

static bool is_sum(const NodeDump *dump, uint32_t node_id)
{
    const double *local_grads = dump->local_grads + dump->first_edge[node_id];
    return dump_n_children(dump, node_id) == 2 && local_grads[0] == 1 && local_grads[1] == 1;
}

// Returns whether a node is exp(x + constant), judged by its children and by its local gradient.
static bool is_exp_of_difference(const Search *s, uint32_t node_id)
{
    const NodeDump *dump = s->dump;
    if (dump_n_children(dump, node_id) != 1 ||
        dump->local_grads[dump->first_edge[node_id]] != dump->data[node_id]) {
        return false;
    }
    uint32_t sum = dump_child(dump, node_id, 0);
    if (!is_sum(dump, sum)) {
        return false;
    }
    uint32_t constant = dump_child(dump, sum, 1);
    return dump_n_children(dump, constant) == 0 && constant >= s->n_params;
}

// Returns whether the constant of the current group is the negative of its largest input.
static bool is_minus_max(const Search *s)
{
    double largest = -INFINITY;
    for (uint32_t i = 0; i < s->group.n; i++) {
        largest = fmax(largest, s->dump->data[s->found->inputs[s->group.first + i]]);
    }
    return s->dump->data[s->found->constants[s->group.first]] == -largest;
}

// Ends the current group, and keeps it if it is a softmax.
static void close_group(Search *s)
{
    SoftmaxGroups *found = s->found;
    if (s->group.n > 0 && is_minus_max(s)) {
        for (uint32_t i = 0; i < s->group.n; i++) {
            found->group_of[found->constants[s->group.first + i]] = (uint32_t)found->n_groups;
        }
        found->groups[found->n_groups++] = s->group;
    }
    s->group = (SoftmaxGroup){(uint32_t)s->n_inputs, 0};
}

static void add_input(Search *s, uint32_t exp_id)
{
    uint32_t sum = dump_child(s->dump, exp_id, 0);
    uint32_t constant = dump_child(s->dump, sum, 1);
    bool is_same = s->group.n > 0 &&
                   s->dump->data[constant] == s->dump->data[s->found->constants[s->group.first]];
    if (!is_same) {
        close_group(s);
    }
    s->found->inputs[s->n_inputs] = dump_child(s->dump, sum, 0);
    s->found->constants[s->n_inputs] = constant;
    s->n_inputs++;
    s->group.n++;
}

// The exponentials of a softmax follow each other, with only sums and leaves between them, and all
// have the same constant.
static void find_groups(Search *s)
{
    for (uint32_t i = 0; i < s->dump->n_nodes; i++) {
        if (is_exp_of_difference(s, i)) {
            add_input(s, i);
        } else if (dump_n_children(s->dump, i) > 0 && !is_sum(s->dump, i)) {
            close_group(s);
        }
    }
    close_group(s);
}

bool softmax_groups_init(SoftmaxGroups *groups, const NodeDump *dump, Error *error)
{
    assert(groups != NULL && dump != NULL && error != NULL && !dump->is_sparse);
    size_t n = dump->n_nodes + 1;
    *groups = (SoftmaxGroups){
        .groups = malloc(n * sizeof *groups->groups),
        .inputs = malloc(n * sizeof *groups->inputs),
        .constants = malloc(n * sizeof *groups->constants),
        .group_of = malloc(n * sizeof *groups->group_of),
    };
    if (groups->groups == NULL || groups->inputs == NULL || groups->constants == NULL ||
        groups->group_of == NULL) {
        softmax_groups_free(groups);
        return error_out_of_memory(error, "the softmaxes of a graph", n * sizeof(SoftmaxGroup));
    }
    memset(groups->group_of, 0xFF, n * sizeof *groups->group_of); // NO_NODE everywhere
    Search search = {.dump = dump, .found = groups, .n_params = dump_n_leading_leaves(dump)};
    find_groups(&search);
    return true;
}

void softmax_groups_free(SoftmaxGroups *groups)
{
    free(groups->groups);
    free(groups->inputs);
    free(groups->constants);
    free(groups->group_of);
    *groups = (SoftmaxGroups){0};
}
