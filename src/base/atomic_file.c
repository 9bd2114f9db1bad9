// Writes a temporary file, then renames it: see atomic_file.h.
#include "base/atomic_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/platform.h"

#define TEMPORARY_PREFIX ".microgpt-save-"

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

// Follows symbolic links, so that the file is replaced and not the link.
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
                              "is a symbolic link to a file that does not exist; remove the link");
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

// Looks up the target; sets *exists to false if it does not exist yet.
static bool find_old(AtomicFile *file, struct stat *old, bool *exists, Error *error)
{
    *exists = fstatat(file->folder, file->base, old, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*exists) {
        return errno == ENOENT || save_error(file, errno, error);
    }
    if (!S_ISREG(old->st_mode)) {
        return error_set_file(error, file->path, 0, "is not a regular file; save to another name");
    }
    return true;
}

// In a folder such as /tmp only the owner of a file, or of the folder, may rename onto it.
static bool check_sticky(const AtomicFile *file, const struct stat *old, Error *error)
{
    struct stat folder;
    uid_t user = geteuid();
    if (fstat(file->folder, &folder) != 0) {
        return save_error(file, errno, error);
    }
    bool is_protected = (folder.st_mode & S_ISVTX) != 0 && user != 0 && user != old->st_uid &&
                        user != folder.st_uid;
    return !is_protected ||
           error_set_file(error, file->path, 0,
                          "belongs to another user, in a folder where only that user may replace "
                          "it; save to another name");
}

// Checks other obstacles that would otherwise be noticed only after the work is done. If the system
// cannot tell, that is not an error.
static bool check_attributes(const AtomicFile *file, Error *error)
{
    switch (platform_obstacle(file->folder, file->base)) {
    case PLATFORM_MOUNTED:
        return error_set_file(error, file->path, 0,
                              "is a mounted file, which cannot be replaced; save into a mounted "
                              "folder");
    case PLATFORM_PROTECTED:
        return error_set_file(error, file->path, 0,
                              "is immutable or append-only (see lsattr); save to another name");
    case PLATFORM_NO_OBSTACLE:
        break;
    }
    return true;
}

static bool is_same_file(const AtomicFile *file, const char *name)
{
    struct stat ours;
    struct stat there;
    return fstat(file->fd, &ours) == 0 &&
           fstatat(file->folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

// Creates the file and locks it. Its name cannot be guessed, so in a folder where other users may
// write, no other user can create it first. Until it is locked, another process may mistake the
// file for one that a dead process left behind, and remove it; then *is_ours is false.
static bool try_temporary(AtomicFile *file, mode_t mode, bool *is_ours, Error *error)
{
    uint64_t number;
    if (!platform_random(&number, sizeof number)) {
        return save_error(file, errno, error);
    }
    snprintf(file->temporary, sizeof file->temporary, TEMPORARY_PREFIX "%016" PRIx64, number);
    file->fd = openat(file->folder, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file->fd < 0) {
        int reason = errno;
        file->temporary[0] = '\0'; // a file of that name exists; it is not ours
        return save_error(file, reason, error);
    }
    // On a file system without locks, other processes do not remove unlocked files.
    bool is_locked = platform_lock(file->fd) || errno != EWOULDBLOCK;
    *is_ours = is_locked && is_same_file(file, file->temporary);
    return true;
}

static bool make_temporary(AtomicFile *file, mode_t mode, Error *error)
{
    enum {
        MAX_TRIES = 16
    };
    for (int i = 0; i < MAX_TRIES; i++) {
        bool is_ours = false;
        if (!try_temporary(file, mode, &is_ours, error)) {
            return false;
        }
        if (is_ours) {
            return true;
        }
        close(file->fd);
        file->fd = -1;
        unlinkat(file->folder, file->temporary, 0);
        file->temporary[0] = '\0';
    }
    return save_error(file, EAGAIN, error);
}

// Gives the new file the owner and mode of the old one. The group comes first: once the file has
// another owner, its group can no longer be changed.
static bool take_owner_and_mode(AtomicFile *file, const struct stat *old, Error *error)
{
    struct stat new;
    if (fstat(file->fd, &new) != 0) {
        return save_error(file, errno, error);
    }
    if (old->st_gid != new.st_gid && fchown(file->fd, (uid_t)-1, old->st_gid) != 0) {
        file->loses_owner = true;
    }
    if (old->st_uid != new.st_uid && fchown(file->fd, old->st_uid, (gid_t)-1) != 0) {
        file->loses_owner = true;
    }
    // The umask may have cleared bits of the old file's mode; this restores them.
    return fchmod(file->fd, old->st_mode & 07777) == 0 || save_error(file, errno, error);
}

static bool open_temporary(AtomicFile *file, Error *error)
{
    struct stat old;
    bool exists;
    if (!find_old(file, &old, &exists, error) ||
        (exists && (!check_sticky(file, &old, error) || !check_attributes(file, error)))) {
        return false;
    }
    mode_t mode = exists ? old.st_mode & 0777 : 0666;
    return make_temporary(file, mode, error) && (!exists || take_owner_and_mode(file, &old, error));
}

static bool is_temporary_name(const char *name)
{
    size_t n = strlen(TEMPORARY_PREFIX);
    return strncmp(name, TEMPORARY_PREFIX, n) == 0 && strlen(name) == n + 16 &&
           strspn(name + n, "0123456789abcdef") == 16;
}

// Removes a temporary file of this program that no living process has locked.
static void remove_if_dead(int folder, const char *name)
{
    struct stat status;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        platform_lock(fd)) {
        unlinkat(folder, name, 0);
    }
    close(fd);
}

// A failure here does no harm: the leftover files stay until the next save.
static void remove_what_dead_writers_left(const AtomicFile *file)
{
    int fd = openat(file->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (is_temporary_name(entry->d_name)) {
            remove_if_dead(file->folder, entry->d_name);
        }
    }
    closedir(folder);
}

bool atomic_file_begin(AtomicFile *file, const char *path, Error *error)
{
    assert(file != NULL && path != NULL && error != NULL);
    *file = (AtomicFile){.path = path, .folder = -1, .fd = -1};
    if (!find_target(file, error) || !open_folder(file, error)) {
        atomic_file_discard(file);
        return false;
    }
    remove_what_dead_writers_left(file);
    if (!open_temporary(file, error)) {
        atomic_file_discard(file);
        return false;
    }
    return true;
}

bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *error)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t n = write(file->fd, next, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return give_up(file, n < 0 ? errno : ENOSPC, error);
        }
        next += n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_to_disk(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

// The bytes are on the disk and only the renaming failed, so the file is kept. Its name loses the
// leading dot, so that the next save does not mistake it for a dead process's file.
static bool keep_finished(AtomicFile *file, int reason, Error *error)
{
    const char *kept = file->temporary + 1;
    bool is_renamed = renameat(file->folder, file->temporary, file->folder, kept) == 0;
    error_set_file(error, file->path, 0,
                   "cannot be saved: %s; the new contents are in the file %s in the same folder",
                   strerror(reason), is_renamed ? kept : file->temporary);
    file->temporary[0] = '\0';
    atomic_file_discard(file);
    return false;
}

bool atomic_file_commit(AtomicFile *file, Error *error)
{
    assert(file != NULL && file->fd >= 0 && error != NULL);
    if (!sync_to_disk(file->fd)) {
        return give_up(file, errno, error);
    }
    if (renameat(file->folder, file->temporary, file->folder, file->base) != 0) {
        return keep_finished(file, errno, error);
    }
    file->temporary[0] = '\0'; // it has become the target
    close(file->fd); // and the lock with it; fsync has already reported any error of the file
    file->fd = -1;
    bool durable = sync_to_disk(file->folder) ||
                   errno == EINVAL; // EINVAL: the file system cannot flush folders
    if (!durable) {
        error_set_file(error, file->path, 0, "is saved, but may be lost if the power fails: %s",
                       strerror(errno));
    }
    atomic_file_discard(file);
    return durable;
}

void atomic_file_unlink(const AtomicFile *file)
{
    if (file->temporary[0] != '\0') {
        unlinkat(file->folder, file->temporary, 0);
    }
}

void atomic_file_discard(AtomicFile *file)
{
    assert(file != NULL);
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
    atomic_file_unlink(file);
    if (file->folder >= 0) {
        close(file->folder);
    }
    free(file->target);
    *file = (AtomicFile){.folder = -1, .fd = -1};
}
