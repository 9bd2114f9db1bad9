// Replaces names of settings by options: see advice.h.
#include "cli/advice.h"

#include <stdbool.h>
#include <stddef.h>
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

// Turns a name in a message into an option. What no longer fits is cut.
static void name_option(Error *error, char *name, size_t length)
{
    char *end = error->message + sizeof error->message - 1;
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '_') {
            name[i] = '-';
        }
    }
    memmove(name + 2, name, (size_t)(end - (name + 2)));
    name[0] = '-';
    name[1] = '-';
    *end = '\0';
}

void advice_name_options(Error *error)
{
    char *at = strrchr(error->message, ';');
    while (at != NULL && *at != '\0') {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_-");
        if (is_setting(at, length) && stands_alone(at, length)) {
            name_option(error, at, length);
            length += 2;
        }
        at += strnlen(at, length > 0 ? length : 1);
    }
}
