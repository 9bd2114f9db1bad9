// A file that is replaced as a whole: until it is committed, every reader sees the old file.
//
//     AtomicFile file;
//     bool ok = atomic_file_begin(&file, path, error) && atomic_file_write(&file, ..., error) &&
//               atomic_file_commit(&file, error);
//
// If anything fails, the old file is untouched. The bytes go to a temporary file in the same
// folder, .microgpt-save-... , which is locked for as long as its writer lives. If a process is
// killed while it writes, the next atomic_file_begin() in that folder removes the temporary file.
#ifndef MICROGPT_ATOMIC_FILE_H
#define MICROGPT_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

enum {
    ATOMIC_FILE_NAME_BYTES = 40, // of .microgpt-save- and 16 digits
};

typedef struct AtomicFile {
    const char *path; // for errors
    char *target;     // the file to replace; if path is a symbolic link, the file that it points to
    const char *base; // the target's name within its folder
    int folder;       // the target's folder, opened: all calls are relative to it
    int fd;           // of the temporary file
    char temporary[ATOMIC_FILE_NAME_BYTES]; // its name; empty if there is none
    bool loses_owner; // the target belongs to a user or a group that the new file cannot have
} AtomicFile;

// Creates the temporary file in the target's folder. If the target exists, the new file gets its
// mode and, where the system allows it, its owner.
// Errors: the folder is not writable; the target is not a regular file, or is known to be
// impossible to replace.
bool atomic_file_begin(AtomicFile *file, const char *path, Error *error);

// Appends the bytes. A failure undoes everything, as atomic_file_discard() does.
bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *error);

// Flushes the bytes to the disk, renames the file to the target, and flushes the folder. If only
// the renaming fails, the finished file stays under another name, and the error says which; any
// other failure undoes everything.
bool atomic_file_commit(AtomicFile *file, Error *error);

// Removes the temporary file.
void atomic_file_discard(AtomicFile *file);

// The part of atomic_file_discard() that a signal handler may do before the process ends.
void atomic_file_unlink(const AtomicFile *file);

#endif
