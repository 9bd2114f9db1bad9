// Reads files and pipes: see in_file.h.
#include "base/in_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_error(const InFile *file, Error *error)
{
    return error_set_file(error, file->name, 0, "cannot be read: %s", strerror(errno));
}

bool in_file_is_open_pipe(const char *path, int fd)
{
    struct stat named;
    struct stat opened;
    return stat(path, &named) == 0 && S_ISFIFO(named.st_mode) && fstat(fd, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

bool in_file_is_standard_input(const char *path)
{
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0 ||
           strcmp(path, "/dev/fd/0") == 0 || strcmp(path, "/proc/self/fd/0") == 0 ||
           in_file_is_open_pipe(path, STDIN_FILENO);
}

// Opening a pipe waits for a writer, and a terminal may wait as well. Opens anything else without
// waiting, even if the path has become something else since stat().
static int open_path(const char *path)
{
    struct stat status;
    bool waits = stat(path, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode));
    return open(path, O_RDONLY | O_CLOEXEC | (waits ? 0 : O_NONBLOCK));
}

// Checks that reading the file will come to an end.
static bool check_kind(const InFile *file, const struct stat *status, bool is_standard_input,
                       const char *kind, Error *error)
{
    if (S_ISDIR(status->st_mode)) {
        return error_set_file(error, file->name, 0, "is a directory; name a %s", kind);
    }
    bool is_known = S_ISREG(status->st_mode) || S_ISFIFO(status->st_mode) ||
                    S_ISSOCK(status->st_mode) || isatty(file->fd) == 1 || is_standard_input;
    return is_known ||
           error_set_file(error, file->name, 0,
                          "is not a regular file or a pipe; copy the %s to a regular file", kind);
}

static bool grow(InFile *file, size_t *capacity, Error *error)
{
    size_t larger = *capacity > 0 ? 2 * *capacity : 1 << 16;
    char *stream = realloc(file->stream, larger);
    if (stream == NULL) {
        return error_set_file(error, file->name, 0,
                              "out of memory for its bytes (more than %zu); use a smaller file",
                              file->size);
    }
    file->stream = stream;
    *capacity = larger;
    return true;
}

static bool read_stream(InFile *file, Error *error)
{
    size_t capacity = 0;
    for (;;) {
        if (file->size == capacity && !grow(file, &capacity, error)) {
            return false;
        }
        ssize_t n = read(file->fd, file->stream + file->size, capacity - file->size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return read_error(file, error);
        }
        if (n == 0) {
            return true;
        }
        file->size += (size_t)n;
        if (file->size > IN_FILE_MAX_STREAM) {
            return error_set_file(error, file->name, 0,
                                  "has more than %d bytes; copy them to a regular file",
                                  IN_FILE_MAX_STREAM);
        }
    }
}

static bool measure(InFile *file, const char *kind, bool is_standard_input, Error *error)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0) {
        return read_error(file, error);
    }
    if (!check_kind(file, &status, is_standard_input, kind, error)) {
        return false;
    }
    if (!S_ISREG(status.st_mode) ||
        is_standard_input) { // a part of standard input may have been read already
        return read_stream(file, error);
    }
    // With 32-bit addresses, a file can be larger than SIZE_MAX.
    file->size =
        (off_t)(size_t)status.st_size == status.st_size ? (size_t)status.st_size : SIZE_MAX;
    return true;
}

bool in_file_open(InFile *file, const char *path, const char *kind, Error *error)
{
    bool is_standard_input = in_file_is_standard_input(path);
    *file = (InFile){.name = is_standard_input ? "standard input" : path};
    file->fd = is_standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                                 : open_path(path);
    if (file->fd < 0) {
        return error_set_file(error, file->name, 0, "cannot be opened: %s", strerror(errno));
    }
    if (!measure(file, kind, is_standard_input, error)) {
        in_file_close(file);
        return false;
    }
    return true;
}

// Copies from the stream in memory.
static void copy_stream(const InFile *file, size_t offset, void *bytes, size_t *size)
{
    size_t n_left = offset < file->size ? file->size - offset : 0;
    *size = *size < n_left ? *size : n_left;
    memcpy(bytes, file->stream + (n_left > 0 ? offset : 0), *size);
}

bool in_file_read(const InFile *file, size_t offset, void *bytes, size_t *size, Error *error)
{
    if (file->stream != NULL) {
        copy_stream(file, offset, bytes, size);
        return true;
    }
    char *next = bytes;
    size_t n_read = 0;
    while (n_read < *size) {
        ssize_t n = pread(file->fd, next + n_read, *size - n_read, (off_t)(offset + n_read));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return read_error(file, error);
        }
        if (n == 0) {
            break;
        }
        n_read += (size_t)n;
    }
    *size = n_read;
    return true;
}

void in_file_close(InFile *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->stream);
    *file = (InFile){.fd = -1};
}
