// Common functions of the targets that compare two files: the input has both, with the line `--`
// between them.
#ifndef MICROGPT_FUZZ_PAIR_H
#define MICROGPT_FUZZ_PAIR_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz/fuzz_file.h"
#include "microgpt/error.h"

typedef struct FuzzPair {
    const uint8_t *bytes[2]; // the second is NULL if the input has no separator
    size_t sizes[2];
} FuzzPair;

static inline FuzzPair fuzz_split(const uint8_t *bytes, size_t size)
{
    static const char between[] = "--\n";
    const uint8_t *separator = memmem(bytes, size, between, strlen(between));
    if (separator == NULL) {
        return (FuzzPair){{bytes, NULL}, {size, 0}};
    }
    size_t size_a = (size_t)(separator - bytes);
    return (FuzzPair){{bytes, separator + strlen(between)},
                      {size_a, size - size_a - strlen(between)}};
}

static inline void must_hold(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static inline void must_be_one_line(const Error *error)
{
    must_hold(error->message[0] != '\0' && strchr(error->message, '\n') == NULL, "no one line");
}

// Returns a file for text reports that discards them.
static inline FILE *fuzz_nowhere(void)
{
    static FILE *file;
    file = file != NULL ? file : fopen("/dev/null", "w");
    must_hold(file != NULL, "/dev/null");
    return file;
}

// Checks that a JSON report is valid, and returns its member "same". Frees the text.
static inline bool fuzz_is_same(char *json, size_t size)
{
    json_error_t reason;
    size_t flags = JSON_DECODE_INT_AS_REAL; // a distance in ULP may be beyond 63 bits
    json_t *root = json_loadb(json, size, flags, &reason);
    must_hold(root != NULL, reason.text);
    bool is_same = json_is_true(json_object_get(root, "same"));
    json_decref(root);
    free(json);
    return is_same;
}

#endif
