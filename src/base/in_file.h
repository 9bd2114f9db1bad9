// A file to be read at any place: a regular file, or all that a pipe brings.
#ifndef MICROGPT_IN_FILE_H
#define MICROGPT_IN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

enum {
    IN_FILE_MAX_STREAM = 1 << 30, // bytes of a pipe: they are kept in memory
};

typedef struct InFile {
    const char *name; // for errors
    int fd;
    size_t size;
    char *stream; // what came through a pipe; NULL: the file can be read where one likes
} InFile;

// Whether a path stands for standard input: `-`, or one of the system's names for it.
bool in_file_is_standard_input(const char *path);

// Opens a regular file and learns its size; of a pipe, a terminal or standard input all is read, up
// to its end. kind is what the file should be, for errors.
// Errors: no such file; a directory, or a device, which could go on for ever; a pipe that brings
// more than IN_FILE_MAX_STREAM; out of memory.
bool in_file_open(InFile *file, const char *path, const char *kind, Error *error);

// Reads *size bytes from the offset on, and sets *size to how many there were: fewer where the file
// has shrunk since it was measured.
bool in_file_read(const InFile *file, size_t offset, void *bytes, size_t *size, Error *error);

void in_file_close(InFile *file);

#endif
