// Finds the arithmetic that gave a port different bits: sums in another order, products fused with
// sums, divisions that are rounded once, other ways to compute a power.
#ifndef MICROGPT_ARITHMETIC_H
#define MICROGPT_ARITHMETIC_H

#include <stdbool.h>
#include <stdint.h>

#include "compare/judge.h"
#include "microgpt/error.h"

// Finds the arithmetic that computes, from the subject's own inputs, the bits of all its values of
// the same kind as the node, if the graph's own arithmetic does not. Writes it as the end of a
// sentence that starts with the subject's letter. The text is empty if no arithmetic does that, if
// an input is not known, if the node is unexplained, or if both dumps are full, because then each
// operation is checked separately.
// Shapes: text [HYPOTHESIS_BYTES].
// Errors: out of memory.
bool arithmetic_find(const Judgement *judgement, uint32_t node_id, char *text, Error *error);

#endif
