// The attention weights of a document, read from its graph, and drawn.
#ifndef MICROGPT_ATTENTION_H
#define MICROGPT_ATTENTION_H

#include <stddef.h>
#include <stdio.h>

#include "look/look_session.h"

typedef struct Attention {
    const LookSession *look;
    size_t n_positions; // T
    size_t n_head;      // H
    size_t n_layer;     // L
    double *weights;    // [L,H,T,T]: the weight that query t gives to key s; 0 if s > t
} Attention;

// Reads the weights of all heads.
// Requires: look_forward() was called before.
// Errors: out of memory.
bool attention_read(Attention *attention, const LookSession *look, Error *error);

void attention_free(Attention *attention);

// Returns the weights of a position in a head.
// Shapes: [T], of which the first position + 1 are not 0.
double *attention_row(const Attention *attention, size_t layer, size_t head, size_t position);

// Draws one grid for each head, with darker cells for larger weights. Writes a whole SVG file, in
// plain ASCII.
void attention_write_svg(FILE *file, const Attention *attention);

#endif
