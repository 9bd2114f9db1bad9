// Attention maps as a drawing: one grid for each head, darker where a position looks more.
#ifndef MICROGPT_ATTENTION_SVG_H
#define MICROGPT_ATTENTION_SVG_H

#include <stdio.h>

#include "look/attention.h"

// Writes a whole SVG file, in plain ASCII.
void attention_write_svg(FILE *file, const Attention *attention);

#endif
