// Patterns of paths, for the option --only and for reports that group similar nodes.
#ifndef MICROGPT_PATH_PATTERN_H
#define MICROGPT_PATH_PATTERN_H

#include <stdbool.h>

enum {
    PATTERN_BYTES = 200,
};

// Returns whether a path matches a pattern with `*` and `?` as in the shell. All other characters
// are literal, such as the brackets of `pos2.*.q[5]`. `*` also matches dots.
bool path_matches(const char *pattern, const char *path);

// Writes and returns the pattern of a path: `posN.layer0.attn.headN.out[*]` for
// `pos2.layer0.attn.head1.out[3]`. Shapes: pattern [PATTERN_BYTES].
const char *path_pattern(const char *path, char *pattern);

#endif
