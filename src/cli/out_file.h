// The output of a command: a file that is replaced atomically, a log that is appended to, a pipe,
// or standard output. If opening, writing or closing fails, the Error contains the reason of the
// system.
//
// If the reader of a pipe has closed it, this is not reported: the Error stays empty, and
// out_file_pipe_is_closed() returns true from then on.
#ifndef MICROGPT_OUT_FILE_H
#define MICROGPT_OUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/atomic_file.h"
#include "microgpt/error.h"

typedef struct OutFile {
    const char *name;  // for error messages
    FILE *file;        // NULL once closed
    bool is_log;       // a regular file that was opened as a log: can be read and truncated
    bool is_atomic;    // closing it replaces the old file, which stays intact until then
    AtomicFile atomic; // if is_atomic
} OutFile;

// Returns whether a path stands for standard output: NULL, `-`, one of the system's names for it,
// or any name of the pipe that it is.
bool out_file_is_standard_output(const char *path);

// Returns whether a path stands for standard output, or names a pipe or a device: what is written
// replaces nothing.
bool out_file_is_stream(const char *path);

// Opens a file: a regular file, or one that does not exist, is written atomically; a pipe, a device
// or standard output directly.
// Errors: those of atomic_file.h; errors of the system.
bool out_file_open(OutFile *out, const char *path, Error *error);

// Opens or creates a log, and keeps its contents: the caller may read it, truncate it, and then
// append. No other process can open it as a log until it is closed.
// Errors: another process has opened it; errors of the system.
bool out_file_open_log(OutFile *out, const char *path, Error *error);

// Appends as fwrite() to out->file does, and checks for errors.
bool out_file_write(OutFile *out, const void *bytes, size_t size, Error *error);

// Check whether all writes so far have succeeded; the second function flushes the buffer first.
bool out_file_check(const OutFile *out, Error *error);
bool out_file_flush(const OutFile *out, Error *error);

// Flushes the buffer and closes the file, unless it is standard output; an atomic file replaces the
// old one. Does nothing when called again.
// Errors: not everything could be written; an atomic file is unchanged then.
bool out_file_close(OutFile *out, Error *error);

// Closes the file without replacing the old one if it is atomic.
void out_file_discard(OutFile *out);

// The same checks for standard output, so that a full disk does not go unnoticed.
bool output_check(Error *error);
bool output_flush(Error *error);

// Reserves standard output for the file of that path, which stands for it; the path must stay
// valid. Everything that is printed later goes to standard error.
bool output_keep_for_file(const char *path, Error *error);

// Returns the descriptor of the original standard output.
int output_descriptor(void);

bool out_file_pipe_is_closed(void);

#endif
