// Formatted output: non-ASCII characters and bold type in a terminal that supports them, plain
// ASCII everywhere else. Everything that is printed fits into 80 columns.
#ifndef MICROGPT_SCREEN_H
#define MICROGPT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/tokenizer.h"

enum {
    SCREEN_COLUMNS = 80,
};

typedef struct Screen {
    bool is_utf8;
    bool is_bold; // true in a terminal unless NO_COLOR is set
} Screen;

// Sets the locale's character set to the user's, but not its number format.
Screen screen_open(void);

// Prints an empty line and a title.
void screen_title(const Screen *screen, const char *title);

enum {
    LABEL_BYTES = 16,
};

// The label of a token: its character, `BOS`, or what Python's ascii() writes: `\n`, `\u674e`.
typedef struct Label {
    char text[LABEL_BYTES];
    int n_columns;
} Label;

Label screen_label(const Screen *screen, const Tokenizer *tokenizer, int token_id);

// Prints the label, padded with spaces to n_columns columns.
void screen_print_label(const Label *label, int n_columns);

// Returns the number of columns of the widest label of the tokens.
int screen_label_columns(const Screen *screen, const Tokenizer *tokenizer, const int *tokens,
                         size_t n_tokens);

// Return one character for a share of the whole: a shade for a heat map, a bar for a histogram.
// Requires: 0 <= share <= 1; anything else is shown as `?`.
const char *screen_shade(const Screen *screen, double share);
const char *screen_bar(const Screen *screen, double share);

#endif
