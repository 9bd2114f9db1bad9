// Patterns of paths: see path_pattern.h.
#include "compare/path_pattern.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

bool path_matches(const char *pattern, const char *path)
{
    char quoted[2 * 256 + 1]; // the paths of a model are shorter
    size_t n = 0;
    for (const char *c = pattern; *c != '\0'; c++) {
        if (n + 2 >= sizeof quoted) {
            return false;
        }
        if (*c == '[' || *c == ']' || *c == '\\') {
            quoted[n++] = '\\';
        }
        quoted[n++] = *c;
    }
    quoted[n] = '\0';
    return fnmatch(quoted, path, 0) == 0;
}

// Copies one character if it fits.
static void put(char *pattern, size_t *n, char c)
{
    if (*n + 1 < PATTERN_BYTES) {
        pattern[*n] = c;
        *n += 1;
    }
}

// Returns whether the current number is that of a position or a head.
static bool is_numbered_part(const char *path, const char *at)
{
    return (at - path >= 3 && strncmp(at - 3, "pos", 3) == 0) ||
           (at - path >= 4 && strncmp(at - 4, "head", 4) == 0);
}

const char *path_pattern(const char *path, char *pattern)
{
    size_t n = 0;
    for (const char *c = path; *c != '\0';) {
        const char *end = *c == '[' ? strchr(c, ']') : NULL;
        if (end != NULL) {
            put(pattern, &n, '[');
            put(pattern, &n, '*');
            c = end;
        } else if (isdigit((unsigned char)*c) && is_numbered_part(path, c)) {
            put(pattern, &n, 'N');
            c += strspn(c, "0123456789");
        } else {
            put(pattern, &n, *c);
            c++;
        }
    }
    pattern[n] = '\0';
    return pattern;
}
