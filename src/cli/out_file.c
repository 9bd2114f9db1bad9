// Checked output: see out_file.h.
#include "cli/out_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/in_file.h"
#include "base/platform.h"
#include "cli/interrupt.h"

static bool pipe_is_closed;   // a reader has closed its end
static int kept_output = -1;  // the original standard output, while prints go to standard error
static const char *kept_path; // the path that stands for it

bool out_file_is_standard_output(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
           strcmp(path, "/dev/fd/1") == 0 || strcmp(path, "/proc/self/fd/1") == 0 ||
           (kept_output >= 0 ? strcmp(path, kept_path) == 0
                             : in_file_is_open_pipe(path, STDOUT_FILENO));
}

bool out_file_is_stream(const char *path)
{
    struct stat status;
    return out_file_is_standard_output(path) ||
           (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

static bool write_error(const OutFile *out, int reason, Error *error)
{
    if (reason == EPIPE) {
        pipe_is_closed = true;
        return error_set(error, "%s", "");
    }
    return error_set_file(error, out->name, 0, "cannot be written: %s",
                          reason != 0 ? strerror(reason) : "an earlier write failed");
}

// Finds out why an earlier write failed. The C library records only that it did, and errno has
// changed since. Writing one more byte fails for the same reason; the file is incomplete anyway.
static int find_reason(FILE *file)
{
    return write(fileno(file), "\n", 1) < 0 ? errno : 0;
}

static bool open_error(OutFile *out, Error *error)
{
    out->file = NULL;
    return write_error(out, errno, error);
}

static bool open_standard_output(OutFile *out, Error *error)
{
    *out = (OutFile){.name = "standard output", .file = stdout};
    if (kept_output < 0) {
        return true;
    }
    int fd = fcntl(kept_output, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    return out->file != NULL || open_error(out, error);
}

static bool open_atomic(OutFile *out, const char *path, Error *error)
{
    *out = (OutFile){.name = path, .is_atomic = true};
    interrupt_guard(&out->atomic);
    if (!atomic_file_begin(&out->atomic, path, error)) {
        interrupt_guard(NULL);
        return false;
    }
    int fd = fcntl(out->atomic.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out->file == NULL) {
        open_error(out, error);
        out_file_discard(out);
        return false;
    }
    return true;
}

bool out_file_open(OutFile *out, const char *path, Error *error)
{
    assert(out != NULL && error != NULL);
    if (out_file_is_standard_output(path)) {
        return open_standard_output(out, error);
    }
    if (!out_file_is_stream(path)) {
        return open_atomic(out, path, error);
    }
    *out = (OutFile){.name = path, .file = fopen(path, "we")};
    return out->file != NULL || open_error(out, error);
}

// Locks the file against other processes. On a file system without locks, this is not possible.
static bool lock_log(const OutFile *out, int fd, Error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return write_error(out, errno, error);
    }
    if (S_ISREG(status.st_mode) && !platform_lock(fd) && errno == EWOULDBLOCK) {
        return error_set_file(error, out->name, 0,
                              "is being written by another process; name another file");
    }
    return true;
}

bool out_file_open_log(OutFile *out, const char *path, Error *error)
{
    if (out_file_is_stream(path)) {
        return out_file_open(out, path, error);
    }
    *out = (OutFile){.name = path, .is_log = true};
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return write_error(out, errno, error);
    }
    if (!lock_log(out, fd, error)) {
        close(fd);
        return false;
    }
    out->file = fdopen(fd, "a");
    if (out->file == NULL) {
        close(fd);
        return open_error(out, error);
    }
    return true;
}

bool out_file_write(OutFile *out, const void *bytes, size_t size, Error *error)
{
    if (out->is_atomic) {
        return atomic_file_write(&out->atomic, bytes, size, error);
    }
    errno = 0;
    return fwrite(bytes, 1, size, out->file) == size || write_error(out, errno, error);
}

bool out_file_check(const OutFile *out, Error *error)
{
    assert(out->file != NULL);
    return !ferror(out->file) || write_error(out, find_reason(out->file), error);
}

bool out_file_flush(const OutFile *out, Error *error)
{
    return out_file_check(out, error) && (fflush(out->file) == 0 || write_error(out, errno, error));
}

bool out_file_close(OutFile *out, Error *error)
{
    if (out->file == NULL) {
        return true;
    }
    if (!out_file_flush(out, error)) {
        out_file_discard(out);
        return false;
    }
    bool ok = true;
    if (out->file != stdout && fclose(out->file) != 0) {
        ok = write_error(out, errno, error);
    }
    out->file = NULL;
    if (out->is_atomic) {
        ok = ok && atomic_file_commit(&out->atomic, error);
        atomic_file_discard(&out->atomic); // does nothing if it was committed
        interrupt_guard(NULL);
    }
    return ok;
}

void out_file_discard(OutFile *out)
{
    if (out->file != NULL && out->file != stdout) {
        fclose(out->file);
    }
    out->file = NULL;
    if (out->is_atomic) {
        atomic_file_discard(&out->atomic);
        interrupt_guard(NULL);
    }
}

bool output_check(Error *error)
{
    OutFile out = {.name = "standard output", .file = stdout};
    return out_file_check(&out, error);
}

bool output_flush(Error *error)
{
    OutFile out = {.name = "standard output", .file = stdout};
    return out_file_flush(&out, error);
}

// Other names of standard output, such as links to /dev/stdout, name standard error from then on.
bool output_keep_for_file(const char *path, Error *error)
{
    OutFile out = {.name = "standard output", .file = stdout};
    if (kept_output >= 0) {
        return true;
    }
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        return write_error(&out, errno, error);
    }
    kept_output = fd;
    kept_path = path;
    return true;
}

int output_descriptor(void)
{
    return kept_output >= 0 ? kept_output : STDOUT_FILENO;
}

bool out_file_pipe_is_closed(void)
{
    return pipe_is_closed;
}
