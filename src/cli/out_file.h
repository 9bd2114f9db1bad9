// A file being written, or standard output: opened, checked and closed with one line of error.
#ifndef MICROGPT_OUT_FILE_H
#define MICROGPT_OUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

typedef struct OutFile {
    const char *name; // for errors
    FILE *file;       // NULL once closed
} OutFile;

// Whether both names lead to one file; two names of a file yet to be made are compared as texts.
bool out_file_is_same(const char *path, const char *other);

// Opens the file that an option (as "--log") names; it is overwritten. A path of NULL means
// standard output. data_path, unless it is NULL, is a file that must stay: what the run reads.
// Errors: the file cannot be written, or is the data file.
bool out_file_open(OutFile *out, const char *option, const char *path, const char *data_path,
                   Error *error);

// Whether all that was written so far could be written.
bool out_file_check(OutFile *out, Error *error);

// Writes out what is buffered, and closes the file unless it is standard output. Does nothing the
// second time.
// Errors: what was written did not reach the file.
bool out_file_close(OutFile *out, Error *error);

// Whether all that was printed to standard output so far could be written; the second writes out
// what is buffered first. A full disk or a closed pipe must not look like success.
bool output_check(Error *error);
bool output_flush(Error *error);

#endif
