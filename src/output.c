// Standard output, checked: a full disk or a closed pipe must not look like success.
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool output_check(Error *error)
{
    if (ferror(stdout)) {
        // The reason was in errno when it happened; EIO where that is long ago.
        int reason = errno != 0 ? errno : EIO;
        return error_set(error, "standard output: cannot be written: %s", strerror(reason));
    }
    return true;
}

bool output_flush(Error *error)
{
    errno = 0;
    fflush(stdout);
    return output_check(error);
}
