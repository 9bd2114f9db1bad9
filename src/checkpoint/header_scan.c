// Counts brackets outside of strings: see header_scan.h.
#include "checkpoint/header_scan.h"

#include <stdbool.h>

// Returns the index after the string that begins at i.
static size_t skip_string(const char *header, size_t size, size_t i)
{
    i++;
    while (i < size && header[i] != '"') {
        i += header[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static bool is_minus_zero(const char *header, size_t size, size_t i)
{
    bool has_zero = i + 1 < size && header[i] == '-' && header[i + 1] == '0';
    return has_zero && (i + 2 == size || header[i + 2] < '0' || header[i + 2] > '9');
}

const char *header_scan(const char *header, size_t size)
{
    size_t n_opened = 0;
    size_t depth = 0;
    size_t deepest = 0;
    for (size_t i = 0; i < size; i++) {
        if (header[i] == '"') {
            i = skip_string(header, size, i) - 1;
        } else if (header[i] == '{' || header[i] == '[') {
            n_opened++;
            depth++;
        } else if ((header[i] == '}' || header[i] == ']') && depth > 0) {
            depth--;
        } else if (is_minus_zero(header, size, i)) {
            return "its header has the number -0, which is not a size or an offset";
        }
        deepest = depth > deepest ? depth : deepest;
    }
    // Every tensor has three brackets and far more than 24 bytes. A header that consists only of
    // brackets would take a hundred times its size in memory when it is parsed.
    if (n_opened > 8 + size / 8) {
        return "its header has too many brackets";
    }
    return deepest <= HEADER_MAX_DEPTH
               ? NULL
               : "its header is not JSON of a checkpoint: it is nested deeper than 8 levels";
}
