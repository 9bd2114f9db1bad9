// How much memory there is, to refuse what cannot fit before anything is allocated for it.
#ifndef MICROGPT_MEMORY_LIMIT_H
#define MICROGPT_MEMORY_LIMIT_H

#include <stddef.h>

// The most bytes that this process may have: the machine's, or less where a limit is set.
size_t memory_limit(void);

#endif
