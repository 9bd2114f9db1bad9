// Draws attention maps: see attention.h.
#include "look/attention.h"

#include <stdint.h>

enum {
    CELL = 22,    // width and height of a weight
    MARGIN = 44,  // left of and above a grid, for its labels
    GAP = 24,     // right of and below a grid
    PER_ROW = 4,  // grids in a row
    CAPTION = 20, // above the labels
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Writes a token as XML text in ASCII. XML does not allow control characters, not even as character
// references; the replacement character of Unicode is written for them.
static void write_token(FILE *file, const Tokenizer *tokenizer, int token_id)
{
    if (token_id == tokenizer->bos) {
        fputs("BOS", file);
        return;
    }
    uint32_t code_point = tokenizer->uchars[token_id];
    bool is_bad = code_point < 0x20 || code_point == 0xFFFE || code_point == 0xFFFF;
    fprintf(file, "&#x%x;", (unsigned)(is_bad ? 0xFFFD : code_point));
}

static void write_labels(FILE *file, const Attention *attention)
{
    const LookSession *look = attention->look;
    for (size_t t = 0; t < attention->n_positions; t++) {
        size_t middle = MARGIN + t * CELL + CELL / 2;
        fprintf(file, "<text class=\"row\" x=\"%d\" y=\"%zu\">", MARGIN - 5, middle + CAPTION + 4);
        write_token(file, look->tokenizer, look->tokens[t]);
        fprintf(file, "</text>\n<text class=\"column\" x=\"%zu\" y=\"%d\">", middle,
                MARGIN + CAPTION - 6);
        write_token(file, look->tokenizer, look->tokens[t]);
        fputs("</text>\n", file);
    }
}

// Writes the cells of the triangle. A browser shows their titles as tooltips.
static void write_cells(FILE *file, const Attention *attention, size_t layer, size_t head)
{
    for (size_t t = 0; t < attention->n_positions; t++) {
        const double *weights = attention_row(attention, layer, head, t);
        for (size_t s = 0; s <= t; s++) {
            fprintf(file,
                    "<rect x=\"%zu\" y=\"%zu\" fill-opacity=\"%.4f\">"
                    "<title>position %zu gives the weight %.17g to position %zu</title></rect>\n",
                    MARGIN + s * CELL, MARGIN + CAPTION + t * CELL, weights[s], t, weights[s], s);
        }
    }
}

static void write_grid(FILE *file, const Attention *attention, size_t layer, size_t head, size_t x,
                       size_t y)
{
    fprintf(file, "<g transform=\"translate(%zu,%zu)\">\n", x, y);
    fprintf(file, "<text x=\"%d\" y=\"14\">layer %zu, head %zu</text>\n", MARGIN, layer, head);
    write_labels(file, attention);
    write_cells(file, attention, layer, head);
    fputs("</g>\n", file);
}

static const char *const style =
    "<style>\n"
    "svg { background: #ffffff; color: #1f2933 }\n"
    "@media (prefers-color-scheme: dark) { svg { background: #14181d; color: #dde3ea } }\n"
    "text { font: 13px sans-serif; fill: currentColor }\n"
    ".row { text-anchor: end }\n"
    ".column { text-anchor: middle }\n"
    "rect { width: 21px; height: 21px; fill: #2f7fd1; stroke: #8a97a6; stroke-width: 0.5 }\n"
    "</style>\n";

void attention_write_svg(FILE *file, const Attention *attention)
{
    size_t n_maps = attention->n_layer * attention->n_head;
    size_t per_row = smaller(attention->n_head, PER_ROW);
    size_t rows_per_layer = (attention->n_head + per_row - 1) / per_row;
    size_t side = attention->n_positions * CELL + MARGIN + GAP;
    size_t width = per_row * side;
    size_t height = attention->n_layer * rows_per_layer * (side + CAPTION);
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" "
            "height=\"%zu\">\n<title>Attention weights</title>\n%s",
            width, height, width, height, style);
    for (size_t map = 0; map < n_maps; map++) {
        size_t layer = map / attention->n_head;
        size_t head = map % attention->n_head;
        size_t row = layer * rows_per_layer + head / per_row;
        write_grid(file, attention, layer, head, head % per_row * side, row * (side + CAPTION));
    }
    fputs("</svg>\n", file);
}
