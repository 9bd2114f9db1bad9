// What a command writes: a file that is replaced as a whole, a log that grows, a pipe, or standard
// output. Each is opened, checked and closed with one line of error, which has the system's reason.
//
// Where a reader has closed the pipe that a command writes to, nobody is left to be told: the Error
// stays empty, and out_file_pipe_is_closed() is true from then on.
#ifndef MICROGPT_OUT_FILE_H
#define MICROGPT_OUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/atomic_file.h"
#include "microgpt/error.h"

typedef struct OutFile {
    const char *name;  // for errors
    FILE *file;        // NULL once closed
    bool is_atomic;    // it appears when it is closed, and until then the older one stays
    AtomicFile atomic; // where it is atomic
} OutFile;

// Whether a path stands for standard output: NULL, `-`, or one of the system's names for it.
bool out_file_is_standard_output(const char *path);

// Opens a file that is whole or not there: a regular one, or one yet to be made. A pipe or a device
// is written to as it is, and so is standard output. Errors: those of atomic_file.h; what the
// system says.
bool out_file_open(OutFile *out, const char *path, Error *error);

// Opens a file that grows, with what is in it: the caller may read it, cut it, and then append. One
// that does not exist is made. No other process can open it in this way until it is closed.
// Errors: another process has it; what the system says.
bool out_file_open_log(OutFile *out, const char *path, Error *error);

// Appends, as fwrite() to out->file would, and checks.
bool out_file_write(OutFile *out, const void *bytes, size_t size, Error *error);

// Whether all that was written so far could be written; the second writes out what is buffered
// first.
bool out_file_check(const OutFile *out, Error *error);
bool out_file_flush(const OutFile *out, Error *error);

// Writes out what is buffered, and closes the file unless it is standard output: an atomic one is
// in its place now. Does nothing the second time. Errors: what was written did not reach the file;
// an atomic one is as it was.
bool out_file_close(OutFile *out, Error *error);

// Closes the file, too; of an atomic one, the older stays.
void out_file_discard(OutFile *out);

// The same for all that was printed to standard output. A full disk must not look like success.
bool output_check(Error *error);
bool output_flush(Error *error);

// Keeps standard output for the file that is named `-`: from here on, what is printed goes to
// standard error instead.
bool output_keep_for_file(Error *error);

// What is behind standard output, which may have been kept.
int output_descriptor(void);

bool out_file_pipe_is_closed(void);

#endif
