// Hypotheses about gradients: see hypotheses.h. A gradient is the sum of contributions. Each
// hypothesis is another sum of the same contributions, and holds if it fits all gradients of a
// kind.
#include "compare/hypothesis_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TESTED = 256, // how many gradients of a kind are tested
    MAX_TERMS = 4096, // of a sum
};

// A contribution, as the middle of its range.
typedef struct Term {
    double amount;
    uint16_t kind; // of the parent
    uint32_t parent;
} Term;

// The terms of a gradient, and its value.
typedef struct GradSum {
    Term *terms; // [n]
    size_t n;
    double total;
    double allowed; // how far a sum of these may be off; infinite if it is too far to be useful
    double grad;
} GradSum;

typedef struct GradSums {
    const HypothesisSearch *search;
    GradSum *sums;
    size_t n;
} GradSums;

static size_t count_terms(const Bounds *b, uint32_t node_id)
{
    size_t n = 0;
    for (uint32_t use = b->order.first_use[node_id]; use < b->order.first_use[node_id + 1]; use++) {
        n += b->order.is_reachable[b->order.use_parent[use]];
    }
    return n;
}

static bool fill_sum(const HypothesisSearch *s, uint32_t node_id, GradSum *sum)
{
    const Bounds *b = s->bounds;
    size_t n = count_terms(b, node_id);
    *sum = (GradSum){.grad = b->grad[node_id]};
    sum->terms = malloc((n + 1) * sizeof *sum->terms);
    if (sum->terms == NULL) {
        return false;
    }
    for (uint32_t use = b->order.first_use[node_id]; sum->n < n; use++) {
        uint32_t parent = b->order.use_parent[use];
        Range range = bounds_contribution(b, parent, b->order.use_edge[use]);
        double amount = range_middle(range);
        sum->terms[sum->n++] = (Term){amount, s->kinds->kind_of[parent], parent};
        sum->total += amount;
    }
    sum->allowed = hypothesis_allowed(s, node_id);
    return true;
}

// Returns whether a different sum gives the gradient.
static bool fits(const GradSum *sum, double other)
{
    return fabs(sum->grad - other) <= sum->allowed;
}

// Returns whether enough gradients have useful bounds.
static bool do_bounds_tell(const GradSums *sums)
{
    size_t n_tell = 0;
    bool one_tells = false;
    for (size_t i = 0; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        double off = fabs(sum->grad - sum->total);
        n_tell += sum->allowed * HYPOTHESIS_SMALLER <= off;
        one_tells = one_tells || sum->allowed * HYPOTHESIS_SMALLER_FOR_ONE <= off;
    }
    return one_tells || (n_tell > 1 && n_tell >= sums->n / 4);
}

// ---- The gradient is 0, or has a factor

static bool is_zero(const GradSums *sums)
{
    for (size_t i = 0; i < sums->n; i++) {
        if (sums->sums[i].grad != 0) {
            return false;
        }
    }
    return true;
}

static bool has_factor(const GradSums *sums, double factor)
{
    for (size_t i = 0; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        GradSum scaled = *sum;
        scaled.allowed *= fmax(1, fabs(factor));
        if (!fits(&scaled, factor * sum->total)) {
            return false;
        }
    }
    return true;
}

// Finds the gradient that determines a factor best: the one with the smallest relative bound.
static const GradSum *find_clearest(const GradSums *sums)
{
    const GradSum *clearest = &sums->sums[0];
    for (size_t i = 1; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        if (fabs(sum->total) * clearest->allowed > fabs(clearest->total) * sum->allowed) {
            clearest = sum;
        }
    }
    return clearest;
}

static bool try_factor(const GradSums *sums, char *text)
{
    const GradSum *clearest = find_clearest(sums);
    double factor = clearest->grad / clearest->total;
    bool is_clear = clearest->allowed * HYPOTHESIS_SMALLER <= fabs(clearest->total);
    if (!is_clear || !isfinite(factor) || factor == 0) {
        return false;
    }
    char name[PATTERN_BYTES];
    bool is_nice = hypotheses_name_factor(&factor, name);
    if ((sums->n < 3 && !is_nice) || !has_factor(sums, factor)) {
        return false;
    }
    if (factor == -1) {
        snprintf(text, HYPOTHESIS_BYTES, "has the other sign%s", sums->n > 1 ? ", throughout" : "");
    } else {
        snprintf(text, HYPOTHESIS_BYTES, "is %.40s x their sum%s", name,
                 sums->n > 1 ? ", throughout" : "");
    }
    return true;
}

// ---- Contributions omitted, or counted twice

static double sum_of_kind(const GradSum *sum, uint16_t kind)
{
    double total = 0;
    for (size_t i = 0; i < sum->n; i++) {
        total += sum->terms[i].kind == kind ? sum->terms[i].amount : 0;
    }
    return total;
}

// Returns whether all gradients are `of_all` times their sum plus `of_kind` times the contributions
// of a kind.
static bool has_kind_times(const GradSums *sums, uint16_t kind, double of_all, double of_kind)
{
    for (size_t i = 0; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        if (!fits(sum, of_all * sum->total + of_kind * sum_of_kind(sum, kind))) {
            return false;
        }
    }
    return true;
}

// Lists the numbers of the first few contributions of a kind, or of the other kinds: "3 and 4".
static void list_numbers(const GradSum *sum, uint16_t kind, bool of_kind, char *text, size_t size)
{
    size_t n_all = 0;
    for (size_t i = 0; i < sum->n; i++) {
        n_all += (sum->terms[i].kind == kind) == of_kind;
    }
    size_t n = 0;
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sum->n && length + 24 < size; i++) {
        if ((sum->terms[i].kind == kind) == of_kind) {
            const char *link = n == 0 ? "" : (n + 1 == n_all ? " and " : ", ");
            length += (size_t)snprintf(text + length, size - length, "%s%zu", link, i + 1);
            n++;
        }
    }
    if (n < n_all) {
        snprintf(text + length, size - length, " and more");
    }
}

static void say_left_out(const GradSums *sums, uint16_t kind, bool of_kind, char *text)
{
    char numbers[100];
    const GradSum *sum = &sums->sums[0];
    list_numbers(sum, kind, of_kind, numbers, sizeof numbers);
    bool is_one = strspn(numbers, "0123456789") == strlen(numbers);
    if (of_kind) {
        snprintf(text, HYPOTHESIS_BYTES, "is their sum without number%s %s: those by way of %.100s",
                 is_one ? "" : "s", numbers, sums->search->kinds->patterns[kind]);
    } else {
        snprintf(text, HYPOTHESIS_BYTES, "is their sum without number%s %s: only %.100s counts",
                 is_one ? "" : "s", numbers, sums->search->kinds->patterns[kind]);
    }
}

static bool try_kind_alone(const GradSums *sums, char *text)
{
    const GradSum *first = &sums->sums[0];
    for (size_t i = 0; i < first->n; i++) {
        if (has_kind_times(sums, first->terms[i].kind, 0, 1)) {
            say_left_out(sums, first->terms[i].kind, false, text);
            return true;
        }
    }
    return false;
}

static bool has_other_kinds(const GradSum *sum)
{
    for (size_t i = 1; i < sum->n; i++) {
        if (sum->terms[i].kind != sum->terms[0].kind) {
            return true;
        }
    }
    return false;
}

static bool try_kinds(const GradSums *sums, char *text)
{
    const GradSum *first = &sums->sums[0];
    if (!has_other_kinds(first)) {
        return false;
    }
    for (size_t i = 0; i < first->n; i++) {
        uint16_t kind = first->terms[i].kind;
        if (has_kind_times(sums, kind, 1, -1)) {
            say_left_out(sums, kind, true, text);
            return true;
        }
        if (has_kind_times(sums, kind, 1, 1)) {
            snprintf(text, HYPOTHESIS_BYTES, "counts what comes by way of %.100s twice",
                     sums->search->kinds->patterns[kind]);
            return true;
        }
    }
    return false;
}

// ---- Single contributions, a different one in each gradient

// Finds a contribution; sum->n if there is none.
typedef size_t (*FindTerm)(const GradSum *sum);

// Finds the last contribution such that the sum from there on is the gradient.
static size_t find_restart(const GradSum *sum)
{
    double total = 0;
    for (size_t i = sum->n; i-- > 1;) {
        total += sum->terms[i].amount;
        if (fits(sum, total)) {
            return i;
        }
    }
    return sum->n;
}

// Finds the contribution that gives the gradient if it is added, times a factor, to a multiple of
// the sum.
static size_t find_one(const GradSum *sum, double of_all, double of_one)
{
    size_t i = 0;
    while (i < sum->n && !fits(sum, of_all * sum->total + of_one * sum->terms[i].amount)) {
        i++;
    }
    return i;
}

static size_t find_alone(const GradSum *sum)
{
    return find_one(sum, 0, 1);
}

static size_t find_left_out(const GradSum *sum)
{
    return find_one(sum, 1, -1);
}

static size_t find_twice(const GradSum *sum)
{
    return find_one(sum, 1, 1);
}

// Finds a contribution of each gradient, and sets `number` to that of the first one. Returns false
// if any gradient has none.
static bool find_in_all(const GradSums *sums, FindTerm find, size_t *number)
{
    for (size_t i = sums->n; i-- > 0;) {
        size_t term = find(&sums->sums[i]);
        if (term == sums->sums[i].n) {
            return false;
        }
        *number = term + 1;
    }
    return true;
}

static bool try_terms(const GradSums *sums, char *text)
{
    size_t number;
    if (find_in_all(sums, find_restart, &number)) {
        bool is_last = number == sums->sums[0].n;
        snprintf(text, HYPOTHESIS_BYTES, "is %s number %zu: `=` where `+=` belongs",
                 is_last ? "the last of them alone," : "their sum from", number);
    } else if (find_in_all(sums, find_alone, &number)) {
        snprintf(text, HYPOTHESIS_BYTES, "is number %zu of them alone: `=` where `+=` belongs",
                 number);
    } else if (find_in_all(sums, find_left_out, &number)) {
        snprintf(text, HYPOTHESIS_BYTES, "is their sum without number %zu", number);
    } else if (find_in_all(sums, find_twice, &number)) {
        snprintf(text, HYPOTHESIS_BYTES, "is their sum with number %zu counted twice", number);
    } else {
        return false;
    }
    return true;
}

// ---- Terms that are not contributions

// Whether each gradient is its sum plus the same factor times the parameter.
static bool has_decay(const GradSums *sums, const uint32_t *members, double factor)
{
    const Bounds *b = sums->search->bounds;
    for (size_t i = 0; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        double more = factor * b->data[members[i]];
        GradSum widened = *sum;
        widened.allowed += 4 * b->unit * fabs(more);
        if (!fits(&widened, sum->total + more)) {
            return false;
        }
    }
    return true;
}

static bool try_decay(const GradSums *sums, const uint32_t *members, char *text)
{
    const Bounds *b = sums->search->bounds;
    double factor = 0;
    double doubt = INFINITY;
    for (size_t i = 0; i < sums->n; i++) {
        const GradSum *sum = &sums->sums[i];
        double param = b->data[members[i]];
        if (b->rules[members[i]] != RULE_PARAM || !b->has_data[members[i]]) {
            return false;
        }
        if (sum->allowed < doubt * fabs(param)) {
            doubt = sum->allowed / fabs(param);
            factor = (sum->grad - sum->total) / param;
        }
    }
    if (sums->n < 3 || !has_decay(sums, members, factor)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "is their sum plus %.6g x the parameter: weight decay",
             factor);
    return true;
}

// Returns whether some of the gradients have contributions and others have none.
static bool some_have_terms(const Bounds *b, const uint32_t *members, size_t n)
{
    size_t n_with = 0;
    for (size_t i = 0; i < n; i++) {
        n_with += count_terms(b, members[i]) > 0;
    }
    return n_with > 0 && n_with < n;
}

static bool try_left_over(const GradSums *sums, const uint32_t *members, size_t n, char *text)
{
    if (!some_have_terms(sums->search->bounds, members, n)) {
        return false;
    }
    snprintf(
        text, HYPOTHESIS_BYTES,
        "has gradients where nothing contributes to them: compare --next shows whether they are "
        "left over from the step before");
    return true;
}

// ---- Gradients of other parameters

// Returns whether each gradient is what the gradient of another node should be, and 0 if there is
// no such node.
static bool are_those_of(const GradSums *sums, const uint32_t *members, const uint32_t *others)
{
    const Bounds *b = sums->search->bounds;
    size_t n_tell = 0;
    for (size_t i = 0; i < sums->n; i++) {
        bool has_other = others[i] != NO_NODE;
        double middle = has_other ? range_middle(b->grad_bound[others[i]]) : 0;
        double allowed = has_other ? hypothesis_allowed(sums->search, others[i]) : 0;
        double off = fabs(sums->sums[i].grad - sums->sums[i].total);
        n_tell += allowed * HYPOTHESIS_SMALLER <= off;
        if (!(fabs(b->grad[members[i]] - middle) <= allowed)) {
            return false;
        }
    }
    return n_tell > 1 && n_tell >= sums->n / 4;
}

static bool parse_indices(const char *path, unsigned *row, unsigned *column, int *length)
{
    const char *bracket = path != NULL ? strchr(path, '[') : NULL;
    *length = bracket != NULL ? (int)(bracket - path) : 0;
    return bracket != NULL && sscanf(bracket, "[%u,%u]", row, column) == 2;
}

static bool try_transposed(const GradSums *sums, const uint32_t *members, char *text)
{
    uint32_t others[MAX_TESTED];
    ParamMatrix m;
    if (!hypothesis_find_matrix(sums->search, members[0], &m)) {
        return false;
    }
    uint32_t n_numbers = m.n_rows * m.n_columns;
    for (size_t i = 0; i < sums->n; i++) {
        if (members[i] < m.first || members[i] - m.first >= n_numbers) {
            return false;
        }
        others[i] = hypothesis_transposed(&m, members[i]);
    }
    if (!are_those_of(sums, members, others)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "has the gradients of %.100s transposed", m.name);
    return true;
}

// Tries whether the members have the gradients of another row of the matrix: those of one row of
// the row `to`, or those of several rows each of the row `to` rows further.
static bool try_row(const GradSums *sums, const uint32_t *members, bool is_further, int to,
                    char *text)
{
    uint32_t others[MAX_TESTED];
    const HypothesisSearch *s = sums->search;
    bool has_rows = false;
    unsigned first_row = 0;
    int length = 0;
    const char *path = NULL;
    for (size_t i = 0; i < sums->n; i++) {
        char other[PATTERN_BYTES + 32];
        unsigned row;
        unsigned column;
        path = dump_path(s->bounds->dump, members[i]);
        if (!parse_indices(path, &row, &column, &length)) {
            return false;
        }
        first_row = i == 0 ? row : first_row;
        has_rows = has_rows || row != first_row;
        snprintf(other, sizeof other, "%.*s[%d,%u]", length, path, is_further ? (int)row + to : to,
                 column);
        others[i] = path_index_find(&s->index, other);
        if (!is_further && (has_rows || others[0] == NO_NODE)) {
            return false;
        }
    }
    if ((is_further && !has_rows) || !are_those_of(sums, members, others)) {
        return false;
    }
    if (is_further) {
        snprintf(text, HYPOTHESIS_BYTES, "has in each row what belongs to the row %s it of %.*s",
                 to < 0 ? "before" : "after", length, path);
    } else {
        snprintf(text, HYPOTHESIS_BYTES, "has in row %u what belongs to row %d of %.*s", first_row,
                 to, length, path);
    }
    return true;
}

static bool try_rows(const GradSums *sums, const uint32_t *members, char *text)
{
    bool found = try_row(sums, members, true, -1, text) || try_row(sums, members, true, 1, text);
    for (int row = 0; row < MAX_TESTED && !found; row++) {
        found = try_row(sums, members, false, row, text);
    }
    return found;
}

// Adds to the text which contributions are missing or have a factor, and why, if that is known.
static void add_passage(HypothesisSearch *s, char *text)
{
    char passage[HYPOTHESIS_BYTES] = "";
    size_t length = strlen(text);
    if (hypotheses_try_passages(s, passage)) {
        snprintf(text + length, HYPOTHESIS_BYTES - length, "; it %s", passage);
    }
}

// Tries hypotheses about all contributions: a factor, or all contributions of a kind.
static bool try_whole(HypothesisSearch *s, const GradSums *sums, char *text)
{
    if (is_zero(sums)) {
        if (s->bounds->dump->has_names && hypotheses_try_passages(s, text)) {
            return true;
        }
        snprintf(text, HYPOTHESIS_BYTES, "is 0, as if nothing had been added%s",
                 sums->n > 1 ? ", throughout" : "");
        return true;
    }
    if (!try_factor(sums, text) && !try_kinds(sums, text)) {
        return false;
    }
    if (s->bounds->dump->has_names) {
        add_passage(s, text);
    }
    return true;
}

// Tries hypotheses about single contributions, which may fit by chance if they are not the cause.
static bool try_single(const GradSums *sums, const uint32_t *members, bool has_names, char *text)
{
    return try_terms(sums, text) || (has_names && try_transposed(sums, members, text)) ||
           (has_names && try_rows(sums, members, text)) || try_kind_alone(sums, text);
}

static bool find_all(HypothesisSearch *search, const GradSums *sums, const uint32_t *members,
                     size_t n, char *text)
{
    bool has_names = search->bounds->dump->has_names;
    if (!do_bounds_tell(sums)) {
        return false;
    }
    if (sums->sums[0].n == 0) {
        return (has_names && try_rows(sums, members, text)) || try_decay(sums, members, text) ||
               try_left_over(sums, members, n, text);
    }
    if (has_names) {
        hypothesis_begin(search, true, members, n);
    }
    return try_whole(search, sums, text) || (has_names && hypotheses_try_passages(search, text)) ||
           (has_names && hypotheses_try_slopes(search, text)) ||
           try_single(sums, members, has_names, text) || try_decay(sums, members, text) ||
           try_left_over(sums, members, n, text);
}

static bool has_too_many_terms(const Bounds *b, const uint32_t *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (count_terms(b, members[i]) > MAX_TERMS) {
            return true;
        }
    }
    return false;
}

// Whether the port shows no data but parameters.
static bool shows_params_only(const Bounds *b)
{
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        if (b->has_data[i] && b->rules[i] != RULE_PARAM) {
            return false;
        }
    }
    return b->dump->has_names;
}

// Tries whether a mistake in the forward pass, which the port does not show, explains all
// gradients.
static bool find_forward(HypothesisSearch *search, const uint32_t *members, size_t n, char *text)
{
    if (search->has_tried_by_grads || !shows_params_only(search->bounds)) {
        return false;
    }
    search->has_tried_by_grads = true;
    size_t budget = search->budget;
    hypothesis_begin_by_grads(search, members, n);
    bool found = hypotheses_try_forward(search, text);
    search->budget = budget;
    hypothesis_end_by_grads(search);
    return found;
}

// Searches for what explains the gradients as sums of contributions, or in the forward pass.
static bool search_sums(HypothesisSearch *search, const uint32_t *members, size_t n,
                        size_t n_tested, char *text)
{
    GradSums sums = {search, malloc(n_tested * sizeof *sums.sums), 0};
    bool ok = sums.sums != NULL;
    while (ok && sums.n < n_tested) {
        ok = fill_sum(search, members[sums.n], &sums.sums[sums.n]);
        sums.n += ok;
    }
    if (!ok) {
        error_out_of_memory(&search->failure, "the gradients' contributions",
                            n_tested * sizeof *sums.sums);
        search->has_failed = true;
    }
    bool found =
        ok && (find_all(search, &sums, members, n, text) || find_forward(search, members, n, text));
    while (sums.n > 0) {
        free(sums.sums[--sums.n].terms);
    }
    free(sums.sums);
    return found;
}

bool hypotheses_find_grads(HypothesisSearch *search, const uint32_t *members, size_t n, char *text)
{
    size_t n_tested = n < MAX_TESTED ? n : MAX_TESTED;
    if (has_too_many_terms(search->bounds, members, n_tested)) {
        return false;
    }
    bool found = search_sums(search, members, n, n_tested, text);
    if (!found && !search->has_failed) {
        hypothesis_begin_points(search);
        found = search_sums(search, members, n, n_tested, text);
        hypothesis_end_points(search);
    }
    return found;
}
