// Checks a header before it is parsed as JSON. A parser takes memory and stack in proportion to its
// input, and the input may be hostile.
#ifndef MICROGPT_HEADER_SCAN_H
#define MICROGPT_HEADER_SCAN_H

#include <stddef.h>

enum {
    HEADER_MAX_DEPTH = 8, // of nested objects and arrays; a checkpoint has 3
};

// Returns what is wrong with the header, for an error message, or NULL if nothing is. A header that
// passes may still not be JSON.
const char *header_scan(const char *header, size_t size);

#endif
