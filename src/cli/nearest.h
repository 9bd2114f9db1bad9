// Finds what somebody may have meant by a name that there is not.
#ifndef MICROGPT_NEAREST_H
#define MICROGPT_NEAREST_H

#include <stddef.h>

// How many letters must be inserted, left out, replaced or exchanged with their neighbours to make
// one text of the other, without touching a place twice; a large number where one has more than 32.
size_t nearest_distance(const char *a, size_t size_a, const char *b);

// The first of the names that are nearest to the text; NULL: none is so near that it can be meant.
const char *nearest_name(const char *text, size_t size, const char *const *names, size_t n_names);

#endif
