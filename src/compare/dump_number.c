// Parses numbers of any port: see dump_number.h.
#include "compare/dump_number.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/hexfloat.h"

enum {
    MAX_NUMBER_BYTES = 800, // more than all digits of the smallest double
};

// Skips digits, and returns how many there were.
static size_t take_digits(const char **at)
{
    size_t n = 0;
    while (isdigit((unsigned char)**at)) {
        *at += 1;
        n++;
    }
    return n;
}

// Returns whether the text is `12`, `12.`, `.5`, `1.5e-7` or the like. strtod() would also accept
// blanks and a truncated number.
static bool is_decimal(const char *text)
{
    size_t n = take_digits(&text);
    if (*text == '.') {
        text++;
        n += take_digits(&text);
    }
    if (n == 0) {
        return false;
    }
    if (*text == 'e') {
        text++;
        text += *text == '+' || *text == '-';
        if (take_digits(&text) == 0) {
            return false;
        }
    }
    return *text == '\0';
}

// Parses a number without its sign, in lower case.
static const char *parse_magnitude(const char *text, double *number)
{
    size_t length = strlen(text);
    if (strncmp(text, "nan", 3) == 0 && (text[3] == '\0' || text[3] == '(')) {
        *number = NAN;
        return NULL;
    }
    if (strcmp(text, "inf") == 0 || strcmp(text, "infinity") == 0) {
        *number = INFINITY;
        return NULL;
    }
    if (strncmp(text, "0x", 2) == 0) {
        bool ok = hexfloat_parse(text, length, number);
        return ok ? NULL : "is not a hexadecimal double, as Python's float.hex() writes it";
    }
    if (!is_decimal(text)) {
        return strchr(text, ',') != NULL && isdigit((unsigned char)text[0])
                   ? "is not a number: write a point, not a comma"
                   : "is not a number";
    }
    double value = strtod(text, NULL);
    if (!isfinite(value)) {
        return "is larger than any double";
    }
    *number = value;
    return NULL;
}

const char *dump_number_parse(const char *text, size_t length, double *number)
{
    assert(text != NULL && number != NULL);
    char copy[MAX_NUMBER_BYTES + 1] = {0};
    if (length > MAX_NUMBER_BYTES) {
        return "is not a number";
    }
    bool is_negative = length > 0 && text[0] == '-';
    size_t start = length > 0 && (text[0] == '-' || text[0] == '+');
    for (size_t i = start; i < length; i++) {
        if (text[i] == '\0') {
            return "is not a number";
        }
        copy[i - start] = (char)tolower((unsigned char)text[i]);
    }
    double magnitude = 0;
    const char *problem = parse_magnitude(copy, &magnitude);
    if (problem == NULL) {
        *number = is_negative && !isnan(magnitude) ? -magnitude : magnitude;
    }
    return problem;
}

int dump_number_digits(const char *text, size_t length)
{
    int n = 0;
    bool is_leading = true;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == 'x' || text[i] == 'X' || text[i] == 'n' || text[i] == 'N') {
            return 0;
        }
        if (text[i] == 'e' || text[i] == 'E') {
            break;
        }
        is_leading = is_leading && (text[i] < '1' || text[i] > '9');
        n += !is_leading && text[i] != '.';
    }
    return n;
}
