// The text report about differences that rounding does not explain: see text_report.h.
#include "compare/text_report.h"

#include <inttypes.h>
#include <math.h>

#include "compare/diff_explain.h"
#include "python/hexfloat.h"

enum {
    MAX_SHOWN = 24, // of inputs or contributions; the middle of a longer list is omitted
    MAX_KINDS_SHOWN = 12,
};

static const char *name_place(UnexplainedIn in)
{
    static const char *const places[] = {
        [IN_DATA] = "data",
        [IN_LOCAL_GRADS] = "local gradients",
        [IN_GRAD] = "gradients",
        [IN_PARAMS] = "parameters",
    };
    return places[in];
}

void text_judgement(const TextReport *r)
{
    const Judgement *j = r->judgement;
    bool is_single = j->is_single[0] || j->is_single[1];
    if (!j->has_bounds) {
        return;
    }
    if (j->n_unexplained > 0) {
        fprintf(r->file, "unexplained, first in the %s: ", name_place(j->kinds[0].in));
        text_node(r, j->kinds[0].first);
        fprintf(r->file, "\n");
    } else if (r->diff->data.n_differ + r->diff->local_grads.n_differ + r->diff->grad.n_differ >
               0) {
        fprintf(r->file, "nothing is unexplained: %s\n",
                is_single ? "the same, as far as single precision can tell"
                          : "all differences are what rounding makes of equal inputs");
    }
}

// Prints the error of the first value of a kind.
static void print_sizes(const TextReport *r, const UnexplainedKind *kind)
{
    double off;
    double explained;
    judgement_sizes(r->judgement, kind->in, kind->first, &off, &explained);
    if (kind->in == IN_PARAMS) {
        fprintf(r->file, "off by %.2g relative, and rounding explains %.1g", off, explained);
    } else if (isfinite(off)) {
        fprintf(r->file, "off by %.2g relative; its inputs explain %.1g", off, explained);
    } else {
        double value = kind->in == IN_GRAD ? diff_grad(r->diff, r->judgement->subject, kind->first)
                                           : diff_data(r->diff, r->judgement->subject, kind->first);
        fprintf(r->file, isinf(value) ? "infinite" : "not a number");
    }
}

static void print_did(const TextReport *r, const UnexplainedKind *kind)
{
    if (kind->did[0] != '\0') {
        fprintf(r->file, "    %c %s\n", text_side(r->judgement->subject), kind->did);
    }
}

// Prints `4 gradients, posN.norm[*]; the first is pos1.norm[1], off by ...`.
static void print_kind(const TextReport *r, const UnexplainedKind *kind)
{
    char label[LABEL_BYTES];
    fprintf(r->file, "  in the %s: %zu %s, first %s", name_place(kind->in), kind->n,
            r->judgement->kinds_of_paths.patterns[kind->kind],
            diff_label(r->diff, kind->first, label));
    if (kind->in != IN_LOCAL_GRADS) {
        fprintf(r->file, ": ");
        print_sizes(r, kind);
    }
    fprintf(r->file, "\n");
    print_did(r, kind);
}

// Prints a number of the subject, and whether it is shown in the dump or was computed.
static void print_range(const TextReport *r, const char *name, Range range)
{
    if (range_is_finite(range)) {
        fprintf(r->file, "    %s %.17g, within %.1g\n", name, range_middle(range),
                range_half_width(range));
    } else {
        fprintf(r->file, "    %s any number: something that they are made of is not known\n", name);
    }
}

static void print_inputs(const TextReport *r, uint32_t node_id)
{
    const Bounds *b = &r->judgement->bounds;
    const NodeDump *dump = b->dump;
    uint32_t n = dump_n_children(dump, node_id);
    for (uint32_t i = 0; i < n && i < MAX_SHOWN; i++) {
        uint32_t child = dump_child(dump, node_id, i);
        fprintf(r->file, "    input %u: ", (unsigned)i);
        if (b->has_data[child]) {
            fprintf(r->file, "%.17g  ", b->data[child]);
        } else {
            fprintf(r->file, "not shown by %c  ", text_side(r->judgement->subject));
        }
        text_node(r, child);
        fprintf(r->file, "\n");
    }
}

static void print_contribution(const TextReport *r, uint32_t use, size_t number)
{
    const Bounds *b = &r->judgement->bounds;
    uint32_t parent = b->order.use_parent[use];
    uint32_t edge = b->order.use_edge[use];
    char label[LABEL_BYTES];
    Range local_grad;
    Range grad;
    judgement_contribution(r->judgement, parent, edge, &local_grad, &grad);
    fprintf(r->file, "    %4zu %14.7g * %14.7g = %14.7g%s %s\n", number, range_middle(local_grad),
            range_middle(grad), range_middle(range_mul(local_grad, grad)),
            b->has_grad[parent] ? "  " : " ~", diff_label(r->diff, parent, label));
}

// Prints contributions with the subject's own numbers; a tilde marks those whose gradient it does
// not show.
static void print_contributions(const TextReport *r, uint32_t node_id)
{
    const GraphOrder *order = &r->judgement->bounds.order;
    size_t n = 0;
    uint32_t first = order->first_use[node_id];
    while (first + n < order->first_use[node_id + 1] &&
           order->is_reachable[order->use_parent[first + n]]) {
        n++;
    }
    if (n == 0) {
        fprintf(r->file, "    nothing contributes to it\n");
        return;
    }
    fprintf(r->file,
            "    %zu contribution%s from %c's own numbers (local gradient * gradient; ~: that "
            "gradient is worked out, %c does not show it):\n",
            n, n == 1 ? "" : "s", text_side(r->judgement->subject),
            text_side(r->judgement->subject));
    for (size_t i = 0; i < n; i++) {
        if (n <= MAX_SHOWN || i < MAX_SHOWN / 2 || i >= n - MAX_SHOWN / 2) {
            print_contribution(r, first + (uint32_t)i, i + 1);
        } else if (i == MAX_SHOWN / 2) {
            fprintf(r->file, "     ... %zu more ...\n", n - 2 * (size_t)(MAX_SHOWN / 2));
        }
    }
}

// Prints the nodes between the value and those that the subject shows: the mistake is in one of
// them or in the value.
static bool print_between(const TextReport *r, const UnexplainedKind *kind)
{
    size_t n;
    uint32_t first;
    bool is_grad = kind->in == IN_GRAD;
    bool ok = is_grad ? diff_grads_between(r->diff, kind->first, &n, &first, r->error)
                      : diff_nodes_between(r->diff, kind->first, &n, &first, r->error);
    if (ok && n > 0) {
        char label[LABEL_BYTES];
        fprintf(
            r->file,
            "    %zu %s%s between it and what %c shows, from %s on: the fault is there, or in it\n",
            n, is_grad ? "gradient" : "node", n == 1 ? " lies" : "s lie",
            text_side(r->judgement->subject), diff_label(r->diff, first, label));
    }
    return ok;
}

// Prints the numbers of the first value of the most important kind.
static bool print_first(const TextReport *r, const UnexplainedKind *kind)
{
    const Judgement *j = r->judgement;
    uint32_t node_id = kind->first;
    if (kind->in == IN_LOCAL_GRADS) {
        print_inputs(r, node_id);
        return true;
    }
    print_side_number(r->file, text_side(j->subject),
                      kind->in == IN_GRAD ? diff_grad(r->diff, j->subject, node_id)
                                          : diff_data(r->diff, j->subject, node_id));
    if (kind->in == IN_PARAMS) {
        fprintf(r->file, "    a parameter: what made it so is in the steps before\n");
        return true;
    }
    print_range(r, "its inputs give", judgement_bound(j, kind->in, node_id));
    if (kind->in == IN_GRAD) {
        print_contributions(r, node_id);
    } else {
        print_inputs(r, node_id);
    }
    return kind->did[0] != '\0' || print_between(r, kind);
}

// Returns whether the numbers of a value are shown further down, because it is the first cause.
static bool is_first_cause(const TextReport *r, const UnexplainedKind *kind)
{
    const GraphDiff *diff = r->diff;
    const Finding *finding = kind->in == IN_GRAD          ? &diff->grad
                             : kind->in == IN_LOCAL_GRADS ? &diff->local_grads
                                                          : &diff->data;
    return finding->n_causes > 0 && finding->causes[0] == kind->first;
}

bool text_unexplained(const TextReport *r)
{
    const Judgement *j = r->judgement;
    if (!j->has_bounds || j->n_unexplained == 0) {
        return true;
    }
    fprintf(r->file, "\nunexplained: %zu value%s of %zu kind%s\n", j->n_unexplained,
            j->n_unexplained == 1 ? "" : "s", j->n_kinds, j->n_kinds == 1 ? "" : "s");
    for (size_t i = 0; i < j->n_kinds && i < MAX_KINDS_SHOWN; i++) {
        print_kind(r, &j->kinds[i]);
        if (i == 0 && !is_first_cause(r, &j->kinds[0]) && !print_first(r, &j->kinds[0])) {
            return false;
        }
    }
    if (j->n_kinds > MAX_KINDS_SHOWN) {
        fprintf(r->file, "  and %zu more kinds\n", j->n_kinds - MAX_KINDS_SHOWN);
    }
    return true;
}

static void print_difference(const TextReport *r, const char *place, uint32_t node_id, double a,
                             double b, bool unexplained)
{
    char hex[2][HEXFLOAT_BYTES];
    char label[LABEL_BYTES];
    hexfloat_format(a, hex[0]);
    hexfloat_format(b, hex[1]);
    fprintf(r->file, "  %-4s %-40s %24s %24s %8.1e%s\n", place, diff_label(r->diff, node_id, label),
            hex[0], hex[1], relative_difference(a, b), unexplained ? "  unexplained" : "");
}

void text_all_differences(const TextReport *r)
{
    const GraphDiff *diff = r->diff;
    const Judgement *j = r->judgement;
    fprintf(r->file, "\nall differences: A, B, relative\n");
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff_data_differ(diff, i)) {
            bool odd =
                j->has_bounds && (is_unexplained(j, IN_DATA, i) || is_unexplained(j, IN_PARAMS, i));
            print_difference(r, "data", i, diff_data(diff, 0, i), diff_data(diff, 1, i), odd);
        }
    }
    for (size_t n = 0; n < diff->n_nodes; n++) {
        uint32_t i = diff->has_graph ? diff->order.backward[n] : (uint32_t)n;
        if (diff_grads_differ(diff, i)) {
            bool odd = j->has_bounds && is_unexplained(j, IN_GRAD, i);
            print_difference(r, "grad", i, diff_grad(diff, 0, i), diff_grad(diff, 1, i), odd);
        }
    }
}
