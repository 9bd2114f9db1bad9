// Error messages: see include/microgpt/error.h.
#include "microgpt/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

bool error_set(Error *error, const char *format, ...)
{
    assert(error != NULL && format != NULL);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

bool error_out_of_memory(Error *error, const char *what, size_t size)
{
    return error_set(error, "out of memory for %s (%zu bytes); use a smaller model or data set",
                     what, size);
}
