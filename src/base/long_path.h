// Paths in messages of bounded size: of a long one the end, so that what is wrong finds its place
// behind it.
#ifndef MICROGPT_LONG_PATH_H
#define MICROGPT_LONG_PATH_H

#include <string.h>

enum {
    LONG_PATH_BYTES = 200, // are shown
};

// What of the path to show, behind *dots: `...`, or nothing where it is all of the path.
static inline const char *long_path_end(const char *path, const char **dots)
{
    size_t length = strlen(path);
    const char *end = length > LONG_PATH_BYTES ? path + length - LONG_PATH_BYTES : path;
    while (end != path && (*end & 0xC0) == 0x80) { // not from the middle of a character on
        end++;
    }
    *dots = end != path ? "..." : "";
    return end;
}

#endif
