// Files without a name: see temporary_file.h.
#include "cli/temporary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool temporary_file_open(FILE **file, Error *error)
{
    char name[PATH_MAX];
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0') {
        folder = "/tmp";
    }
    int length = snprintf(name, sizeof name, "%s/microgpt-XXXXXX", folder);
    errno = ENAMETOOLONG;
    int fd = length < (int)sizeof name ? mkstemp(name) : -1;
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        unlink(name);
        *file = fdopen(fd, "w+");
    }
    if (fd < 0 || *file == NULL) {
        error_set_file(error, folder, 0,
                       "cannot have a temporary file: %s; set TMPDIR to another folder",
                       strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    return true;
}
