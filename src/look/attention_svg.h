// Draws attention maps: one grid for each head, with darker cells for larger weights.
#ifndef MICROGPT_ATTENTION_SVG_H
#define MICROGPT_ATTENTION_SVG_H

#include <stdio.h>

#include "look/attention.h"

// Writes a whole SVG file, in plain ASCII.
void attention_write_svg(FILE *file, const Attention *attention);

#endif
