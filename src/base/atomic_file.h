// A file that appears all at once: until it is committed, whoever looks sees the old one.
//
//     AtomicFile file;
//     bool ok = atomic_file_begin(&file, path, error) && atomic_file_write(&file, ..., error) &&
//               atomic_file_commit(&file, error);
//
// Whatever fails, the old file is untouched. What is written is in a temporary file beside it,
// .microgpt-save-... , which is locked as long as its writer lives. Where a process was killed on
// the way, the next atomic_file_begin() in the same folder removes what it left.
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
    char *target;     // what is replaced: where path is a symbolic link, what it leads to
    const char *base; // the target's name within its folder
    int folder;       // the target's folder, open: all is done relative to it
    int fd;           // of the temporary file
    char temporary[ATOMIC_FILE_NAME_BYTES]; // its name; empty: there is none
    bool loses_owner; // the target belongs to a user or a group that the new file cannot have
} AtomicFile;

// Makes the temporary file, in the folder of the target, with the mode and, where that is allowed,
// the owner of the target if there is one. Errors: a folder that cannot be written to; a target
// that is not a regular file, or that could not be replaced in the end, as far as that can be
// known.
bool atomic_file_begin(AtomicFile *file, const char *path, Error *error);

// Appends. On failure all is undone, as by atomic_file_discard().
bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *error);

// Brings the bytes to the disk, puts the file in the place of the target, and brings that to the
// disk, too. Where only the putting in place fails, the finished file stays under a name of its
// own, which the error tells; other failures undo all.
bool atomic_file_commit(AtomicFile *file, Error *error);

// Removes the temporary file.
void atomic_file_discard(AtomicFile *file);

// The part of atomic_file_discard() that a handler of signals may do, before the process ends.
void atomic_file_unlink(const AtomicFile *file);

#endif
