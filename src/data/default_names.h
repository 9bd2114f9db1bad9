// The contents of data/names.txt, compiled into the library. data/embed.py makes them during the
// build.
#ifndef MICROGPT_DEFAULT_NAMES_H
#define MICROGPT_DEFAULT_NAMES_H

#include <stddef.h>

extern const char default_names[];
extern const size_t default_names_size;

#endif
