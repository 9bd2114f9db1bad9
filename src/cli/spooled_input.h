// An input that is read more than once: the contents of a pipe are copied to a temporary file.
#ifndef MICROGPT_SPOOLED_INPUT_H
#define MICROGPT_SPOOLED_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

typedef struct SpooledInput {
    const char *path; // can be opened any number of times
    const char *name; // of the original, for messages
    FILE *copy;       // NULL: path is the original file
    char copy_path[32];
} SpooledInput;

// Opens an input. kind names the expected kind of file in errors. The path must outlive the input.
// Errors: those of in_file.h for a pipe or a device; the temporary file cannot be made or written.
bool spooled_input_open(SpooledInput *input, const char *path, const char *kind, Error *error);

// Closes the input; does nothing to a zeroed one. A message about the copy is made one about the
// original.
void spooled_input_close(SpooledInput *input, Error *error);

#endif
