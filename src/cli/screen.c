// Finds out what standard output can show: see screen.h.
#include "cli/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/printable.h"

Screen screen_open(void)
{
    setlocale(LC_CTYPE, "");
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    const char *no_color = getenv("NO_COLOR"); // https://no-color.org: any text that is not empty
    return (Screen){
        .is_utf8 = is_terminal && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .is_bold = is_terminal && (no_color == NULL || no_color[0] == '\0'),
    };
}

void screen_title(const Screen *screen, const char *title)
{
    const char *begin = screen->is_bold ? "\033[1m" : "";
    const char *end = screen->is_bold ? "\033[0m" : "";
    printf("\n%s%s%s\n", begin, title, end);
}

// Escapes a character as Python's ascii() does.
static void escape(uint32_t code_point, char *text)
{
    const char *format = code_point <= 0xFF     ? "\\x%02x"
                         : code_point <= 0xFFFF ? "\\u%04x"
                                                : "\\U%08x";
    snprintf(text, LABEL_BYTES, format, (unsigned)code_point);
}

Label screen_label(const Screen *screen, const Tokenizer *tokenizer, int token_id)
{
    Label label = {"BOS", 3};
    if (token_id == tokenizer->bos) {
        return label;
    }
    uint32_t code_point = tokenizer->uchars[token_id];
    int n_columns = screen->is_utf8 ? wcwidth((wchar_t)code_point) : -1;
    bool is_ascii = code_point > 0x20 && code_point < 0x7F && code_point != '\\';
    if (is_ascii || (n_columns > 0 && code_point > 0xA0 && printable_has(code_point))) {
        size_t n = tokenizer_decode(tokenizer, token_id, label.text);
        label.text[n] = '\0';
        label.n_columns = is_ascii ? 1 : n_columns;
        return label;
    }
    escape(code_point, label.text);
    label.n_columns = (int)strlen(label.text);
    return label;
}

void screen_print_label(const Label *label, int n_columns)
{
    int n_spaces = n_columns > label->n_columns ? n_columns - label->n_columns : 0;
    printf("%s%*s", label->text, n_spaces, "");
}

int screen_label_columns(const Screen *screen, const Tokenizer *tokenizer, const int *tokens,
                         size_t n_tokens)
{
    int most = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        Label label = screen_label(screen, tokenizer, tokens[i]);
        most = label.n_columns > most ? label.n_columns : most;
    }
    return most;
}

static const char *pick(const char *const *characters, size_t n, double share)
{
    if (!(share >= 0 && share <= 1.000001)) { // rounding may make a sum of weights exceed 1
        return "?";
    }
    size_t i = (size_t)(share * (double)n);
    return characters[i < n ? i : n - 1];
}

const char *screen_shade(const Screen *screen, double share)
{
    static const char *const ascii[] = {".", ":", "-", "=", "+", "*", "%", "#", "@"};
    static const char *const utf8[] = {"\u00b7", "\u2591", "\u2592", "\u2593", "\u2588"};
    return screen->is_utf8 ? pick(utf8, sizeof utf8 / sizeof *utf8, share)
                           : pick(ascii, sizeof ascii / sizeof *ascii, share);
}

const char *screen_bar(const Screen *screen, double share)
{
    static const char *const ascii[] = {".", ":", "-", "=", "+", "*", "%", "#", "@"};
    static const char *const utf8[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                       "\u2585", "\u2586", "\u2587", "\u2588"};
    if (share == 0) {
        return screen->is_utf8 ? " " : "_";
    }
    return screen->is_utf8 ? pick(utf8, sizeof utf8 / sizeof *utf8, share)
                           : pick(ascii, sizeof ascii / sizeof *ascii, share);
}
