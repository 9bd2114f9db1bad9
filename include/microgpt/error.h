// A failure whose cause is outside the program, described in one line for the user.
//
// If something outside the program is wrong (a file, a size, no memory), a function returns false,
// fills the Error and leaves its outputs unchanged. A bug of the caller (NULL, a bad id) fails an
// assertion instead. The library never prints and never exits.
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

// Writes the message, truncated to fit. Always returns false, so that callers can `return
// error_set(...)`.
bool error_set(Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Writes "<path>:<line>: " and the message; without the line number if it is 0, and with only the
// end of a path of more than 200 bytes. Always returns false.
bool error_set_file(Error *error, const char *path, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Writes "out of memory for <what> (<size> bytes); use a smaller model or data set". Always returns
// false.
bool error_out_of_memory(Error *error, const char *what, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
