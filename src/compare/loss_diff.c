// Compares two runs' losses: see loss_diff.h.
//
// Rounding makes losses differ by a few ULP at first. Each update passes the difference on, and
// training makes it grow slowly, by a factor of a few in a hundred steps. A bug causes a difference
// that is large when it first appears, or that grows by orders of magnitude from one step to the
// next.
#include "compare/loss_diff.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "compare/diff_numbers.h"

// In units of the roundoff: the largest error from the rounding of one step's sums, and the
// smallest difference that counts as a jump. A training step multiplies a difference by far less
// than MAX_GROWTH.
#define MAX_ROUNDING 8192.0
#define MAX_GROWTH 1000.0

// The largest noise of single precision behind losses that were printed with few digits.
#define MAX_PRINTED_NOISE 0x1p-17

// Losses that were printed less exactly than this may be floats.
#define MAX_FLOAT_MARGIN 0x1p-24

enum {
    MAX_SHOWN = 10, // pairs that show how the difference grows
};

static bool all_are_floats(const LossDiff *diff, int side)
{
    for (size_t i = 0; i < diff->n; i++) {
        double loss = diff->pairs[i].losses[side];
        if (isfinite(loss) && (double)(float)loss != loss) {
            return false;
        }
    }
    return true;
}

// Pairs the steps that both have, in ascending order.
static size_t pair_steps(LossDiff *diff, const Losses *a, const Losses *b)
{
    double shift = a->list[0].step - b->list[0].step;
    diff->is_shifted = fabs(shift) == 1 && fmin(a->list[0].step, b->list[0].step) == 0;
    shift = diff->is_shifted ? shift : 0;
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        double step = b->list[k].step + shift;
        if (a->list[i].step == step) {
            diff->pairs[n] = (LossPair){step, {a->list[i].loss, b->list[k].loss}, 0};
            n++;
            i++;
            k++;
        } else if (a->list[i].step < step) {
            i++;
        } else {
            k++;
        }
    }
    return n;
}

// Returns how much a loss may be off because it was printed with few digits, on either side.
static double printed_margin(const LossDiff *diff, const LossPair *pair)
{
    double margin = 0;
    for (int side = 0; side < 2; side++) {
        const Losses *losses = diff->sides[side];
        double size = fabs(pair->losses[side]);
        if (losses->n_digits > 0 && size > 0 && isfinite(size)) {
            double last_digit = floor(log10(size)) + 1 - losses->n_digits;
            margin = fmax(margin, 0.5000001 * pow(10, fmax(last_digit, -losses->places)));
        }
    }
    return margin;
}

static void measure(LossDiff *diff)
{
    diff->first = diff->n;
    diff->largest = 0;
    for (size_t i = 0; i < diff->n; i++) {
        LossPair *pair = &diff->pairs[i];
        const double *losses = pair->losses;
        bool differs = numbers_differ(losses[0], losses[1], 0) &&
                       !(fabs(losses[0] - losses[1]) <= printed_margin(diff, pair));
        pair->difference = differs ? relative_difference(losses[0], losses[1]) : 0;
        diff->n_differ += differs;
        diff->first = differs && diff->first == diff->n ? i : diff->first;
        diff->largest =
            pair->difference > diff->pairs[diff->largest].difference ? i : diff->largest;
    }
}

// Finds the first difference that is too large for rounding, and for the growth of earlier
// differences in training. With so few digits that the port may compute in single precision, how
// they grow is not seen.
static void find_jump(LossDiff *diff, double unit)
{
    diff->jump = diff->n;
    diff->before = 0;
    for (size_t i = 0; i < diff->n && diff->jump == diff->n; i++) {
        const LossPair *pair = &diff->pairs[i];
        double margin = printed_margin(diff, pair) / fmax(fabs(pair->losses[0]), DBL_MIN);
        double grown = fmax(unit * MAX_ROUNDING, diff->before * MAX_GROWTH);
        double noise = margin > MAX_FLOAT_MARGIN ? MAX_PRINTED_NOISE : grown;
        if (pair->difference > 2 * margin + noise) {
            diff->jump = i;
        } else {
            diff->before = fmax(diff->before, pair->difference);
        }
    }
}

static bool is_printed_alike(const LossDiff *diff)
{
    bool differs = false;
    for (size_t i = 0; i < diff->n; i++) {
        differs = differs || numbers_differ(diff->pairs[i].losses[0], diff->pairs[i].losses[1], 0);
    }
    return differs && diff->n_differ == 0;
}

static void judge(LossDiff *diff)
{
    bool are_exact = diff->sides[0]->n_digits == 0 && diff->sides[1]->n_digits == 0;
    diff->is_single = are_exact && (all_are_floats(diff, 0) || all_are_floats(diff, 1));
    find_jump(diff, diff->is_single ? 0x1p-24 : 0x1p-53);
    if (is_printed_alike(diff)) {
        diff->verdict = LOSSES_SAME_AS_PRINTED;
    } else if (diff->n_differ == 0) {
        diff->verdict = LOSSES_SAME;
    } else if (diff->jump < diff->n) {
        diff->verdict = LOSSES_BUG;
    } else {
        diff->verdict = diff->is_single ? LOSSES_FLOATS : LOSSES_ROUNDING;
    }
}

bool loss_diff(LossDiff *diff, const Losses *a, const Losses *b, Error *error)
{
    assert(diff != NULL && a->n > 0 && b->n > 0);
    *diff = (LossDiff){.sides = {a, b}};
    size_t n_most = a->n < b->n ? a->n : b->n;
    diff->pairs = calloc(n_most, sizeof *diff->pairs);
    if (diff->pairs == NULL) {
        return error_out_of_memory(error, "the losses", n_most * sizeof *diff->pairs);
    }
    diff->n = pair_steps(diff, a, b);
    if (diff->n == 0) {
        loss_diff_free(diff);
        return error_set_file(error, b->file_name, 0, "has no step in common with %.200s",
                              a->file_name);
    }
    measure(diff);
    judge(diff);
    return true;
}

void loss_diff_free(LossDiff *diff)
{
    free(diff->pairs);
    *diff = (LossDiff){0};
}

// ---- the report ----

static const char *verdict_name(LossVerdict verdict)
{
    static const char *const names[] = {"same", "same as printed", "rounding", "single precision",
                                        "more than rounding"};
    return names[verdict];
}

static void print_verdict(FILE *file, const LossDiff *diff)
{
    switch (diff->verdict) {
    case LOSSES_SAME:
        fprintf(file, "same: %zu losses\n", diff->n);
        break;
    case LOSSES_SAME_AS_PRINTED:
        fprintf(file,
                "the same in all digits that were printed: %zu losses; print more digits to "
                "compare more\n",
                diff->n);
        break;
    case LOSSES_ROUNDING:
        fprintf(file, "different, and it looks like rounding: small at first, and grows slowly\n");
        break;
    case LOSSES_FLOATS:
        fprintf(file, "different, as much as single precision makes it, and it grows slowly\n");
        break;
    case LOSSES_BUG:
        fprintf(file, "different, and more than rounding makes it, from step %.17g on\n",
                diff->pairs[diff->jump].step);
        break;
    }
}

// Advises where to search for the bug: a step computes its loss before its update.
static void print_advice(FILE *file, const LossDiff *diff)
{
    double step = diff->pairs[diff->jump].step;
    if (diff->jump == 0) {
        fprintf(file, "  the first loss is of the first parameters: compare dumps of step %.17g\n",
                step);
        return;
    }
    double before = diff->pairs[diff->jump - 1].step;
    fprintf(file,
            "  before it the largest relative difference is %.2g; compare dumps of step %.17g,\n",
            diff->before, before);
    fprintf(file, "  whose update made these parameters, and of step %.17g\n", step);
}

// Chooses some pairs from the first that differs to the last, at increasing distances.
static size_t choose_shown(const LossDiff *diff, size_t *shown)
{
    size_t n = 0;
    size_t last = diff->n - 1;
    for (size_t gap = 0; n < MAX_SHOWN - 1 && diff->first + gap < last; gap = 2 * gap + 1) {
        shown[n] = diff->first + gap;
        n++;
    }
    shown[n] = last;
    return n + 1;
}

static void print_growth(FILE *file, const LossDiff *diff)
{
    size_t shown[MAX_SHOWN];
    size_t n = choose_shown(diff, shown);
    fprintf(file, "\nrelative difference\n");
    for (size_t i = 0; i < n; i++) {
        const LossPair *pair = &diff->pairs[shown[i]];
        fprintf(file, "  step %8.17g  %8.1e\n", pair->step, pair->difference);
    }
    const LossPair *largest = &diff->pairs[diff->largest];
    fprintf(file, "  the largest   %8.1e  at step %.17g\n", largest->difference, largest->step);
}

void loss_diff_print_text(FILE *file, const LossDiff *diff)
{
    for (int side = 0; side < 2; side++) {
        const Losses *losses = diff->sides[side];
        print_side_file(file, side, losses->file_name);
        fprintf(file, ": %zu losses, steps %.17g to %.17g\n", losses->n, losses->list[0].step,
                losses->list[losses->n - 1].step);
    }
    if (diff->is_shifted) {
        fprintf(file, "one of them counts its steps from 0, the other from 1\n");
    }
    print_verdict(file, diff);
    if (diff->n_differ == 0) {
        return;
    }
    if (diff->verdict == LOSSES_BUG) {
        print_advice(file, diff);
    }
    fprintf(file, "\n%zu of %zu losses differ, the first at step %.17g\n", diff->n_differ, diff->n,
            diff->pairs[diff->first].step);
    print_side_number(file, 'A', diff->pairs[diff->first].losses[0]);
    print_side_number(file, 'B', diff->pairs[diff->first].losses[1]);
    print_growth(file, diff);
}

static void put_pair(JsonOut *out, json_t *parent, const char *key, const LossPair *pair)
{
    json_t *object = json_out_object(out, parent, key);
    json_out_number(out, object, "step", pair->step);
    json_out_number(out, object, "a", pair->losses[0]);
    json_out_number(out, object, "b", pair->losses[1]);
    json_out_number(out, object, "relative_difference", pair->difference);
}

bool loss_diff_print_json(FILE *file, const LossDiff *diff, Error *error)
{
    JsonOut out = json_out_begin();
    json_out_text(&out, out.root, "kind", "losses");
    for (int side = 0; side < 2; side++) {
        const Losses *losses = diff->sides[side];
        json_t *object = json_out_object(&out, out.root, side == 0 ? "a" : "b");
        json_out_bytes(&out, object, "file", losses->file_name, strlen(losses->file_name));
        json_out_count(&out, object, "n_losses", losses->n);
    }
    json_out_bool(&out, out.root, "one_counts_from_0", diff->is_shifted);
    json_out_bool(&out, out.root, "same", diff->verdict == LOSSES_SAME);
    json_out_text(&out, out.root, "looks_like", verdict_name(diff->verdict));
    json_out_count(&out, out.root, "n_compared", diff->n);
    json_out_count(&out, out.root, "n_differ", diff->n_differ);
    if (diff->n_differ > 0) {
        put_pair(&out, out.root, "first", &diff->pairs[diff->first]);
        put_pair(&out, out.root, "largest", &diff->pairs[diff->largest]);
    }
    if (diff->verdict == LOSSES_BUG) {
        put_pair(&out, out.root, "more_than_rounding", &diff->pairs[diff->jump]);
    }
    json_t *pairs = json_out_array(&out, out.root, "losses");
    for (size_t i = 0; i < diff->n; i++) {
        put_pair(&out, pairs, NULL, &diff->pairs[i]);
    }
    return json_out_write(&out, file, error);
}
