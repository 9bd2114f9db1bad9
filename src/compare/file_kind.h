// Finds out what kind of file `microgpt compare` was given, by its beginning.
#ifndef MICROGPT_FILE_KIND_H
#define MICROGPT_FILE_KIND_H

#include <stdbool.h>

#include "microgpt/error.h"

typedef enum FileKind {
    FILE_DUMP,   // a node dump, or an unknown kind, for which the reader of dumps reports the error
    FILE_LOSSES, // losses, one per line, or a log
    FILE_TENSORS, // safetensors: a checkpoint, or the weights of another program
} FileKind;

// Finds out the kind of a file.
// Errors: out of memory.
bool file_kind(const char *file_name, FileKind *kind, Error *error);

// Returns the name of a kind in messages: "a node dump".
const char *file_kind_name(FileKind kind);

#endif
