// Looks at a header's bytes before a parser of JSON does, which takes memory and stack for whatever
// it is given.
#ifndef MICROGPT_HEADER_SCAN_H
#define MICROGPT_HEADER_SCAN_H

#include <stddef.h>

enum {
    HEADER_MAX_DEPTH = 8, // of objects and arrays in each other; a checkpoint has 3
};

// What is wrong with the header as a text, for an error; NULL: nothing. It may still be no JSON.
const char *header_scan(const char *header, size_t size);

#endif
