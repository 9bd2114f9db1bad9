// Finds the rule that explains an update: see update_diff.h.
//
// A rule computes by how much a parameter changes, in units of the learning rate, from its value,
// its gradient and its moments. It is applied to B's own values, so that wrong gradients do not
// matter here. A rule explains B's step if it gives the change of each parameter, up to the
// rounding of the parameters and of the rule's own sums.
#include "compare/update_diff.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "compare/diff_numbers.h"
#include "microgpt/adam_rule.h"

// The settings of microgpt.py.
static const AdamConfig published = {
    .learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8};

// An update rule, without the learning rate.
typedef struct Rule {
    double beta1;
    double beta2;
    double eps;
    bool no_correction1; // m is not divided by 1 - beta1**step
    bool no_correction2;
    bool swaps_correction1; // m is divided by 1 - beta2**step
    int shift;              // of the step number in the corrections
    bool eps_inside;        // eps is added inside the square root
    bool eps_early;         // eps is added to the root of v, which is then corrected
    bool no_root;           // divides by v instead of its root
    bool forgets;           // the moments were set to 0 before the step
    bool is_plain;          // gradient descent
    double decay;           // of the parameter, in units of the learning rate
    double l2;              // of the parameter, added to its gradient
} Rule;

static const Rule right_rule = {.beta1 = 0.85, .beta2 = 0.99, .eps = 1e-8};

// How much a parameter decreases for a learning rate of 1, and the error of this per unit of
// roundoff.
typedef struct Move {
    double length;
    double doubt;
} Move;

// The moments before the update. Those of A, in place of B's, have A's betas: before step 2, they
// are only factors.
static void find_moments(const Rule *rule, const UpdateValues *values, int side, size_t i,
                         double *m, double *v)
{
    *m = rule->forgets ? 0 : values->sides[side].m[i];
    *v = rule->forgets ? 0 : values->sides[side].v[i];
    if (side == 1 && values->borrows_moments && values->step == 2) {
        *m *= (1 - rule->beta1) / (1 - right_rule.beta1);
        *v *= (1 - rule->beta2) / (1 - right_rule.beta2);
    }
}

static double divisor_of(const Rule *rule, double v, double correction)
{
    if (rule->no_root) {
        return v / correction + rule->eps;
    }
    if (rule->eps_early) {
        return (sqrt(v) + rule->eps) / sqrt(correction);
    }
    return rule->eps_inside ? sqrt(v / correction + rule->eps) : sqrt(v / correction) + rule->eps;
}

static Move move_of(const Rule *rule, const UpdateValues *values, int side, size_t i)
{
    const SideValues *of_side = &values->sides[side];
    double p = of_side->data[i];
    double g = of_side->grad[i] + rule->l2 * p;
    if (rule->is_plain) {
        return (Move){g, fabs(g)};
    }
    double old_m;
    double old_v;
    find_moments(rule, values, side, i, &old_m, &old_v);
    double step = (double)values->step + rule->shift;
    double old = rule->beta1 * old_m;
    double new = (1 - rule->beta1) * g;
    double v = rule->beta2 * old_v + (1 - rule->beta2) * g * g;
    double beta1 = rule->swaps_correction1 ? rule->beta2 : rule->beta1;
    double m_hat = (old + new) / (rule->no_correction1 ? 1 : 1 - pow(beta1, step));
    double divisor = divisor_of(rule, v, rule->no_correction2 ? 1 : 1 - pow(rule->beta2, step));
    double length = m_hat / divisor + rule->decay * p;
    double cancelled = old + new != 0 ? (fabs(old) + fabs(new)) / fabs(old + new) : 1;
    double doubt = 64 * fabs(m_hat / divisor) * fmin(cancelled, 1e6) + 4 * fabs(rule->decay * p);
    return (Move){length, doubt};
}

static double moved(const UpdateValues *values, int side, size_t i)
{
    return values->sides[side].data[i] - values->sides[side].next[i];
}

static bool explains_one(const UpdateDiff *diff, const Rule *rule, double rate, int side, size_t i)
{
    const SideValues *of_side = &diff->values->sides[side];
    double unit = diff->is_single ? 0x1p-24 : 0x1p-53;
    Move move = move_of(rule, diff->values, side, i);
    double of_p = fabs(of_side->data[i]) + fabs(of_side->next[i]);
    double allowed = unit * (4 * of_p + fabs(rate) * move.doubt);
    double length = moved(diff->values, side, i);
    return fabs(length - rate * move.length) <= allowed || (isnan(length) && isnan(move.length));
}

// A few parameters may differ, because a gradient can be so small that it consists of rounding
// errors.
static bool explains(const UpdateDiff *diff, const Rule *rule, double rate, int side)
{
    size_t n = diff->values->n_params;
    size_t n_wrong = 0;
    for (size_t i = 0; i < n && n_wrong <= n / 1000; i++) {
        n_wrong += !explains_one(diff, rule, rate, side, i);
    }
    return n_wrong <= n / 1000;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

// The ratios of two numbers of each parameter, to find their median.
typedef struct Ratios {
    double *list; // [n_params]
    size_t n;
} Ratios;

static void add_ratio(Ratios *ratios, double over, double under, double least)
{
    double ratio = over / under;
    if (fabs(under) > least && isfinite(ratio)) {
        ratios->list[ratios->n] = ratio;
        ratios->n++;
    }
}

static double take_median(Ratios *ratios)
{
    size_t n = ratios->n;
    ratios->n = 0;
    if (n == 0) {
        return 0;
    }
    qsort(ratios->list, n, sizeof *ratios->list, compare_doubles);
    return ratios->list[n / 2];
}

static double fit_rate(const UpdateDiff *diff, const Rule *rule, int side, Ratios *ratios)
{
    for (size_t i = 0; i < diff->values->n_params; i++) {
        double length = move_of(rule, diff->values, side, i).length;
        add_ratio(ratios, moved(diff->values, side, i), length, rule->is_plain ? 1e-12 : 1e-3);
    }
    return take_median(ratios);
}

// ---- the rules that are tried ----

// Adds a rule that explains B's step.
static void __attribute__((format(printf, 2, 3))) keep(UpdateDiff *diff, const char *format, ...)
{
    if (diff->n_rules < UPDATE_MAX_RULES) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(diff->rules[diff->n_rules], UPDATE_RULE_BYTES, format, arguments);
        va_end(arguments);
        diff->n_rules++;
    }
}

typedef struct NamedRule {
    Rule rule;
    const char *name;
} NamedRule;

static void try_named_rules(UpdateDiff *diff)
{
    static const NamedRule rules[] = {
        {{0.85, 0.99, 1e-8, .no_correction1 = true, .no_correction2 = true},
         "no bias correction: m and v are used as they are"},
        {{0.85, 0.99, 1e-8, .no_correction1 = true}, "no bias correction of m"},
        {{0.85, 0.99, 1e-8, .no_correction2 = true}, "no bias correction of v"},
        {{0.85, 0.99, 1e-8, .shift = 1},
         "bias corrections of the step after: the step is one ahead"},
        {{0.85, 0.99, 1e-8, .shift = -1},
         "bias corrections of the step before: the step is one behind"},
        {{0.99, 0.85, 1e-8, .shift = 0}, "beta1 and beta2 are swapped"},
        {{0.85, 0.99, 1e-8, .swaps_correction1 = true}, "the bias correction of m has beta2"},
        {{0.85, 0.99, 1e-8, .forgets = true}, "the moments of the step before are not kept"},
        {{0.85, 0.99, 1e-8, .eps_inside = true}, "eps is inside the root"},
        {{0.85, 0.99, 1e-8, .eps_early = true},
         "eps is added to the root of v before its bias correction"},
        {{0.85, 0.99, 1e-8, .no_root = true}, "no root: divides by v itself"},
        {{0.85, 0.99, 0, .shift = 0}, "no eps"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool has_step = (double)diff->values->step + rules[i].rule.shift >= 1;
        if (has_step && explains(diff, &rules[i].rule, diff->rate, 1)) {
            keep(diff, "%s", rules[i].name);
        }
    }
}

// Returns the parameter with the largest gradient and first moment: a rule that does not explain it
// does not explain the step, and most rules need no other test.
static size_t find_witness(const UpdateValues *values)
{
    size_t witness = 0;
    double largest = -1;
    for (size_t i = 0; i < values->n_params; i++) {
        double size = fabs(values->sides[1].m[i]) + fabs(values->sides[1].grad[i]);
        if (size > largest) {
            largest = size;
            witness = i;
        }
    }
    return witness;
}

static void keep_betas(UpdateDiff *diff, const Rule *rule)
{
    if (rule->beta2 == right_rule.beta2) {
        keep(diff, "beta1 is %.3g, for 0.85%s", rule->beta1,
             rule->beta1 == 0 ? ": no momentum" : "");
    } else if (rule->beta1 == right_rule.beta1) {
        keep(diff, "beta2 is %.3g, for 0.99", rule->beta2);
    } else {
        keep(diff, "betas of %.3g and %.3g, for 0.85 and 0.99", rule->beta1, rule->beta2);
    }
}

// Tries all betas of up to three decimals.
static void try_betas(UpdateDiff *diff)
{
    size_t witness = find_witness(diff->values);
    for (int i = 0; i < 1000; i++) {
        for (int k = 500; k < 1000; k++) {
            Rule rule = {.beta1 = i / 1000.0, .beta2 = k / 1000.0, .eps = right_rule.eps};
            bool are_swapped = i == 990 && k == 850; // which has its own name
            if (!are_swapped && explains_one(diff, &rule, diff->rate, 1, witness) &&
                explains(diff, &rule, diff->rate, 1)) {
                keep_betas(diff, &rule);
            }
        }
    }
}

static void try_eps(UpdateDiff *diff)
{
    for (int exponent = -12; exponent <= -2; exponent++) {
        Rule rule = right_rule;
        rule.eps = pow(10, exponent);
        if (exponent != -8 && explains(diff, &rule, diff->rate, 1)) {
            keep(diff, "eps is 1e%d, for 1e-8", exponent);
        }
    }
}

static bool is_near(double a, double b, bool is_single)
{
    return fabs(a - b) <= (is_single ? 1e-5 : 1e-9) * fabs(b);
}

// Returns the learning rate of a step, relative to that of the first step.
static double schedule(double step, double num_steps)
{
    return 1 - (step - 1) / num_steps;
}

// Returns the nearest number of three digits.
static double round_to_digits(double x)
{
    double unit = pow(10, floor(log10(fabs(x))) - 2);
    return round(x / unit) * unit;
}

static void try_factor(UpdateDiff *diff, Ratios *ratios)
{
    double rate = fit_rate(diff, &right_rule, 1, ratios);
    if (rate == 0 || !explains(diff, &right_rule, rate, 1)) {
        return;
    }
    double factor = rate / diff->rate;
    double step = (double)diff->values->step;
    double num_steps = diff->values->num_steps;
    double now = num_steps >= step ? schedule(step, num_steps) : 0;
    int n_digits = diff->is_single ? 6 : 12;
    if (now > 0 && is_near(factor, schedule(step + 1, num_steps) / now, diff->is_single)) {
        keep(diff, "the schedule of the learning rate is one step ahead: its factor is %.*g",
             n_digits, factor);
    } else if (now > 0 && is_near(factor, schedule(step - 1, num_steps) / now, diff->is_single)) {
        keep(diff, "the schedule of the learning rate is one step behind: its factor is %.*g",
             n_digits, factor);
    }
    if (now > 0 && step > 1 && is_near(factor, 1 / now, diff->is_single)) {
        keep(diff, "the learning rate does not fall: its factor is %.*g", n_digits, factor);
    }
    double other = (step - 1) / (1 - factor * now);
    if (other >= step && other <= 10 * num_steps &&
        fabs(other - round(other)) <= (diff->is_single ? 0.1 : 1e-3)) {
        keep(diff, "the learning rate falls over %.17g steps, for %.17g", round(other), num_steps);
    }
    if (factor < 0) {
        keep(diff, "the step goes uphill: the learning rate has the factor %.*g", n_digits, factor);
    } else if (is_near(factor, round_to_digits(factor), diff->is_single)) {
        keep(diff, "the learning rate has the factor %.*g", n_digits, factor);
    } else {
        keep(diff, "all steps are %.*g x the right ones, as with another learning rate", n_digits,
             factor);
    }
}

static void try_decay(UpdateDiff *diff, Ratios *ratios)
{
    const UpdateValues *values = diff->values;
    for (size_t i = 0; i < values->n_params; i++) {
        double length = move_of(&right_rule, values, 1, i).length;
        double rest = moved(values, 1, i) - diff->rate * length;
        add_ratio(ratios, rest / diff->rate, values->sides[1].data[i], 1e-3);
    }
    Rule rule = right_rule;
    rule.decay = take_median(ratios);
    if (rule.decay != 0 && explains(diff, &rule, diff->rate, 1)) {
        keep(diff,
             "weight decay of %.5g, of the parameter itself (as AdamW has it): %.5g of it a step",
             rule.decay, rule.decay * diff->rate);
    }
    for (int exponent = 1; exponent <= 6; exponent++) {
        for (int digit = 1; digit <= 9; digit++) {
            rule = right_rule;
            rule.l2 = digit / pow(10, exponent);
            if (explains(diff, &rule, diff->rate, 1)) {
                keep(diff, "weight decay of %.6g, added to the gradient", rule.l2);
            }
        }
    }
}

static void try_plain(UpdateDiff *diff, Ratios *ratios)
{
    Rule rule = {.is_plain = true};
    double rate = fit_rate(diff, &rule, 1, ratios);
    if (rate != 0 && explains(diff, &rule, rate, 1)) {
        keep(diff, "plain gradient descent, with a learning rate of %.12g", rate);
    }
}

static void try_nothing(UpdateDiff *diff)
{
    bool is_still = true;
    for (size_t i = 0; i < diff->values->n_params && is_still; i++) {
        is_still = moved(diff->values, 1, i) == 0;
    }
    if (is_still) {
        keep(diff, "the parameters do not move at all");
    }
}

// ---- bits ----

// Other operations with which a port may compute the correct rule.
typedef struct Operations {
    bool squares;       // g * g instead of pow(g, 2)
    bool takes_root;    // sqrt(x) instead of pow(x, 0.5)
    bool divides_first; // lr * (m_hat / ...) instead of lr * m_hat / ...
} Operations;

static double update_by(const Operations *operations, const UpdateValues *values,
                        const AdamStep *step, size_t i)
{
    const SideValues *b = &values->sides[1];
    double g = b->grad[i];
    double square = operations->squares ? g * g : pow(g, 2);
    double m = step->beta1 * b->m[i] + step->one_minus_beta1 * g;
    double v = step->beta2 * b->v[i] + step->one_minus_beta2 * square;
    double m_hat = m / step->correction1;
    double v_hat = v / step->correction2;
    double root = (operations->takes_root ? sqrt(v_hat) : pow(v_hat, 0.5)) + step->eps;
    double move =
        operations->divides_first ? step->lr_t * (m_hat / root) : step->lr_t * m_hat / root;
    return b->data[i] - move;
}

static bool has_all_bits(const Operations *operations, const UpdateValues *values,
                         const AdamStep *step)
{
    for (size_t i = 0; i < values->n_params; i++) {
        if (numbers_differ(update_by(operations, values, step, i), values->sides[1].next[i], 0)) {
            return false;
        }
    }
    return true;
}

// Finds the operations that give all of B's bits, if all inputs are known exactly.
static void find_operations(UpdateDiff *diff)
{
    const UpdateValues *values = diff->values;
    double num_steps = values->num_steps;
    if (diff->is_single || num_steps < (double)values->step || num_steps > 1e15) {
        return;
    }
    AdamStep step = adam_step_numbers(&published, values->step - 1, (size_t)num_steps);
    for (int i = 0; i < 8; i++) {
        Operations operations = {(i & 1) != 0, (i & 2) != 0, (i & 4) != 0};
        if (has_all_bits(&operations, values, &step)) {
            if (i == 0) {
                return; // the same operations as A
            }
            keep(diff, "B has%s%s%s", operations.squares ? " g*g for pow(g, 2);" : "",
                 operations.takes_root ? " sqrt(x) for pow(x, 0.5);" : "",
                 operations.divides_first ? " lr * (m_hat / ...) for lr * m_hat / ...;" : "");
            return;
        }
    }
}

// ---- the verdict ----

static bool all_are_floats(const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(numbers[i]) && (double)(float)numbers[i] != numbers[i]) {
            return false;
        }
    }
    return true;
}

static size_t count_different(const double *a, const double *b, size_t n)
{
    size_t n_differ = 0;
    for (size_t i = 0; i < n; i++) {
        n_differ += numbers_differ(a[i], b[i], 0);
    }
    return n_differ;
}

static bool are_zero(const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] != 0) {
            return false;
        }
    }
    return true;
}

// Returns whether a parameter of B is another number than A's, before the update: then A's moments
// are not B's.
static bool is_apart(const UpdateValues *values, size_t i)
{
    return relative_difference(values->sides[0].data[i], values->sides[1].data[i]) > 0.1;
}

static void count_unexplained(UpdateDiff *diff)
{
    diff->first = diff->values->n_params;
    for (size_t i = diff->values->n_params; i-- > 0;) {
        if (!explains_one(diff, &right_rule, diff->rate, 1, i)) {
            diff->n_unexplained++;
            diff->n_apart += is_apart(diff->values, i);
            diff->first = i;
        }
    }
}

static UpdateVerdict judge(UpdateDiff *diff, Ratios *ratios)
{
    // A rounds to double precision.
    bool is_single = diff->is_single;
    diff->is_single = all_are_floats(diff->values->sides[0].next, diff->values->n_params);
    diff->rate = fit_rate(diff, &right_rule, 0, ratios);
    bool is_a_right = diff->rate != 0 && explains(diff, &right_rule, diff->rate, 0);
    diff->is_single = diff->is_single || is_single;
    if (diff->n_next_differ == 0) {
        return UPDATE_SAME;
    }
    if (!diff->values->has_moments || !is_a_right) {
        return UPDATE_NO_CLAIM;
    }
    count_unexplained(diff);
    if (explains(diff, &right_rule, diff->rate, 1)) {
        bool is_same_start = diff->n_data_differ == 0 && diff->n_grads_differ == 0;
        find_operations(diff);
        return is_same_start || diff->n_rules > 0 ? UPDATE_ROUNDING : UPDATE_FOLLOWS;
    }
    try_nothing(diff);
    try_named_rules(diff);
    try_betas(diff);
    try_eps(diff);
    try_factor(diff, ratios);
    try_decay(diff, ratios);
    try_plain(diff, ratios);
    if (diff->n_rules > 0) {
        return UPDATE_EXPLAINED;
    }
    bool are_moments_right = diff->n_unexplained <= diff->values->n_params / 2 &&
                             diff->n_apart <= diff->n_unexplained / 2;
    return diff->values->borrows_moments && !are_moments_right ? UPDATE_NO_CLAIM
                                                               : UPDATE_UNEXPLAINED;
}

// Returns the length of a matrix's name in the path of a parameter.
static size_t matrix_length(const char *path)
{
    return strcspn(path, "[");
}

static bool is_same_matrix(const char *path, const char *other)
{
    size_t length = matrix_length(path);
    return matrix_length(other) == length && strncmp(path, other, length) == 0;
}

// Finds out whether gradients are left over in all matrices, or in one.
static void find_left_over(UpdateDiff *diff)
{
    const UpdateValues *values = diff->values;
    diff->is_left_over = left_over_is_found(values, 0, values->n_params);
    for (size_t begin = 0, end; begin < values->n_params && !diff->is_left_over; begin = end) {
        end = begin + 1;
        while (end < values->n_params && is_same_matrix(values->paths[begin], values->paths[end])) {
            end++;
        }
        diff->is_left_over = left_over_is_found(values, begin, end);
        diff->left_over_in = values->paths[begin];
    }
}

bool update_diff(UpdateDiff *diff, const UpdateValues *values, Error *error)
{
    assert(diff != NULL && values != NULL && error != NULL);
    *diff = (UpdateDiff){.values = values};
    const SideValues *a = &values->sides[0];
    const SideValues *b = &values->sides[1];
    size_t n = values->n_params;
    Ratios ratios = {malloc((n + 1) * sizeof(double)), 0};
    if (ratios.list == NULL) {
        return error_out_of_memory(error, "the update", n * sizeof(double));
    }
    diff->is_single = all_are_floats(b->next, n);
    diff->n_data_differ = count_different(a->data, b->data, n);
    diff->n_grads_differ = count_different(a->grad, b->grad, n);
    diff->n_next_differ = count_different(a->next, b->next, n);
    diff->has_no_memory = are_zero(b->v, n) && !are_zero(a->v, n);
    diff->verdict = judge(diff, &ratios);
    find_left_over(diff);
    free(ratios.list);
    return true;
}

// ---- the report ----

static const char *verdict_text(const UpdateDiff *diff)
{
    switch (diff->verdict) {
    case UPDATE_SAME:
        return "same: all parameters after it have the same bits";
    case UPDATE_FOLLOWS:
        return "B updates by the right rule; what differs was different before";
    case UPDATE_ROUNDING:
        return "B updates by the right rule, but for rounding";
    case UPDATE_EXPLAINED:
        return "B updates by another rule";
    case UPDATE_UNEXPLAINED:
        return "B updates by a rule that is not known here";
    case UPDATE_NO_CLAIM:
        break;
    }
    if (!diff->values->has_moments) {
        return "the moments before it are not known: nothing can be said of B's rule; write "
               "adam.m.* and adam.v.* into A's sparse dump, or compare step 1";
    }
    return diff->n_unexplained > 0
               ? "B's moments before it are not known: nothing can be said of B's rule; write "
                 "adam.m.* and adam.v.* into B's sparse dump, or compare step 1"
               : "A's own update is not by microgpt.py's rule: nothing can be said of B's";
}

// Prints what the unexplained parameters have in common.
static void print_common(FILE *file, const UpdateDiff *diff)
{
    const UpdateValues *values = diff->values;
    const char *first = values->paths[diff->first];
    bool is_one_matrix = true;
    bool is_still = true;
    bool is_unused = true;
    for (size_t i = diff->first; i < values->n_params; i++) {
        if (!explains_one(diff, &right_rule, diff->rate, 1, i)) {
            is_one_matrix = is_one_matrix && is_same_matrix(values->paths[i], first);
            is_still = is_still && moved(values, 1, i) == 0;
            is_unused = is_unused && values->sides[1].grad[i] == 0;
        }
    }
    if (is_one_matrix) {
        fprintf(file, "    all of them are in %.*s\n", (int)matrix_length(first), first);
    }
    if (is_still) {
        fprintf(file, "    none of them moves\n");
    }
    if (is_unused) {
        fprintf(file, "    all of their gradients are 0\n");
    }
}

// Returns how much a parameter of B decreases by the right rule.
static double right_length(const UpdateDiff *diff, size_t i)
{
    return diff->rate * move_of(&right_rule, diff->values, 1, i).length;
}

static void print_unexplained(FILE *file, const UpdateDiff *diff)
{
    const SideValues *b = &diff->values->sides[1];
    size_t i = diff->first;
    fprintf(file,
            "\n%zu of %zu parameters move in another way than by the right rule, the first: %s\n",
            diff->n_unexplained, diff->values->n_params, diff->values->paths[i]);
    if (diff->verdict == UPDATE_UNEXPLAINED) {
        print_common(file, diff);
    }
    fprintf(file, "    gradient %.17g\n", b->grad[i]);
    fprintf(file, "    moves by %.17g\n", -moved(diff->values, 1, i));
    fprintf(file, "    right is %.17g\n", -right_length(diff, i));
}

void update_diff_print_text(FILE *file, const UpdateDiff *diff)
{
    fprintf(file, "the update of step %zu, of %zu parameters%s\n", diff->values->step,
            diff->values->n_params, diff->is_single ? ", in single precision" : "");
    fprintf(file, "%s\n", verdict_text(diff));
    for (size_t i = 0; i < diff->n_rules; i++) {
        fprintf(file, "  %s%s\n", i > 0 ? "or " : "", diff->rules[i]);
    }
    bool is_judged = diff->verdict != UPDATE_SAME && diff->verdict != UPDATE_NO_CLAIM;
    if (diff->values->borrows_moments && is_judged) {
        fprintf(file, "  (B's dumps have no moments: A's were taken)\n");
    }
    if (diff->values->step == 1 && diff->verdict <= UPDATE_ROUNDING) {
        fprintf(file, "  (step 1 is the same with any betas: compare step 2 as well)\n");
    }
    if (diff->has_no_memory) {
        fprintf(file, "  but B's moments before it are all 0: it does not keep them\n");
    }
    fprintf(file, "\nbefore it %zu parameters and %zu gradients differ, after it %zu parameters\n",
            diff->n_data_differ, diff->n_grads_differ, diff->n_next_differ);
    if (diff->is_left_over) {
        const char *path = diff->left_over_in;
        fprintf(file, "B's gradients of the next step");
        if (path != NULL) {
            fprintf(file, " in %.*s", (int)matrix_length(path), path);
        }
        fprintf(file, " are A's plus those of this step: B does not set them to 0\n");
    }
    if (diff->n_unexplained > 0 && diff->verdict != UPDATE_NO_CLAIM) {
        print_unexplained(file, diff);
    }
}

bool update_diff_print_json(FILE *file, const UpdateDiff *diff, Error *error)
{
    static const char *const names[] = {"same",      "follows",     "rounding",
                                        "explained", "unexplained", "no claim"};
    JsonOut out = json_out_begin();
    json_out_text(&out, out.root, "kind", "update");
    json_out_count(&out, out.root, "step", diff->values->step);
    json_out_bool(&out, out.root, "same", diff->verdict == UPDATE_SAME);
    json_out_text(&out, out.root, "verdict", names[diff->verdict]);
    json_t *rules = json_out_array(&out, out.root, "rules");
    for (size_t i = 0; i < diff->n_rules; i++) {
        json_out_text(&out, rules, NULL, diff->rules[i]);
    }
    json_out_bool(&out, out.root, "single_precision", diff->is_single);
    json_out_count(&out, out.root, "n_params", diff->values->n_params);
    json_out_count(&out, out.root, "n_data_differ", diff->n_data_differ);
    json_out_count(&out, out.root, "n_grads_differ", diff->n_grads_differ);
    json_out_count(&out, out.root, "n_next_differ", diff->n_next_differ);
    json_out_bool(&out, out.root, "gradients_left_over", diff->is_left_over);
    if (diff->is_left_over && diff->left_over_in != NULL) {
        const char *path = diff->left_over_in;
        json_out_bytes(&out, out.root, "left_over_in", path, matrix_length(path));
    }
    json_out_bool(&out, out.root, "moments_not_kept", diff->has_no_memory);
    json_out_bool(&out, out.root, "moments_of_a", diff->values->borrows_moments);
    json_out_count(&out, out.root, "n_unexplained", diff->n_unexplained);
    if (diff->n_unexplained > 0) {
        size_t i = diff->first;
        json_out_text(&out, out.root, "first_unexplained", diff->values->paths[i]);
        json_out_number(&out, out.root, "gradient", diff->values->sides[1].grad[i]);
        json_out_number(&out, out.root, "moves_by", -moved(diff->values, 1, i));
        json_out_number(&out, out.root, "right_is", -right_length(diff, i));
    }
    return json_out_write(&out, file, error);
}
