// Opens and reads regular files: see in_file.h.
#include "base/in_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool in_file_open(const char *path, const char *kind, int *fd, size_t *size, Error *error)
{
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0) {
        return error_set_file(error, path, 0, "cannot be opened: %s", strerror(errno));
    }
    struct stat status;
    bool ok = true;
    if (fstat(opened, &status) != 0) {
        ok = error_set_file(error, path, 0, "cannot be read: %s", strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        ok = error_set_file(error, path, 0, "is a directory; name a %s", kind);
    } else if (!S_ISREG(status.st_mode)) {
        ok =
            error_set_file(error, path, 0, "is not a regular file; copy the %s to one first", kind);
    }
    if (!ok) {
        close(opened);
        return false;
    }
    *fd = opened;
    // With 32-bit addresses, a file can be larger than memory can be.
    *size = (off_t)(size_t)status.st_size == status.st_size ? (size_t)status.st_size : SIZE_MAX;
    return true;
}

bool in_file_read(int fd, const char *path, size_t offset, void *bytes, size_t *size, Error *error)
{
    char *next = bytes;
    size_t n_read = 0;
    while (n_read < *size) {
        ssize_t n = pread(fd, next + n_read, *size - n_read, (off_t)(offset + n_read));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_set_file(error, path, 0, "cannot be read: %s", strerror(errno));
        }
        if (n == 0) {
            break;
        }
        n_read += (size_t)n;
    }
    *size = n_read;
    return true;
}
