// Writing beside, then renaming: see atomic_file.h.
#include "base/atomic_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool save_error(const AtomicFile *file, int reason, Error *error)
{
    return error_set_file(error, file->path, 0, "cannot be saved: %s", strerror(reason));
}

// Undoes everything; reason is the errno of what failed.
static bool give_up(AtomicFile *file, int reason, Error *error)
{
    save_error(file, reason, error);
    atomic_file_discard(file);
    return false;
}

// Follows symbolic links, so that it is the file that is replaced and not the link to it.
static bool find_target(AtomicFile *file, Error *error)
{
    file->target = realpath(file->path, NULL);
    if (file->target != NULL) {
        return true;
    }
    if (errno != ENOENT) {
        return save_error(file, errno, error);
    }
    struct stat status;
    if (lstat(file->path, &status) == 0) {
        return error_set_file(error, file->path, 0,
                              "is a link to a file that is not there; remove the link");
    }
    file->target = strdup(file->path);
    return file->target != NULL || error_out_of_memory(error, "a path", strlen(file->path) + 1);
}

// Splits the target into folder and name, and opens the folder.
static bool open_folder(AtomicFile *file, Error *error)
{
    char *slash = strrchr(file->target, '/');
    file->base = slash != NULL ? slash + 1 : file->target;
    if (file->base[0] == '\0') {
        return error_set_file(error, file->path, 0, "is a directory; save to a file");
    }
    if (slash == NULL) {
        file->folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else if (slash == file->target) {
        file->folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else {
        *slash = '\0';
        file->folder = open(file->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *slash = '/';
    }
    return file->folder >= 0 || save_error(file, errno, error);
}

// The mode of the file that is replaced; -1 where there is none yet.
static bool find_mode(AtomicFile *file, int *mode, Error *error)
{
    struct stat status;
    *mode = -1;
    if (fstatat(file->folder, file->base, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || save_error(file, errno, error);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set_file(error, file->path, 0, "is not a regular file; save to another name");
    }
    *mode = (int)(status.st_mode & 0777);
    return true;
}

// A name that nobody can guess: in a folder where others may write, nobody can be there first.
static bool open_temporary(AtomicFile *file, Error *error)
{
    int mode;
    uint64_t number;
    if (!find_mode(file, &mode, error)) {
        return false;
    }
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return save_error(file, errno, error);
    }
    snprintf(file->temporary, sizeof file->temporary, ".microgpt-save-%016" PRIx64, number);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    file->fd = openat(file->folder, file->temporary, flags, mode >= 0 ? (mode_t)mode : 0666);
    if (file->fd < 0) {
        file->temporary[0] = '\0'; // whatever has that name is not ours to remove
        return save_error(file, errno, error);
    }
    // What the umask took away from the mode of the old file comes back here.
    return mode < 0 || fchmod(file->fd, (mode_t)mode) == 0 || save_error(file, errno, error);
}

bool atomic_file_begin(AtomicFile *file, const char *path, Error *error)
{
    assert(file != NULL && path != NULL && error != NULL);
    *file = (AtomicFile){.path = path, .folder = -1, .fd = -1};
    bool ok = find_target(file, error) && open_folder(file, error) && open_temporary(file, error);
    if (!ok) {
        atomic_file_discard(file);
    }
    return ok;
}

// Writes at the offset, or at the end where append is set.
static bool write_all(AtomicFile *file, bool append, size_t offset, const void *bytes, size_t size,
                      Error *error)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t n =
            append ? write(file->fd, next, size) : pwrite(file->fd, next, size, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return give_up(file, n < 0 ? errno : ENOSPC, error);
        }
        next += n;
        offset += (size_t)n;
        size -= (size_t)n;
    }
    return true;
}

bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *error)
{
    return write_all(file, true, 0, bytes, size, error);
}

bool atomic_file_patch(AtomicFile *file, size_t offset, const void *bytes, size_t size,
                       Error *error)
{
    return write_all(file, false, offset, bytes, size, error);
}

static bool sync_to_disk(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

// Closing may be where a network file system says that it has no room. After EINTR the file is
// closed all the same, and it is on the disk already.
static bool close_temporary(AtomicFile *file)
{
    int result = close(file->fd);
    file->fd = -1;
    return result == 0 || errno == EINTR;
}

bool atomic_file_commit(AtomicFile *file, Error *error)
{
    assert(file != NULL && file->fd >= 0 && error != NULL);
    if (!sync_to_disk(file->fd) || !close_temporary(file) ||
        renameat(file->folder, file->temporary, file->folder, file->base) != 0) {
        return give_up(file, errno, error);
    }
    file->temporary[0] = '\0';                                    // it has become the target
    bool durable = sync_to_disk(file->folder) || errno == EINVAL; // some file systems cannot
    if (!durable) {
        error_set_file(error, file->path, 0, "is saved, but may be lost if the power fails: %s",
                       strerror(errno));
    }
    atomic_file_discard(file);
    return durable;
}

void atomic_file_discard(AtomicFile *file)
{
    assert(file != NULL);
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
    if (file->temporary[0] != '\0') {
        unlinkat(file->folder, file->temporary, 0);
    }
    if (file->folder >= 0) {
        close(file->folder);
    }
    free(file->target);
    *file = (AtomicFile){.folder = -1, .fd = -1};
}
