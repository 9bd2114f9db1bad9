// How much memory is available, so that work that cannot fit is refused before it allocates.
#ifndef MICROGPT_MEMORY_LIMIT_H
#define MICROGPT_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

// The most bytes that this process may have: the machine's, or less where a limit is set.
size_t memory_limit(void);

// Whether it may have n_bytes. For the message, both in MiB, rounded apart.
bool memory_fits(size_t n_bytes, double *needed_mib, double *limit_mib);

#endif
