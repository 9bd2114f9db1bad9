// Finds the name that a user may have meant by an unknown one.
#ifndef MICROGPT_NEAREST_H
#define MICROGPT_NEAREST_H

#include <stddef.h>

// Returns how many letters must be inserted, deleted, replaced or swapped with the next one to turn
// one text into the other (the optimal string alignment distance); a large number if one of them
// has more than 32 letters.
size_t nearest_distance(const char *a, size_t size_a, const char *b);

// Returns the name that is nearest to the text, the first one if several are equally near; NULL if
// none is near enough.
const char *nearest_name(const char *text, size_t size, const char *const *names, size_t n_names);

#endif
