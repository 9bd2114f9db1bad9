// A file with random access: a regular file, or a pipe, which is read to its end when it is opened.
#ifndef MICROGPT_IN_FILE_H
#define MICROGPT_IN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

enum {
    IN_FILE_MAX_STREAM = 1 << 30, // bytes of a pipe, which are kept in memory
};

typedef struct InFile {
    const char *name; // for errors
    int fd;
    size_t size;
    char *stream; // all bytes that came from a pipe; NULL for a regular file
} InFile;

// Returns whether a path means standard input: `-`, one of the system's names for it, or any name
// of the pipe that it is.
bool in_file_is_standard_input(const char *path);

// Returns whether a path names the pipe that is open as fd.
bool in_file_is_open_pipe(const char *path, int fd);

// Opens a regular file and finds out its size. Reads a pipe, a terminal or standard input to its
// end. kind says in error messages what the file should be.
// Errors: no such file; a directory; a device, which might never end; a pipe with more than
// IN_FILE_MAX_STREAM bytes; out of memory.
bool in_file_open(InFile *file, const char *path, const char *kind, Error *error);

// Reads *size bytes at the offset, and sets *size to how many it read: fewer if the file has become
// shorter since it was opened.
bool in_file_read(const InFile *file, size_t offset, void *bytes, size_t *size, Error *error);

void in_file_close(InFile *file);

#endif
