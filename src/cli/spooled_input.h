// An input that is read more than once: what a pipe brings is copied to a temporary file first.
#ifndef MICROGPT_SPOOLED_INPUT_H
#define MICROGPT_SPOOLED_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

typedef struct SpooledInput {
    const char *path; // to open as often as one likes
    FILE *copy;       // NULL: path is the file itself
    char copy_path[32];
} SpooledInput;

// kind is what the file should be, for errors. The path must outlive the input.
// Errors: those of in_file.h, of a pipe or a device; the temporary file cannot be made or written.
bool spooled_input_open(SpooledInput *input, const char *path, const char *kind, Error *error);

// A zeroed input is fine, too.
void spooled_input_close(SpooledInput *input);

#endif
