// How much memory is available, so that work that cannot fit is refused before it allocates.
#ifndef MICROGPT_MEMORY_LIMIT_H
#define MICROGPT_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

// Returns the most bytes that this process may use: the memory of the machine, or a smaller
// resource limit.
size_t memory_limit(void);

// Returns whether the process may use n_bytes. Also converts both numbers to MiB for a message, one
// rounded up and the other down, so that they differ if it does not fit.
bool memory_fits(size_t n_bytes, double *needed_mib, double *limit_mib);

// Checks that the process may use n_bytes for a file, up to this line of it; 0: for all of it.
bool memory_check_file(const char *path, size_t line, size_t n_bytes, Error *error);

#endif
