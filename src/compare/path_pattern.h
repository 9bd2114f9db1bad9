// Patterns of paths, for the option --only and for reports that put like nodes together.
#ifndef MICROGPT_PATH_PATTERN_H
#define MICROGPT_PATH_PATTERN_H

#include <stdbool.h>

enum {
    PATTERN_BYTES = 200,
};

// Whether a path fits a pattern: `*` and `?` as in the shell, all else stands for itself, so that
// `pos2.*.q[5]` means the brackets that paths have. `*` also stands for dots.
bool path_matches(const char *pattern, const char *path);

// What all paths of a kind have in common: `posN.layer0.attn.headN.out[*]` of
// `pos2.layer0.attn.head1.out[3]`. Returns the pattern. Shapes: pattern [PATTERN_BYTES].
const char *path_pattern(const char *path, char *pattern);

#endif
