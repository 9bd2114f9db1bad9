// How much memory is available, so that work that cannot fit is refused before it allocates.
#ifndef MICROGPT_MEMORY_LIMIT_H
#define MICROGPT_MEMORY_LIMIT_H

#include <stddef.h>

// The most bytes that this process may have: the machine's, or less where a limit is set.
size_t memory_limit(void);

#endif
