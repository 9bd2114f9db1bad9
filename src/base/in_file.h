// A regular file to be read. Opening it and finding its size never blocks.
#ifndef MICROGPT_IN_FILE_H
#define MICROGPT_IN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

// Opens a regular file and learns its size. kind is what the file should be, for errors.
// Errors: no such file, not a regular file (a pipe or a device could block or never end).
bool in_file_open(const char *path, const char *kind, int *fd, size_t *size, Error *error);

// Reads up to *size bytes from the offset, and sets *size to how many were read: fewer if the file
// has shrunk since it was opened.
bool in_file_read(int fd, const char *path, size_t offset, void *bytes, size_t *size, Error *error);

#endif
