// The report for people: see diff_report.h.
#include "compare/diff_report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "compare/arithmetic.h"
#include "compare/diff_explain.h"
#include "compare/text_report.h"
#include "python/hexfloat.h"

enum {
    MAX_CONTRIBUTIONS = 24, // the middle of a longer list is omitted
    MAX_KINDS_OF_CAUSES = 8,
    MANY_ULP = 1000000, // larger differences are not printed in ULP
};

char text_side(int side)
{
    return (char)('A' + side);
}

static void print_ulp(const TextReport *r, uint64_t ulp)
{
    if (ulp == UINT64_MAX) {
        fprintf(r->file, " %8s", "nan");
    } else if (ulp < MANY_ULP) {
        fprintf(r->file, " %8" PRIu64, ulp);
    } else {
        fprintf(r->file, " %8.1e", (double)ulp);
    }
}

static void print_distance(const TextReport *r, double a, double b)
{
    uint64_t ulp = ulp_distance(a, b);
    if (ulp == UINT64_MAX) {
        fprintf(r->file, "    one of them is not a number\n");
    } else if (ulp == 0) {
        fprintf(r->file, "    the sign of zero: 0 ULP apart, and other bits\n");
    } else {
        fprintf(r->file, "    %" PRIu64 " ULP apart, a relative difference of %.2g\n", ulp,
                relative_difference(a, b));
    }
}

// `pos0.norm[3] (node 4193, mul)`
void text_node(const TextReport *r, uint32_t node_id)
{
    char label[LABEL_BYTES];
    const char *op = diff_op(r->diff, node_id);
    fprintf(r->file, "%s", diff_label(r->diff, node_id, label));
    if (!r->diff->has_graph) {
        return;
    }
    if (op != NULL) {
        fprintf(r->file, " (node %u, %s)", (unsigned)node_id, op);
    } else if (diff_path(r->diff, node_id) != NULL) {
        fprintf(r->file, " (node %u)", (unsigned)node_id);
    }
}

static void print_sides(const TextReport *r, double a, double b)
{
    print_side_number(r->file, 'A', a);
    print_side_number(r->file, 'B', b);
    print_distance(r, a, b);
}

static void print_count(const TextReport *r, const char *what, const Finding *finding)
{
    fprintf(r->file, "\n%s: ", what);
    if (!finding->is_compared) {
        fprintf(r->file, "not compared\n");
    } else if (finding->n_differ == 0) {
        fprintf(r->file, "the same\n");
    } else {
        fprintf(r->file, "%zu of %zu %s differ%s\n", finding->n_differ, r->diff->n_paired,
                r->diff->by_path ? "values" : "nodes", finding->n_differ == 1 ? "s" : "");
    }
}

// Prints the causes after the first one, grouped by kind: `44 posN.prob[*], 1 loss`.
static void print_kinds_of_causes(const TextReport *r, const Finding *finding)
{
    const PathKinds *kinds = &r->judgement->kinds_of_paths;
    size_t n_of_kind[MAX_PATH_KINDS] = {0};
    uint16_t shown[MAX_KINDS_OF_CAUSES];
    size_t n_shown = 0;
    bool has_more = false;
    for (size_t i = 0; i < r->diff->n_nodes; i++) {
        uint32_t node_id = finding == &r->diff->grad ? r->diff->order.backward[i] : (uint32_t)i;
        if (node_id == finding->causes[0] || !diff_is_cause(r->diff, finding, node_id)) {
            continue;
        }
        uint16_t kind = kinds->kind_of[node_id];
        if (n_of_kind[kind]++ == 0 && n_shown < MAX_KINDS_OF_CAUSES) {
            shown[n_shown++] = kind;
        } else if (n_of_kind[kind] == 1) {
            has_more = true;
        }
    }
    for (size_t i = 0; i < n_shown; i++) {
        fprintf(r->file, "%s%zu %s", i > 0 ? ", " : "", n_of_kind[shown[i]],
                kinds->patterns[shown[i]]);
    }
    fprintf(r->file, "%s\n", has_more ? " ..." : "");
}

// Prints the rest of a finding, after its first cause.
static void print_rest(const TextReport *r, const Finding *finding)
{
    if (!r->diff->has_graph) {
        fprintf(r->file, "  without a full dump, causes cannot be told from what follows\n");
        return;
    }
    size_t n_follow = finding->n_differ - finding->n_causes;
    fprintf(r->file, "  %zu more differ%s and merely follow%s; ", n_follow,
            n_follow == 1 ? "s" : "", n_follow == 1 ? "s" : "");
    size_t n_further = finding->n_causes - 1;
    fprintf(r->file, "%zu further cause%s%s", n_further, n_further == 1 ? "" : "s",
            n_further > 0 ? ": " : "\n");
    if (n_further > 0) {
        print_kinds_of_causes(r, finding);
    }
}

// Reports that all differences follow from others: from those of their inputs, or from those that
// --only excludes.
static void print_no_cause(const TextReport *r, const Finding *finding)
{
    char label[LABEL_BYTES];
    fprintf(r->file, "  no cause among them: all follow from other differences; the first is %s\n",
            diff_label(r->diff, finding->first_differ, label));
}

static void print_first(const TextReport *r, const char *what, uint32_t node_id)
{
    fprintf(r->file, "  %s: ", r->diff->has_graph ? what : "the first of them");
    text_node(r, node_id);
    fprintf(r->file, "\n");
}

// Prints what each side's number is, if there is an explanation.
static void print_explanation(const TextReport *r, int side, const char *text)
{
    if (text[0] != '\0') {
        fprintf(r->file, "    %c %s\n", text_side(side), text);
    }
}

static void print_children(const TextReport *r, uint32_t node_id)
{
    const NodeDump *dump = r->diff->dumps[r->diff->base];
    for (uint32_t i = 0; i < dump_n_children(dump, node_id); i++) {
        uint32_t child = dump_child(dump, node_id, i);
        char hex[HEXFLOAT_BYTES];
        hexfloat_format(dump->data[child], hex);
        fprintf(r->file, "    input %u: %-24s %.17g  ", (unsigned)i, hex, dump->data[child]);
        text_node(r, child);
        fprintf(r->file, "\n");
    }
}

static bool print_between(const TextReport *r, uint32_t node_id)
{
    size_t n;
    uint32_t first;
    if (!diff_nodes_between(r->diff, node_id, &n, &first, r->error)) {
        return false;
    }
    fprintf(r->file, "    all that it is made of and both dumps have agrees");
    if (n > 0) {
        char label[LABEL_BYTES];
        fprintf(r->file, "; %zu node%s between, from %s on", n, n == 1 ? " lies" : "s lie",
                diff_label(r->diff, first, label));
    }
    fprintf(r->file, "\n");
    return true;
}

// Prints which arithmetic explains the bits of the first cause, if it is only rounding.
static bool print_arithmetic(const TextReport *r, uint32_t node_id)
{
    char text[HYPOTHESIS_BYTES];
    if (!arithmetic_find(r->judgement, node_id, text, r->error)) {
        return false;
    }
    print_explanation(r, r->judgement->subject, text);
    return true;
}

static bool print_data(const TextReport *r)
{
    const GraphDiff *diff = r->diff;
    const Finding *finding = &diff->data;
    print_count(r, "data", finding);
    if (finding->n_differ == 0) {
        return true;
    }
    if (finding->n_causes == 0) {
        print_no_cause(r, finding);
        return true;
    }
    uint32_t node_id = finding->causes[0];
    print_first(r, "first cause", node_id);
    print_sides(r, diff_data(diff, 0, node_id), diff_data(diff, 1, node_id));
    bool is_leaf = diff->has_graph && dump_n_children(diff->dumps[diff->base], node_id) == 0;
    if (is_leaf && node_id < dump_n_leading_leaves(diff->dumps[diff->base])) {
        fprintf(r->file, "    a parameter: it differs before this step computes anything; look at "
                         "how it was\n    drawn, or at the gradients and the update of the step "
                         "before\n");
    } else if (diff->has_graph && diff->by_path) {
        if (!print_between(r, node_id)) {
            return false;
        }
    } else if (diff->has_graph) {
        print_children(r, node_id);
    }
    for (int side = 0; side < 2; side++) {
        char text[EXPLAIN_BYTES];
        explain_data(diff, node_id, side, text);
        print_explanation(r, side, text);
    }
    if (!print_arithmetic(r, node_id)) {
        return false;
    }
    print_rest(r, finding);
    return true;
}

static void print_local_grads(const TextReport *r)
{
    const GraphDiff *diff = r->diff;
    const Finding *finding = &diff->local_grads;
    if (diff->by_path) {
        return;
    }
    print_count(r, "local gradients", finding);
    if (finding->n_differ == 0) {
        return;
    }
    if (finding->n_causes == 0) {
        print_no_cause(r, finding);
        return;
    }
    uint32_t node_id = finding->causes[0];
    print_first(r, "first cause, with the same data on both sides", node_id);
    for (uint32_t i = 0; i < dump_n_children(diff->dumps[0], node_id); i++) {
        fprintf(r->file, "    to input %u\n", (unsigned)i);
        print_side_number(r->file, 'A', diff_local_grads(diff, 0, node_id)[i]);
        print_side_number(r->file, 'B', diff_local_grads(diff, 1, node_id)[i]);
    }
    print_children(r, node_id);
    for (int side = 0; side < 2; side++) {
        char text[EXPLAIN_BYTES];
        explain_local_grads(diff, node_id, side, text);
        print_explanation(r, side, text);
    }
    print_rest(r, finding);
}

static void print_contribution(const TextReport *r, const Contribution *c, size_t number)
{
    char amount[HEXFLOAT_BYTES];
    char total[HEXFLOAT_BYTES];
    char label[LABEL_BYTES];
    hexfloat_format(c->amount, amount);
    hexfloat_format(c->total, total);
    fprintf(r->file, "    %4zu %14.7g * %14.7g = %-24s -> %-24s %s\n", number, c->local_grad,
            c->parent_grad, amount, total, diff_label(r->diff, c->parent, label));
}

static void print_contributions(const TextReport *r, const Contribution *contributions, size_t n)
{
    if (n == 0) {
        fprintf(r->file, "    nothing contributes to it\n");
        return;
    }
    fprintf(r->file,
            "    the sum of %zu contribution%s, in this order (local gradient * gradient = "
            "amount -> sum so far):\n",
            n, n == 1 ? "" : "s");
    size_t n_head = n <= MAX_CONTRIBUTIONS ? n : MAX_CONTRIBUTIONS / 2;
    size_t n_tail = n <= MAX_CONTRIBUTIONS ? 0 : MAX_CONTRIBUTIONS / 2;
    for (size_t i = 0; i < n_head; i++) {
        print_contribution(r, &contributions[i], i + 1);
    }
    if (n_tail > 0) {
        fprintf(r->file, "     ... %zu more ...\n", n - n_head - n_tail);
    }
    for (size_t i = n - n_tail; i < n; i++) {
        print_contribution(r, &contributions[i], i + 1);
    }
}

// Whether the report has already said what the subject did to a gradient.
static bool is_said(const TextReport *r, uint32_t node_id)
{
    const Judgement *j = r->judgement;
    for (size_t i = 0; i < j->n_kinds; i++) {
        if (j->kinds[i].in == IN_GRAD && j->kinds[i].first == node_id) {
            return j->kinds[i].did[0] != '\0';
        }
    }
    return false;
}

// Prints the nodes between a gradient and those that both dumps have.
static bool print_grads_between(const TextReport *r, uint32_t node_id)
{
    size_t n;
    uint32_t first;
    if (!diff_grads_between(r->diff, node_id, &n, &first, r->error)) {
        return false;
    }
    if (n > 0 && !is_said(r, node_id)) {
        char label[LABEL_BYTES];
        fprintf(r->file, "    %zu gradient%s between that only one dump has, from %s on\n", n,
                n == 1 ? " lies" : "s lie", diff_label(r->diff, first, label));
    }
    return true;
}

static bool print_grad_cause(const TextReport *r, uint32_t node_id)
{
    const GraphDiff *diff = r->diff;
    print_sides(r, diff_grad(diff, 0, node_id), diff_grad(diff, 1, node_id));
    if (!diff->has_graph) {
        return true;
    }
    Contribution *contributions;
    size_t n;
    if (!diff_contributions(diff, node_id, &contributions, &n, r->error)) {
        return false;
    }
    print_contributions(r, contributions, n);
    if (!print_grads_between(r, node_id)) {
        free(contributions);
        return false;
    }
    for (int side = 0; side < 2; side++) {
        char text[EXPLAIN_BYTES];
        explain_grad(diff, node_id, side, contributions, n, text);
        print_explanation(r, side, text);
    }
    free(contributions);
    return true;
}

static bool print_grad(const TextReport *r)
{
    const Finding *finding = &r->diff->grad;
    print_count(r, "gradients", finding);
    if (!finding->is_compared) {
        fprintf(r->file,
                "  the graphs are not the same, so neither is the way back through them\n");
        return true;
    }
    if (finding->n_differ == 0) {
        return true;
    }
    if (finding->n_causes == 0 || judgement_grads_follow(r->judgement)) {
        print_no_cause(r, finding);
        return true;
    }
    print_first(r, "first cause, in the order of backward", finding->causes[0]);
    if (!print_grad_cause(r, finding->causes[0])) {
        return false;
    }
    print_rest(r, finding);
    return true;
}

static void print_structure_side(const TextReport *r, int side, uint32_t node_id)
{
    const NodeDump *dump = r->diff->dumps[side];
    if (node_id >= dump->n_nodes) {
        fprintf(r->file, "    %c has no such node: it ends here; is the file cut off?\n",
                text_side(side));
        return;
    }
    uint32_t n = dump_n_children(dump, node_id);
    const char *op = dump_op(dump, node_id);
    fprintf(r->file, "    %c: %s%s%u child%s\n", text_side(side), op != NULL ? op : "",
            op != NULL ? " of " : "", (unsigned)n, n == 1 ? "" : "ren");
    for (uint32_t i = 0; i < n; i++) {
        fprintf(r->file, "       ");
        text_node(r, dump_child(dump, node_id, i));
        fprintf(r->file, "\n");
    }
}

// Prints the matrices that the other dump has transposed.
static void print_transposed(const TextReport *r)
{
    const TransposedMatrices *matrices = &r->diff->pairs.transposed;
    if (matrices->n == 0) {
        return;
    }
    fprintf(r->file, "\nstructure: %c keeps %zu %s transposed, compared as such:",
            text_side(1 - r->diff->base), matrices->n, matrices->n == 1 ? "matrix" : "matrices");
    for (size_t i = 0; i < matrices->n; i++) {
        fprintf(r->file, "%s %s", i > 0 ? "," : "", matrices->names[i]);
    }
    fprintf(r->file, "\n");
}

static void print_structure(const TextReport *r)
{
    static const char *const kinds[] = {
        [STRUCTURE_SAME] = "the same",
        [STRUCTURE_N_CHILDREN] = "a node with another number of children",
        [STRUCTURE_CHILDREN] = "a node with other children",
        [STRUCTURE_OP] = "a node with another operation",
        [STRUCTURE_N_NODES] = "one dump ends where the other goes on",
        [STRUCTURE_PATH] = "the path",
    };
    const StructureFinding *found = &r->diff->structure;
    print_transposed(r);
    if ((r->diff->by_path && found->kind == STRUCTURE_SAME) ||
        found->kind == STRUCTURE_TRANSPOSED) {
        return;
    }
    fprintf(r->file, "\nstructure: ");
    if (found->kind == STRUCTURE_SAME) {
        fprintf(r->file, "the same\n");
        return;
    }
    const NodeDump *a = r->diff->dumps[0];
    const NodeDump *b = r->diff->dumps[1];
    if (found->kind == STRUCTURE_PATH) {
        fprintf(r->file, "%zu paths of the sparse dump are not in the full one\n", found->n_differ);
    } else if (a->n_nodes != b->n_nodes) {
        fprintf(r->file, "%zu nodes in A, %zu in B\n", a->n_nodes, b->n_nodes);
    } else if (r->diff->by_path) {
        fprintf(r->file, "%zu nodes in both, created in another order\n", a->n_nodes);
    } else {
        fprintf(r->file, "%zu node%s\n", found->n_differ,
                found->n_differ == 1 ? " differs" : "s differ");
    }
    fprintf(r->file, "  first place: %s: ", kinds[found->kind]);
    if (found->kind == STRUCTURE_PATH) {
        fprintf(r->file, "%s\n", dump_path(r->diff->dumps[1 - r->diff->base], found->first));
        return;
    }
    char label[LABEL_BYTES];
    bool in_base = found->first < r->diff->n_nodes;
    fprintf(r->file, "%s\n", in_base ? diff_label(r->diff, found->first, label) : "after the last");
    print_structure_side(r, 0, found->first);
    print_structure_side(r, 1, found->first);
    if (found->lacks_zeros) {
        fprintf(r->file, "  %c begins its sums with their first term, and %c with 0\n",
                text_side(1 - r->diff->base), text_side(r->diff->base));
    }
    if (r->diff->by_path) {
        fprintf(r->file, "  nodes with the same %s on both sides are compared: %zu\n",
                r->diff->by_shape ? "inputs" : "name", r->diff->n_paired);
    } else if (a->n_nodes != b->n_nodes) {
        fprintf(r->file, "  only the nodes before it are compared\n");
    }
}

static void print_tally(const TextReport *r, const Tally *tally)
{
    fprintf(r->file, " | %7zu", tally->n_differ);
    if (tally->n_differ == 0) {
        fprintf(r->file, " %8s %8s", "-", "-");
        return;
    }
    print_ulp(r, tally->max_ulp);
    fprintf(r->file, " %8.1e", tally->max_relative);
}

static void print_table(const TextReport *r)
{
    fprintf(r->file, "\n%-12s %7s | %-25s | gradients\n", "", "", "data");
    fprintf(r->file, "%-12s %7s | %7s %8s %8s | %7s %8s %8s\n", "part", "nodes", "differ",
            "max ULP", "max rel", "differ", "max ULP", "max rel");
    for (int part = 0; part < N_MODEL_PARTS; part++) {
        const Tally *data = &r->diff->data_of_part[part];
        if (data->n_nodes > 0) {
            fprintf(r->file, "%-12s %7zu", model_part_name((ModelPart)part), data->n_nodes);
            print_tally(r, data);
            print_tally(r, &r->diff->grad_of_part[part]);
            fprintf(r->file, "\n");
        }
    }
}

static void print_dump(const TextReport *r, int side)
{
    const NodeDump *dump = r->diff->dumps[side];
    static const char *const grads[] = {
        [GRADS_ALL] = "",
        [GRADS_SOME] = ", some without gradients",
        [GRADS_PARAMS] = ", with gradients at parameters only",
        [GRADS_NONE] = ", without gradients",
    };
    print_side_file(r->file, side, dump->file_name);
    fprintf(r->file, ": %zu %s%s%s%s\n", dump->n_nodes, dump->is_sparse ? "value" : "node",
            dump->n_nodes == 1 ? "" : "s",
            r->judgement->is_single[side] ? ", in single precision" : "",
            grads[r->diff->grads_of_side[side]]);
}

// Prints a hint if nodes have only numbers: the sizes of the model could name them.
static void print_lack_of_names(const TextReport *r)
{
    if (!r->diff->dumps[0]->has_names && !r->diff->dumps[1]->has_names) {
        fprintf(r->file, "no names: %s\n", DUMP_OTHER_SIZES);
    }
}

static void print_verdict(const TextReport *r)
{
    static const char *const findings[] = {
        [CAUSE_STRUCTURE] = "structure",
        [CAUSE_DATA] = "data",
        [CAUSE_LOCAL_GRADS] = "local gradients",
        [CAUSE_GRAD] = "gradients",
    };
    uint32_t node_id;
    CauseKind kind = diff_first_cause(r->diff, &node_id);
    bool is_in_base = node_id < r->diff->n_nodes && r->diff->structure.kind != STRUCTURE_PATH;
    if (graph_diff_is_same(r->diff)) {
        fprintf(r->file, "same: data and gradients of %zu %s\n", r->diff->n_paired,
                r->diff->by_path ? "values" : "nodes");
    } else if (kind == CAUSE_NONE) {
        fprintf(r->file, "different, by what follows from elsewhere\n");
    } else {
        fprintf(r->file, "different, first in the %s", findings[kind]);
        if (is_in_base || kind == CAUSE_DATA) {
            fprintf(r->file, ": ");
            text_node(r, node_id);
        }
        fprintf(r->file, "\n");
    }
}

bool diff_print_text(FILE *file, const Judgement *judgement, bool all, Error *error)
{
    assert(file != NULL && judgement != NULL && error != NULL);
    const GraphDiff *diff = judgement->diff;
    TextReport report = {file, diff, judgement, error};
    print_dump(&report, 0);
    print_dump(&report, 1);
    print_verdict(&report);
    if (graph_diff_is_same(diff)) {
        return true;
    }
    text_judgement(&report);
    print_lack_of_names(&report);
    print_structure(&report);
    if (!text_unexplained(&report) || !print_data(&report)) {
        return false;
    }
    print_local_grads(&report);
    if (!print_grad(&report)) {
        return false;
    }
    print_table(&report);
    if (all) {
        text_all_differences(&report);
    }
    return true;
}
