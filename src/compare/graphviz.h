// Runs graphviz's program dot, if it is installed.
#ifndef MICROGPT_GRAPHVIZ_H
#define MICROGPT_GRAPHVIZ_H

#include <stdbool.h>
#include <stdio.h>

#include "microgpt/error.h"

// Runs dot to convert a text in the dot language to SVG: from one temporary file to another, both
// from their beginning. Does not use a shell.
// Errors: dot is not installed, or fails.
bool graphviz_make_svg(FILE *dot_text, FILE *svg, Error *error);

// Copies dot's drawing, and adds light and dark colours, of which a browser shows those that the
// reader has chosen.
void graphviz_copy_svg(FILE *svg, FILE *out);

#endif
