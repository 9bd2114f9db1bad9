// A file that appears all at once: until it is committed, whoever looks sees the old one.
//
//     AtomicFile file;
//     bool ok = atomic_file_begin(&file, path, error) && atomic_file_write(&file, ..., error) &&
//               atomic_file_commit(&file, error);
//
// Whatever fails, the old file is untouched and nothing is left beside it. Only a process that is
// killed on the way leaves the temporary file (.microgpt-save-...), which nobody reads.
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
    char temporary[ATOMIC_FILE_NAME_BYTES];
} AtomicFile;

// Makes the temporary file, in the folder of the target, with the mode of the target if there is
// one. Errors: a folder that cannot be written to, a target that is not a regular file.
bool atomic_file_begin(AtomicFile *file, const char *path, Error *error);

// Appends. On failure all is undone, as by atomic_file_discard(); the same holds for those below.
bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *error);

// Writes over what has been written already.
bool atomic_file_patch(AtomicFile *file, size_t offset, const void *bytes, size_t size,
                       Error *error);

// Brings the bytes to the disk, puts the file in the place of the target, and brings that to the
// disk, too.
bool atomic_file_commit(AtomicFile *file, Error *error);

// Removes the temporary file.
void atomic_file_discard(AtomicFile *file);

#endif
