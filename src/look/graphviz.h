// Runs graphviz's program dot, where it is installed.
#ifndef MICROGPT_GRAPHVIZ_H
#define MICROGPT_GRAPHVIZ_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

// Has dot make SVG of a text in the dot language: from one file to the other, both temporary files
// that are read and written from their start. No shell has a part in it.
// Errors: dot is not installed, or fails.
bool graphviz_make_svg(FILE *dot_text, FILE *svg, Error *error);

#endif
