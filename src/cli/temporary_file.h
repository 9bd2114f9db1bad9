// A file without a name, which other processes cannot open and which is deleted when it is closed.
#ifndef MICROGPT_TEMPORARY_FILE_H
#define MICROGPT_TEMPORARY_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

// Opens such a file for reading and writing, in the folder TMPDIR, or in /tmp if TMPDIR is not set.
// Errors: errors of the system.
bool temporary_file_open(FILE **file, Error *error);

#endif
