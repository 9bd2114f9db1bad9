// Wraps system calls: see syscall_faults.h.
#include "faults/syscall_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

SyscallFaults syscall_faults;

// Counts the call. Sets errno and returns true if it must fail.
static bool fails(const char *function)
{
    SyscallFaults *f = &syscall_faults;
    if (f->fault == FAULT_NONE || (f->only != NULL && strcmp(f->only, function) != 0)) {
        return false;
    }
    f->n_calls++;
    size_t length = strlen(f->trace);
    snprintf(f->trace + length, sizeof f->trace - length, "%s ", function);
    if (f->n_calls < f->at || (f->n_calls > f->at && !f->for_ever)) {
        return false;
    }
    f->hit = function;
    if (f->fault == FAULT_KILL) {
        raise(SIGKILL);
    }
    if (f->fault == FAULT_SIGNAL) {
        raise(f->error_number);
    }
    errno = f->error_number;
    return f->fault == FAULT_ERROR;
}

// Returns how many of size bytes the call may write or read.
static size_t allowed(size_t size)
{
    const SyscallFaults *f = &syscall_faults;
    return f->fault == FAULT_SHORT && f->n_calls == f->at ? (size + 1) / 2 : size;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    return fails("open") ? -1 : __real_open(path, flags, 0);
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fails("openat") ? -1 : __real_openat(folder, path, flags, mode);
}

int __real_fstat(int fd, void *status);
int __wrap_fstat(int fd, void *status);
int __wrap_fstat(int fd, void *status)
{
    return fails("fstat") ? -1 : __real_fstat(fd, status);
}

int __real_lstat(const char *path, void *status);
int __wrap_lstat(const char *path, void *status);
int __wrap_lstat(const char *path, void *status)
{
    return fails("lstat") ? -1 : __real_lstat(path, status);
}

int __real_fstatat(int folder, const char *path, void *status, int flags);
int __wrap_fstatat(int folder, const char *path, void *status, int flags);
int __wrap_fstatat(int folder, const char *path, void *status, int flags)
{
    return fails("fstatat") ? -1 : __real_fstatat(folder, path, status, flags);
}

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved)
{
    return fails("realpath") ? NULL : __real_realpath(path, resolved);
}

#ifdef HAVE_GETRANDOM
ssize_t __real_getrandom(void *bytes, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    return fails("getrandom") ? -1 : __real_getrandom(bytes, size, flags);
}
#endif

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return fails("fchmod") ? -1 : __real_fchmod(fd, mode);
}

int __real_fchown(int fd, uid_t user, gid_t group);
int __wrap_fchown(int fd, uid_t user, gid_t group);
int __wrap_fchown(int fd, uid_t user, gid_t group)
{
    return fails("fchown") ? -1 : __real_fchown(fd, user, group);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    return fails("flock") ? -1 : __real_flock(fd, operation);
}

#ifdef HAVE_STATX
int __real_statx(int folder, const char *path, int flags, unsigned mask, void *status);
int __wrap_statx(int folder, const char *path, int flags, unsigned mask, void *status);
int __wrap_statx(int folder, const char *path, int flags, unsigned mask, void *status)
{
    return fails("statx") ? -1 : __real_statx(folder, path, flags, mask, status);
}
#endif

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    return fails("write") ? -1 : __real_write(fd, bytes, allowed(size));
}

ssize_t __real_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset)
{
    return fails("pread") ? -1 : __real_pread(fd, bytes, allowed(size), offset);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails("fsync") ? -1 : __real_fsync(fd);
}

// Linux closes the file whatever close() returns.
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool failed = fails("close");
    int error_number = errno;
    int result = __real_close(fd);
    errno = error_number;
    return failed ? -1 : result;
}

int __real_renameat(int folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int folder, const char *from, int to_folder, const char *to)
{
    return fails("renameat") ? -1 : __real_renameat(folder, from, to_folder, to);
}

int __real_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags)
{
    return fails("unlinkat") ? -1 : __real_unlinkat(folder, path, flags);
}
