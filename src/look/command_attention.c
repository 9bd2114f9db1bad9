// `microgpt attention TEXT`: the attention weights of each head, as a heat map and as numbers.
#include "look/look_commands.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/out_file.h"
#include "look/attention.h"
#include "look/look_session.h"

typedef struct AttentionOptions {
    LookOptions look;
    const char *format_name;
    const char *svg; // short for --format svg and --output
} AttentionOptions;

// The layout of a map. If it has too many columns for the screen, it is printed in several panels,
// each of which has some of the columns.
typedef struct Layout {
    Screen screen;
    int label_columns;
    size_t panel_columns; // weights side by side in a panel
} Layout;

enum {
    NUMBER_COLUMNS = 5,   // ` 0.25`
    POSITION_COLUMNS = 8, // two spaces, the position's number, a space
};

static Layout lay_out(const LookSession *look)
{
    Layout layout = {.screen = screen_open()};
    layout.label_columns =
        screen_label_columns(&layout.screen, look->tokenizer, look->tokens, look->n_positions);
    int columns = SCREEN_COLUMNS - POSITION_COLUMNS - layout.label_columns - 2;
    // A weight takes a number and one cell of the heat map.
    layout.panel_columns = (size_t)(columns / (NUMBER_COLUMNS + 1));
    return layout;
}

static Label label_of(const LookSession *look, const Layout *layout, size_t position)
{
    return screen_label(&layout->screen, look->tokenizer, look->tokens[position]);
}

// Prints the line above the numbers: the keys' tokens, or their positions if a label is too long.
static void print_panel_head(const Attention *attention, const Layout *layout, size_t first,
                             size_t end)
{
    printf("%*s", POSITION_COLUMNS + layout->label_columns + 2 + (int)(end - first), "");
    for (size_t s = first; s < end; s++) {
        Label label = label_of(attention->look, layout, s);
        if (label.n_columns < NUMBER_COLUMNS) {
            printf("%*s%s", NUMBER_COLUMNS - label.n_columns, "", label.text);
        } else {
            printf("%*zu", NUMBER_COLUMNS, s);
        }
    }
    printf("\n");
}

static void print_row(const Attention *attention, const Layout *layout, const double *weights,
                      size_t position, size_t first, size_t end)
{
    Label label = label_of(attention->look, layout, position);
    size_t shown = position + 1 < end ? position + 1 : end; // later positions are left blank
    printf("  %5zu ", position);
    screen_print_label(&label, layout->label_columns + 1);
    for (size_t s = first; s < shown; s++) {
        fputs(screen_shade(&layout->screen, weights[s]), stdout);
    }
    printf("%*s", (int)(end - shown) + 1, "");
    for (size_t s = first; s < shown; s++) {
        printf("%*.2f", NUMBER_COLUMNS, weights[s]);
    }
    printf("\n");
}

// Returns the largest difference of a row's sum from 1; NaN if any of them is.
static double worst_sum(const Attention *attention, size_t layer, size_t head)
{
    double worst = 0;
    for (size_t t = 0; t < attention->n_positions; t++) {
        const double *weights = attention_row(attention, layer, head, t);
        double sum = 0;
        for (size_t s = 0; s <= t; s++) {
            sum += weights[s];
        }
        if (isnan(sum)) {
            return sum;
        }
        worst = fmax(worst, fabs(sum - 1));
    }
    return worst;
}

static void print_head(const Attention *attention, const Layout *layout, size_t layer, size_t head)
{
    char title[64];
    snprintf(title, sizeof title, "Layer %zu, head %zu", layer, head);
    screen_title(&layout->screen, title);
    size_t end;
    for (size_t first = 0; first < attention->n_positions; first = end) {
        end = first + layout->panel_columns;
        end = end < attention->n_positions ? end : attention->n_positions;
        print_panel_head(attention, layout, first, end);
        for (size_t t = first; t < attention->n_positions; t++) {
            print_row(attention, layout, attention_row(attention, layer, head, t), t, first, end);
        }
    }
    printf("  each row sums to 1, with an error of at most %.1g\n",
           worst_sum(attention, layer, head));
}

static void print_text(const Attention *attention)
{
    Layout layout = lay_out(attention->look);
    look_print_subject(attention->look, &layout.screen);
    printf("A row is a query position; the columns are the positions that it attends to.\n");
    for (size_t layer = 0; layer < attention->n_layer; layer++) {
        for (size_t head = 0; head < attention->n_head; head++) {
            print_head(attention, &layout, layer, head);
        }
    }
    if (attention->n_layer == 0) {
        printf("This model has no layers: there is no attention to show.\n");
    }
}

static void put_head(const Attention *attention, JsonOut *out, json_t *parent, size_t layer,
                     size_t head)
{
    json_t *object = json_out_object(out, parent, NULL);
    json_out_count(out, object, "layer", layer);
    json_out_count(out, object, "head", head);
    json_t *rows = json_out_array(out, object, "weights");
    for (size_t t = 0; t < attention->n_positions; t++) {
        const double *weights = attention_row(attention, layer, head, t);
        json_t *row = json_out_array(out, rows, NULL);
        for (size_t s = 0; s <= t; s++) {
            json_out_number(out, row, NULL, weights[s]);
        }
    }
}

static bool print_json(const Attention *attention, Error *error)
{
    const LookSession *look = attention->look;
    JsonOut out = json_out_begin();
    look_put_subject(look, &out, "attention");
    json_t *tokens = json_out_array(&out, out.root, "tokens");
    for (size_t t = 0; t < attention->n_positions; t++) {
        look_put_token(look, &out, tokens, NULL, look->tokens[t]);
    }
    json_t *heads = json_out_array(&out, out.root, "heads");
    for (size_t layer = 0; layer < attention->n_layer; layer++) {
        for (size_t head = 0; head < attention->n_head; head++) {
            put_head(attention, &out, heads, layer, head);
        }
    }
    return json_out_write(&out, stdout, error);
}

static bool draws(const AttentionOptions *options)
{
    return strcmp(options->format_name, "svg") == 0;
}

static bool write_svg(const Attention *attention, const AttentionOptions *options, Error *error)
{
    OutFile out;
    if (!out_file_open(&out, options->look.output, error)) {
        return false;
    }
    attention_write_svg(out.file, attention);
    return out_file_close(&out, error);
}

static ExitStatus show(LookSession *look, const void *chosen, Error *error)
{
    const AttentionOptions *options = chosen;
    Attention attention;
    if (!look_forward(look, error) || !attention_read(&attention, look, error)) {
        return EXIT_FAILED;
    }
    bool ok = !draws(options) || write_svg(&attention, options, error);
    if (ok && options->look.json) {
        ok = print_json(&attention, error);
    } else if (ok && options->look.prints_besides) {
        print_text(&attention);
    }
    attention_free(&attention);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static bool check_options(AttentionOptions *chosen, Error *error)
{
    static const char *const names[] = {"text", "svg", "json"};
    size_t i = 0;
    if (!look_take_svg(&chosen->look, chosen->svg, &chosen->format_name, error)) {
        return false;
    }
    while (strcmp(chosen->format_name, names[i]) != 0) {
        i++;
        if (i == sizeof names / sizeof names[0]) {
            return error_set(error, "--format: '%.100s' is not a format; choose text, svg or json",
                             chosen->format_name);
        }
    }
    if (chosen->look.output != NULL && !draws(chosen)) {
        return error_set(error, "--output: is for --format svg; add that, or leave this out");
    }
    if (chosen->look.json &&
        options_find(&chosen->look.list, &chosen->format_name)->given != NULL &&
        strcmp(chosen->format_name, "text") == 0) {
        return error_set(error, "--json: contradicts --format text; leave one out");
    }
    if (draws(chosen) && chosen->look.json && out_file_is_standard_output(chosen->look.output)) {
        return error_set(error, "--json: the drawing goes to standard output already; name a file "
                                "with --output");
    }
    chosen->look.json |= strcmp(chosen->format_name, "json") == 0;
    return true;
}

ExitStatus command_attention(int argc, char **argv, Error *error)
{
    static const LookUsage usage = {
        .usage = "attention TEXT [OPTION ...]",
        .summary = "Shows the attention weights of each head and each position of TEXT, as a heat\n"
                   "map and as numbers. Each row sums to 1; no position attends to a later one.\n",
        .has_argument = true,
    };
    AttentionOptions chosen = {.format_name = "text"};
    const Option own[] = {
        {"format", &chosen.format_name, "FORMAT", "text, svg or json", OPTION_TEXT,
         .group = OPTION_OWN},
        {"output", &chosen.look.output, "FILE", "the SVG file to write", OPTION_TEXT,
         .default_text = "standard output"},
        {"svg", &chosen.svg, "FILE", "short for --format svg --output FILE", OPTION_TEXT,
         .group = OPTION_OWN},
    };
    ExitStatus status = look_parse(&chosen.look, &usage, own, 3, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    if (!check_options(&chosen, error)) {
        return EXIT_USAGE;
    }
    chosen.look.prints_besides =
        !draws(&chosen) || !out_file_is_standard_output(chosen.look.output);
    return look_run(&chosen.look, show, &chosen, error);
}
