// Files of losses: see loss_diff.h.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/line_reader.h"
#include "compare/loss_diff.h"
#include "compare/printed_digits.h"

enum {
    FIRST_LOSSES = 1 << 10,
    EXACT_DIGITS = 16, // a loss with this many digits is a double
    FLOAT_DIGITS = 8,  // with at least this many it can be a float
    MAX_PLACES = 400,  // more than any double has after its point
};

typedef struct Reader {
    Losses *losses;
    LineReader lines;
    size_t capacity;
    bool has_columns; // whether it is a log, in which more columns may follow
    bool has_steps;
    bool is_output; // whether it is all that microgpt.py printed
    PrintedDigits printed;
} Reader;

static bool reserve(Reader *r)
{
    Losses *losses = r->losses;
    if (losses->n < r->capacity) {
        return true;
    }
    size_t capacity = r->capacity > 0 ? 2 * r->capacity : FIRST_LOSSES;
    StepLoss *grown = realloc(losses->list, capacity * sizeof *grown);
    if (grown == NULL) {
        return line_fail_memory(&r->lines, capacity * sizeof *grown);
    }
    losses->list = grown;
    r->capacity = capacity;
    return true;
}

static bool take_loss(Reader *r, double step)
{
    Losses *losses = r->losses;
    const char *word = r->lines.at;
    if (!reserve(r) || !line_take_number(&r->lines, false, &losses->list[losses->n].loss)) {
        return false;
    }
    StepLoss *loss = &losses->list[losses->n];
    loss->step = step;
    printed_digits_add(&r->printed, word, (size_t)(r->lines.at - word), loss->loss);
    losses->n++;
    return true;
}

// Reads a step, which must be greater than the last one. If the file has no steps, the step is the
// number of the loss.
static bool take_step(Reader *r, double *step)
{
    const Losses *losses = r->losses;
    *step = (double)losses->n + 1;
    if (!r->has_steps) {
        return true;
    }
    if (!line_take_number(&r->lines, false, step)) {
        return false;
    }
    line_skip_blanks(&r->lines);
    if (r->lines.at == r->lines.line_end) {
        return line_fail(&r->lines, "has a step and no loss");
    }
    bool is_next = losses->n == 0 || *step > losses->list[losses->n - 1].step;
    return (is_next && isfinite(*step)) ||
           line_fail(&r->lines, "has a step that does not come after the one before");
}

// Reads the names of a log's columns from the first line.
static bool take_columns(Reader *r)
{
    if (r->losses->n > 0 || r->has_columns || !line_take_word(&r->lines, "loss")) {
        return false;
    }
    r->has_columns = true;
    r->has_steps = true;
    return true;
}

// Goes to the next step in the same line, after a carriage return. Returns whether there is one.
static bool find_next_printed(LineReader *lines)
{
    const char *end = memchr(lines->at, '\r', (size_t)(lines->line_end - lines->at));
    lines->at = end != NULL ? end : lines->line_end;
    line_skip_blanks(lines);
    return line_take_word(lines, "step");
}

// Reads `step 1 / 1000 | loss 3.4639`, as microgpt.py prints it, from its second word on. Between
// two steps, microgpt.py prints a carriage return.
static bool take_printed(Reader *r)
{
    bool ok = true;
    r->has_steps = true;
    do {
        double step;
        ok =
            take_step(r, &step) &&
            (line_find_word(&r->lines, "loss") || line_fail(&r->lines, "has a step and no loss")) &&
            take_loss(r, step);
    } while (ok && find_next_printed(&r->lines));
    return ok;
}

// Returns whether the first line has a second word.
static bool has_two_words(const LineReader *lines)
{
    size_t length = line_word_length(lines, false);
    return lines->at + length < lines->line_end;
}

static bool parse_line(Reader *r)
{
    double step;
    if (line_take_word(&r->lines, "step")) {
        return take_columns(r) || take_printed(r);
    }
    r->is_output = r->is_output || (r->losses->n == 0 && line_take_word(&r->lines, "num"));
    if (r->is_output) {
        return true;
    }
    if (r->losses->n == 0 && !r->has_columns) {
        r->has_steps = has_two_words(&r->lines);
    }
    if (!take_step(r, &step) || !take_loss(r, step)) {
        return false;
    }
    line_skip_blanks(&r->lines);
    return r->has_columns || r->lines.at == r->lines.line_end ||
           line_fail(&r->lines, "has more than a step and its loss");
}

// Rounds floats to what they were before they were printed, and finds the digits of others.
static void take_digits(Losses *losses, const PrintedDigits *printed)
{
    bool is_exact = printed->n_exact > 0 || printed->max_digits >= EXACT_DIGITS;
    bool are_floats = !printed->has_double && printed->max_digits >= FLOAT_DIGITS;
    for (size_t i = 0; i < losses->n && are_floats; i++) {
        losses->list[i].loss = (float)losses->list[i].loss;
    }
    if (!is_exact && !are_floats) {
        losses->n_digits = printed->max_digits;
        losses->places = printed->has_exponent ? MAX_PLACES : printed->places;
    }
}

bool losses_read(Losses *losses, const char *file_name, Error *error)
{
    assert(losses != NULL && file_name != NULL && error != NULL);
    *losses = (Losses){.file_name = file_name};
    Reader reader = {.losses = losses};
    bool found = false;
    bool ok = line_reader_open(&reader.lines, file_name, "a file of losses", error);
    do {
        ok = ok && line_reader_next(&reader.lines, &found);
        ok = ok && (!found || *reader.lines.at == '#' || parse_line(&reader));
    } while (ok && found);
    line_reader_close(&reader.lines);
    if (ok && losses->n == 0) {
        ok = error_set_file(error, file_name, 0, "has no loss in it");
    }
    if (!ok) {
        losses_free(losses);
    } else {
        take_digits(losses, &reader.printed);
    }
    return ok;
}

void losses_free(Losses *losses)
{
    assert(losses != NULL);
    free(losses->list);
    *losses = (Losses){0};
}
