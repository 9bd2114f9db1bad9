// Error messages: see include/microgpt/error.h.
#include "microgpt/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/long_path.h"

// Appends to a message that has length bytes so far, truncated to fit. Returns the new length.
static size_t __attribute__((format(printf, 3, 0)))
append(Error *error, size_t length, const char *format, va_list arguments)
{
    int n = vsnprintf(error->message + length, sizeof error->message - length, format, arguments);
    size_t end = length + (size_t)n;
    return end < sizeof error->message ? end : sizeof error->message - 1;
}

static size_t __attribute__((format(printf, 3, 4)))
append_text(Error *error, size_t length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t end = append(error, length, format, arguments);
    va_end(arguments);
    return end;
}

bool error_set(Error *error, const char *format, ...)
{
    assert(error != NULL && format != NULL);
    va_list arguments;
    va_start(arguments, format);
    append(error, 0, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_file(Error *error, const char *path, size_t line, const char *format, ...)
{
    assert(error != NULL && path != NULL && format != NULL);
    const char *dots;
    const char *end = long_path_end(path, &dots);
    size_t written = append_text(error, 0, "%s%s:", dots, end);
    if (line > 0) {
        written = append_text(error, written, "%zu:", line);
    }
    written = append_text(error, written, " ");
    va_list arguments;
    va_start(arguments, format);
    append(error, written, format, arguments);
    va_end(arguments);
    return false;
}

bool error_out_of_memory(Error *error, const char *what, size_t size)
{
    return error_set(error, "out of memory for %s (%zu bytes); use a smaller model or data set",
                     what, size);
}
