// data/names.txt as it stands, compiled into the library; made by data/embed.py while building.
#ifndef MICROGPT_DEFAULT_NAMES_H
#define MICROGPT_DEFAULT_NAMES_H

#include <stddef.h>

extern const char default_names[];
extern const size_t default_names_size;

#endif
