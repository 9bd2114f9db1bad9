// Limits of memory, for the tests in which it runs out.
#ifndef MICROGPT_TESTS_MEMORY_MORE_H
#define MICROGPT_TESTS_MEMORY_MORE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#ifndef RLIMIT_AS // OpenBSD has only this one
#define RLIMIT_AS RLIMIT_DATA
#endif

// Returns whether setrlimit() limits memory: macOS ignores it, the address sanitizer reserves
// terabytes, and valgrind ends if it gets no memory.
static inline bool memory_can_be_limited(void)
{
#if defined(__APPLE__) || defined(__SANITIZE_ADDRESS__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded == NULL || strstr(preloaded, "vgpreload") == NULL;
}

#endif
