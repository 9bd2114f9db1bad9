// A failure that has its cause outside the program, described in one line for its user.
//
// A function that meets the outside world (files, sizes, memory) returns false, fills the Error and
// leaves its outputs as they were. A caller's bug (NULL, a bad id) is an assert instead. Nothing in
// the library prints or exits.
#ifndef MICROGPT_ERROR_H
#define MICROGPT_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// One line: the file or option, the line number where there is one, what is wrong, what to do.
typedef struct Error {
    char message[512];
} Error;

// Writes the message, cut to fit. Always returns false, so that callers can `return
// error_set(...)`.
bool error_set(Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same for a file: the message follows the file's name (only the end of a long one) and the
// line number, unless that is 0.
bool error_set_file(Error *error, const char *path, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// "out of memory for <what> (<size> bytes needed)". Always returns false.
bool error_out_of_memory(Error *error, const char *what, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
