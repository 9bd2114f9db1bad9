// Shortens long paths, so that a message of limited size has space for what is wrong.
#ifndef MICROGPT_LONG_PATH_H
#define MICROGPT_LONG_PATH_H

#include <string.h>

enum {
    LONG_PATH_BYTES = 200, // of a path are shown
};

// Returns the part of the path to show, its end, and sets *dots to the text to print before it:
// `...`, or nothing if this is the whole path. An empty path is shown as two quotes.
static inline const char *long_path_end(const char *path, const char **dots)
{
    size_t length = strlen(path);
    const char *end = length > LONG_PATH_BYTES ? path + length - LONG_PATH_BYTES : path;
    while (end != path && (*end & 0xC0) == 0x80) { // do not start in the middle of a character
        end++;
    }
    *dots = end != path ? "..." : "";
    return length > 0 ? end : "''";
}

#endif
