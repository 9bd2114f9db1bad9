// Explanations of wrong numbers: see diff_explain.h.
#include "compare/diff_explain.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FOR_LEAVING_OUT = 4096, // sums with one term omitted take n * n additions
};

static const NodeDump *base_dump(const GraphDiff *diff)
{
    return diff->dumps[diff->base];
}

static void say(char *text, const char *what)
{
    snprintf(text, EXPLAIN_BYTES, "%s", what);
}

const char *diff_op(const GraphDiff *diff, uint32_t node_id)
{
    const char *op = dump_op(base_dump(diff), node_id);
    uint32_t other = diff->counterpart[node_id];
    if (op == NULL && other != NO_NODE) {
        op = dump_op(diff->dumps[1 - diff->base], other);
    }
    return op;
}

const char *diff_path(const GraphDiff *diff, uint32_t node_id)
{
    const char *path = dump_path(base_dump(diff), node_id);
    uint32_t other = diff->counterpart[node_id];
    return path != NULL || other == NO_NODE ? path : dump_path(diff->dumps[1 - diff->base], other);
}

const char *diff_label(const GraphDiff *diff, uint32_t node_id, char *label)
{
    const char *path = diff_path(diff, node_id);
    if (path != NULL) {
        snprintf(label, LABEL_BYTES, "%s", path);
    } else {
        snprintf(label, LABEL_BYTES, "node %u", (unsigned)node_id);
    }
    return label;
}

CauseKind diff_first_cause(const GraphDiff *diff, uint32_t *node_id)
{
    const StructureFinding *structure = &diff->structure;
    bool in_base = structure->kind != STRUCTURE_SAME && structure->kind != STRUCTURE_PATH;
    if (diff->data.n_causes > 0 && !(in_base && structure->first <= diff->data.causes[0])) {
        *node_id = diff->data.causes[0];
        return CAUSE_DATA;
    }
    if (structure->kind != STRUCTURE_SAME) {
        *node_id = structure->first;
        return CAUSE_STRUCTURE;
    }
    if (diff->local_grads.n_causes > 0) {
        *node_id = diff->local_grads.causes[0];
        return CAUSE_LOCAL_GRADS;
    }
    if (diff->grad.n_causes > 0) {
        *node_id = diff->grad.causes[0];
        return CAUSE_GRAD;
    }
    *node_id = NO_NODE;
    return CAUSE_NONE;
}

static bool has_op(const GraphDiff *diff, uint32_t node_id, const char *name)
{
    const char *op = diff_op(diff, node_id);
    return op != NULL && strcmp(op, name) == 0;
}

static uint32_t child_of(const GraphDiff *diff, uint32_t node_id, uint32_t slot)
{
    return dump_child(base_dump(diff), node_id, slot);
}

static double child_data(const GraphDiff *diff, uint32_t node_id, uint32_t slot)
{
    return base_dump(diff)->data[child_of(diff, node_id, slot)];
}

// Finds a power's exponent, which is not in the dump, from its local gradient c * x**(c-1), if it
// is a multiple of 1/2.
static bool find_exponent(const GraphDiff *diff, uint32_t node_id, double *exponent)
{
    const NodeDump *dump = base_dump(diff);
    double local_grad = dump->local_grads[dump->first_edge[node_id]];
    double guess = local_grad * child_data(diff, node_id, 0) / dump->data[node_id];
    *exponent = nearbyint(2 * guess) / 2;
    return fabs(guess - *exponent) < 1e-6;
}

// Computes a node's operation and its local gradients from its children. Returns false if the
// operation is not known.
// Shapes: local_grads [2].
static bool compute(const GraphDiff *diff, uint32_t node_id, double *data, double *local_grads)
{
    uint32_t n_children = dump_n_children(base_dump(diff), node_id);
    double exponent;
    double x = n_children > 0 ? child_data(diff, node_id, 0) : 0;
    double y = n_children > 1 ? child_data(diff, node_id, 1) : 0;
    if (n_children == 2 && has_op(diff, node_id, "add")) {
        *data = x + y;
        local_grads[0] = 1;
        local_grads[1] = 1;
    } else if (n_children == 2 && has_op(diff, node_id, "mul")) {
        *data = x * y;
        local_grads[0] = y;
        local_grads[1] = x;
    } else if (n_children == 1 && has_op(diff, node_id, "exp")) {
        *data = exp(x);
        local_grads[0] = *data;
    } else if (n_children == 1 && has_op(diff, node_id, "log")) {
        *data = log(x);
        local_grads[0] = 1 / x;
    } else if (n_children == 1 && has_op(diff, node_id, "relu")) {
        *data = x > 0 ? x : 0;
        local_grads[0] = x > 0 ? 1 : 0;
    } else if (n_children == 1 && has_op(diff, node_id, "pow") &&
               find_exponent(diff, node_id, &exponent)) {
        *data = pow(x, exponent);
        local_grads[0] = exponent * pow(x, exponent - 1);
    } else {
        return false;
    }
    return true;
}

// Names operations that do not always give the bits of libm's pow.
static const char *name_short_power(double x, double exponent, double data)
{
    if (exponent == -1 && is_same_bits(data, 1 / x)) {
        return "is 1 / x, which is not always what pow(x, -1) gives";
    }
    if (exponent == -0.5 && is_same_bits(data, 1 / sqrt(x))) {
        return "is 1 / sqrt(x), which is not always what pow(x, -0.5) gives";
    }
    if (exponent == 0.5 && is_same_bits(data, sqrt(x))) {
        return "is sqrt(x), which is not always what pow(x, 0.5) gives";
    }
    if (exponent == 2 && is_same_bits(data, x * x)) {
        return "is x * x, which is not always what pow(x, 2) gives";
    }
    return NULL;
}

// Returns whether a sum used the unrounded product of one of its children.
static bool is_fused(const GraphDiff *diff, uint32_t node_id, double data)
{
    for (uint32_t slot = 0; slot < 2; slot++) {
        uint32_t product = child_of(diff, node_id, slot);
        double rest = child_data(diff, node_id, 1 - slot);
        if (has_op(diff, product, "mul") && dump_n_children(base_dump(diff), product) == 2 &&
            is_same_bits(data,
                         fma(child_data(diff, product, 0), child_data(diff, product, 1), rest))) {
            return true;
        }
    }
    return false;
}

static bool explain_operation(const GraphDiff *diff, uint32_t node_id, double data, char *text)
{
    double expected;
    double unused[2];
    if (!compute(diff, node_id, &expected, unused)) {
        return false;
    }
    if (is_same_bits(data, expected)) {
        snprintf(text, EXPLAIN_BYTES, "is what %s gives for these inputs", diff_op(diff, node_id));
        return true;
    }
    double exponent;
    const char *short_power = NULL;
    if (has_op(diff, node_id, "pow") && find_exponent(diff, node_id, &exponent)) {
        short_power = name_short_power(child_data(diff, node_id, 0), exponent, data);
    }
    if (short_power != NULL) {
        say(text, short_power);
    } else if (has_op(diff, node_id, "add") && is_fused(diff, node_id, data)) {
        say(text, "is what a fused multiply-add gives: see -ffp-contract=off");
    } else if (is_same_bits(data, (double)(float)expected)) {
        say(text, "is that in single precision");
    } else {
        snprintf(text, EXPLAIN_BYTES, "is not what %s gives for these inputs",
                 diff_op(diff, node_id));
    }
    return false;
}

// Finds out whether the other side has a parameter's value at another index, as in a transposed
// matrix.
static void explain_param(const GraphDiff *diff, uint32_t node_id, int side, char *text)
{
    const NodeDump *dump = base_dump(diff);
    double data = diff_data(diff, side, node_id);
    if (data == (double)(float)diff_data(diff, 1 - side, node_id)) {
        say(text, "is that in single precision");
        return;
    }
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff->has_graph && dump_n_children(dump, i) > 0) {
            return;
        }
        if (i != node_id && diff->counterpart[i] != NO_NODE && data != 0 &&
            is_same_bits(data, diff_data(diff, 1 - side, i))) {
            char label[LABEL_BYTES];
            snprintf(text, EXPLAIN_BYTES, "is what %c has in %s", side == 0 ? 'B' : 'A',
                     diff_label(diff, i, label));
            return;
        }
    }
}

bool explain_data(const GraphDiff *diff, uint32_t node_id, int side, char *text)
{
    text[0] = '\0';
    if (!diff->has_graph || dump_n_children(base_dump(diff), node_id) == 0) {
        explain_param(diff, node_id, side, text);
        return false;
    }
    return !diff->by_path && explain_operation(diff, node_id, diff_data(diff, side, node_id), text);
}

bool explain_local_grads(const GraphDiff *diff, uint32_t node_id, int side, char *text)
{
    text[0] = '\0';
    double unused;
    double expected[2] = {0, 0};
    if (!compute(diff, node_id, &unused, expected)) {
        return false;
    }
    const double *local_grads = diff_local_grads(diff, side, node_id);
    uint32_t n = dump_n_children(base_dump(diff), node_id);
    bool same = is_same_bits(local_grads[0], expected[0]) &&
                (n < 2 || is_same_bits(local_grads[1], expected[1]));
    bool swapped = n == 2 && is_same_bits(local_grads[0], expected[1]) &&
                   is_same_bits(local_grads[1], expected[0]);
    if (same) {
        snprintf(text, EXPLAIN_BYTES, "has those of %s", diff_op(diff, node_id));
    } else if (swapped) {
        say(text, "has them swapped");
    } else if (has_op(diff, node_id, "relu") && child_data(diff, node_id, 0) == 0) {
        say(text, "has a gradient at 0, where relu has none: 0 wins the tie");
    } else {
        snprintf(text, EXPLAIN_BYTES, "has others than %s", diff_op(diff, node_id));
    }
    return same;
}

bool diff_contributions(const GraphDiff *diff, uint32_t node_id, Contribution **contributions,
                        size_t *n, Error *error)
{
    assert(diff->has_graph);
    const NodeDump *dump = base_dump(diff);
    uint32_t first = diff->order.first_use[node_id];
    uint32_t end = first;
    while (end < diff->order.first_use[node_id + 1] &&
           diff_is_reachable(diff, diff->order.use_parent[end])) {
        end++; // nodes that the root is not computed from come last, and contribute nothing
    }
    *n = end - first;
    *contributions = *n > 0 ? malloc(*n * sizeof **contributions) : NULL;
    if (*n > 0 && *contributions == NULL) {
        return error_out_of_memory(error, "a list of gradients", *n * sizeof **contributions);
    }
    double total = 0;
    for (size_t i = 0; i < *n; i++) {
        uint32_t parent = diff->order.use_parent[first + i];
        uint32_t edge = diff->order.use_edge[first + i];
        Contribution *c = &(*contributions)[i];
        c->parent = parent;
        c->slot = edge - dump->first_edge[parent];
        c->local_grad = dump->local_grads[edge];
        c->parent_grad = dump->grad[parent];
        c->amount = c->local_grad * c->parent_grad;
        total += c->amount;
        c->total = total;
    }
    return true;
}

// Returns the sum of the contributions from first on, except the one to omit.
static double sum_without(const Contribution *contributions, size_t first, size_t n,
                          size_t left_out)
{
    double total = 0;
    for (size_t i = first; i < n; i++) {
        if (i != left_out) {
            total += contributions[i].amount;
        }
    }
    return total;
}

static double sum_backwards(const Contribution *contributions, size_t n)
{
    double total = 0;
    for (size_t i = n; i-- > 0;) {
        total += contributions[i].amount;
    }
    return total;
}

static double sum_fused(const Contribution *contributions, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        total = fma(contributions[i].local_grad, contributions[i].parent_grad, total);
    }
    return total;
}

// Adds up the contributions of one parent first, such as both of x * x, before they are added to
// the sum.
static double sum_merged(const Contribution *contributions, size_t n)
{
    double total = 0;
    size_t i = 0;
    while (i < n) {
        uint32_t parent = contributions[i].parent;
        double amount = 0;
        for (; i < n && contributions[i].parent == parent; i++) {
            amount += contributions[i].amount;
        }
        total += amount;
    }
    return total;
}

// Orders parents by descending number, the order of a pass back over all nodes; and the
// contributions of one parent from left to right.
static int compare_parents(const void *left, const void *right)
{
    const Contribution *a = left;
    const Contribution *b = right;
    if (a->parent != b->parent) {
        return a->parent > b->parent ? -1 : 1;
    }
    return a->slot > b->slot ? 1 : -1;
}

// Computes the sums in both orders of creation, descending and ascending. Returns false if memory
// for sorting runs out.
static bool sum_by_creation(const Contribution *contributions, size_t n, double *falling,
                            double *rising)
{
    Contribution *sorted = malloc(n * sizeof *sorted);
    if (sorted == NULL) {
        return false;
    }
    memcpy(sorted, contributions, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_parents);
    *falling = sum_without(sorted, 0, n, n);
    *rising = sum_backwards(sorted, n);
    free(sorted);
    return true;
}

// The mistakes that leave their own bits in a sum.
typedef enum SumMistake {
    SUM_RESTARTED, // `=` instead of `+=`
    SUM_LACKS_ONE,
    SUM_MERGED,
    SUM_FUSED,
    SUM_BY_FALLING_NODES,
    SUM_BY_RISING_NODES,
    SUM_BACKWARDS,
    N_SUM_MISTAKES,
} SumMistake;

// For a wrong sum: which mistakes would give it, and where the first two of them would be.
typedef struct SumVerdict {
    bool fits[N_SUM_MISTAKES];
    size_t first_left; // the contribution at which the sum restarts
    size_t left_out;
} SumVerdict;

// Searches for a contribution at which the sum restarts, and for an omitted term.
static void try_lost_terms(const Contribution *contributions, size_t n, double grad,
                           SumVerdict *verdict)
{
    for (size_t first = 1; first < n && n <= MAX_FOR_LEAVING_OUT; first++) {
        if (is_same_bits(grad, sum_without(contributions, first, n, n))) {
            verdict->fits[SUM_RESTARTED] = true;
            verdict->first_left = first;
        }
    }
    for (size_t i = n; i-- > 0 && n <= MAX_FOR_LEAVING_OUT;) {
        if (is_same_bits(grad, sum_without(contributions, 0, n, i))) {
            verdict->fits[SUM_LACKS_ONE] = true;
            verdict->left_out = i;
        }
    }
}

static void try_mistakes(const Contribution *contributions, size_t n, double grad,
                         SumVerdict *verdict)
{
    double falling;
    double rising;
    *verdict = (SumVerdict){.first_left = 0};
    try_lost_terms(contributions, n, grad, verdict);
    verdict->fits[SUM_MERGED] = is_same_bits(grad, sum_merged(contributions, n));
    verdict->fits[SUM_FUSED] = is_same_bits(grad, sum_fused(contributions, n));
    verdict->fits[SUM_BACKWARDS] = is_same_bits(grad, sum_backwards(contributions, n));
    if (sum_by_creation(contributions, n, &falling, &rising)) {
        verdict->fits[SUM_BY_FALLING_NODES] = is_same_bits(grad, falling);
        verdict->fits[SUM_BY_RISING_NODES] = is_same_bits(grad, rising);
    }
}

// One sum may fit several mistakes. The other causes were computed by the same port, so a mistake
// that does not fit them is excluded, unless none would remain.
static void narrow_down(const GraphDiff *diff, int side, SumVerdict *verdict)
{
    for (size_t i = 1; i < diff->grad.n_causes && i < DIFF_MAX_CAUSES; i++) {
        Contribution *contributions;
        size_t n;
        Error ignored;
        if (!diff_contributions(diff, diff->grad.causes[i], &contributions, &n, &ignored)) {
            return;
        }
        SumVerdict other = {.first_left = 0};
        if (n > 1) {
            try_mistakes(contributions, n, diff_grad(diff, side, diff->grad.causes[i]), &other);
        }
        free(contributions);
        bool any_fits_both = false;
        for (int m = 0; m < N_SUM_MISTAKES; m++) {
            any_fits_both = any_fits_both || (verdict->fits[m] && other.fits[m]);
        }
        for (int m = 0; any_fits_both && m < N_SUM_MISTAKES; m++) {
            verdict->fits[m] = verdict->fits[m] && other.fits[m];
        }
    }
}

static void describe_mistake(SumMistake mistake, const SumVerdict *verdict, size_t n, char *text)
{
    static const char *const texts[N_SUM_MISTAKES] = {
        [SUM_MERGED] = "is their sum with what one node gives twice added up first, as "
                       "2 * x * grad",
        [SUM_FUSED] = "is their sum by fused multiply-add: see -ffp-contract=off",
        [SUM_BY_FALLING_NODES] = "is their sum in the order of creation, from the last node to the "
                                 "first: backward must walk depth-first",
        [SUM_BY_RISING_NODES] = "is their sum in the order of creation, from the first node to the "
                                "last: backward must walk depth-first",
        [SUM_BACKWARDS] = "is their sum from the last to the first",
    };
    if (mistake == SUM_RESTARTED) {
        bool last_alone = verdict->first_left == n - 1;
        snprintf(text, EXPLAIN_BYTES, "is %s number %zu: `=` where `+=` belongs",
                 last_alone ? "the last of them alone," : "their sum from",
                 verdict->first_left + 1);
    } else if (mistake == SUM_LACKS_ONE) {
        snprintf(text, EXPLAIN_BYTES, "is their sum without number %zu", verdict->left_out + 1);
    } else {
        say(text, texts[mistake]);
    }
}

// Writes what is wrong with a sum of several terms.
static void explain_sum(const GraphDiff *diff, uint32_t node_id, int side,
                        const Contribution *contributions, size_t n, char *text)
{
    SumVerdict verdict;
    try_mistakes(contributions, n, diff_grad(diff, side, node_id), &verdict);
    narrow_down(diff, side, &verdict);
    for (int mistake = 0; mistake < N_SUM_MISTAKES; mistake++) {
        if (verdict.fits[mistake]) {
            describe_mistake((SumMistake)mistake, &verdict, n, text);
            return;
        }
    }
    say(text, "is not their sum");
}

// Returns whether a side has everything that contributions are computed from: the gradients of the
// parents, and the values that their local gradients are computed from.
static bool are_contributions_known(const GraphDiff *diff, int side,
                                    const Contribution *contributions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t parent = contributions[i].parent;
        bool is_known = diff_has_grad(diff, side, parent);
        for (uint32_t slot = 0; slot < dump_n_children(base_dump(diff), parent); slot++) {
            uint32_t child = child_of(diff, parent, slot);
            bool is_input =
                slot != contributions[i].slot || dump_n_children(base_dump(diff), parent) == 1;
            is_known = is_known && (!is_input || has_op(diff, parent, "add") ||
                                    dump_n_children(base_dump(diff), child) == 0 ||
                                    diff_has_data(diff, side, child));
        }
        if (!is_known) {
            return false;
        }
    }
    return true;
}

bool explain_grad(const GraphDiff *diff, uint32_t node_id, int side,
                  const Contribution *contributions, size_t n, char *text)
{
    double grad = diff_grad(diff, side, node_id);
    bool is_root = node_id == diff->n_nodes - 1;
    text[0] = '\0';
    if (side != diff->base && !are_contributions_known(diff, side, contributions, n)) {
        return false;
    }
    if (n == 0) {
        bool right = is_same_bits(grad, is_root ? 1 : 0);
        say(text, right ? "is right" : "is not 0, though nothing contributes to it");
        return right;
    }
    if (is_same_bits(grad, contributions[n - 1].total)) {
        say(text, n == 1 ? "is that" : "is their sum");
        return true;
    }
    if (grad == 0) {
        say(text, "is 0, as if nothing had been added");
    } else if (n == 1) {
        say(text, "is not that");
    } else {
        explain_sum(diff, node_id, side, contributions, n, text);
    }
    return false;
}

bool diff_nodes_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error)
{
    assert(diff->has_graph);
    const NodeDump *dump = base_dump(diff);
    bool *wanted = calloc((size_t)node_id + 1, sizeof *wanted);
    if (wanted == NULL) {
        return error_out_of_memory(error, "the nodes between", node_id);
    }
    // Children precede their parents, so one pass from the end finds all nodes that it is computed
    // from.
    wanted[node_id] = true;
    *n = 0;
    *first = node_id;
    for (size_t i = (size_t)node_id + 1; i-- > 0;) {
        bool is_between = i != node_id && diff->counterpart[i] == NO_NODE;
        if (!wanted[i] || (i != node_id && !is_between)) {
            continue;
        }
        *n += is_between;
        *first = (uint32_t)i;
        for (uint32_t edge = dump->first_edge[i]; edge < dump->first_edge[i + 1]; edge++) {
            wanted[dump->children[edge]] = true;
        }
    }
    free(wanted);
    return true;
}

bool diff_grads_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error)
{
    assert(diff->has_graph);
    const GraphOrder *order = &diff->order;
    bool *wanted = calloc(diff->n_nodes, sizeof *wanted);
    if (wanted == NULL) {
        return error_out_of_memory(error, "the gradients between", diff->n_nodes);
    }
    // Parents precede their children in the order of backward, so one pass from its end finds them
    // all.
    wanted[node_id] = true;
    *n = 0;
    *first = node_id;
    for (size_t i = diff->n_nodes; i-- > 0;) {
        uint32_t at = order->backward[i];
        bool is_between = at != node_id && !diff_has_grads(diff, at);
        if (!wanted[at] || (at != node_id && !is_between)) {
            continue;
        }
        *n += is_between;
        *first = is_between ? at : *first;
        for (uint32_t use = order->first_use[at]; use < order->first_use[at + 1]; use++) {
            uint32_t parent = order->use_parent[use];
            wanted[parent] = wanted[parent] || order->is_reachable[parent];
        }
    }
    free(wanted);
    return true;
}
