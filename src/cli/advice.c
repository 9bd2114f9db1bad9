// Replaces names of settings by options: see advice.h.
#include "cli/advice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool is_setting(const char *word, size_t length)
{
    static const char *const names[] = {"learning_rate", "init_std", "temperature", "n_head"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0) {
            return true;
        }
    }
    return false;
}

// Returns whether a word is one of a sentence, and not a part of a file's name.
static bool stands_alone(const char *word, size_t length)
{
    const char *end = word + length;
    return word[-1] == ' ' && (*end == '\0' || *end == ' ' || *end == ',' || strcmp(end, ".") == 0);
}

// Appends as much of the text as fits.
static void append(Error *error, const char *text, size_t n)
{
    size_t length = strlen(error->message);
    size_t space = sizeof error->message - 1 - length;
    size_t n_copied = n < space ? n : space;
    memcpy(error->message + length, text, n_copied);
    error->message[length + n_copied] = '\0';
}

static void append_option(Error *error, const char *name, size_t length)
{
    append(error, "--", 2);
    for (size_t i = 0; i < length; i++) {
        append(error, name[i] == '_' ? "-" : &name[i], 1);
    }
}

void advice_name_options(Error *error)
{
    char advice[sizeof error->message];
    char *begin = strrchr(error->message, ';');
    if (begin == NULL) {
        return;
    }
    snprintf(advice, sizeof advice, "%s", begin);
    *begin = '\0';
    for (const char *at = advice; *at != '\0';) {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_-");
        if (is_setting(at, length) && stands_alone(at, length)) {
            append_option(error, at, length);
        } else {
            length = length > 0 ? length : 1;
            append(error, at, length);
        }
        at += length;
    }
}
