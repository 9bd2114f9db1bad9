// Finds the arithmetic by which a port got other bits: sums in another order, products fused with
// sums, divisions rounded once, other ways to a power.
#ifndef MICROGPT_ARITHMETIC_H
#define MICROGPT_ARITHMETIC_H

#include <stdbool.h>
#include <stdint.h>

#include "compare/judge.h"
#include "microgpt/error.h"

// Says how the subject computed all its values of the same kind as a node, as the end of a sentence
// that starts with its letter: computed so from the subject's own values, bit for bit, each of them
// is what the subject has, and not each is without. The text is empty where no arithmetic does
// that, where something that the values are made of is not known, where the node is unexplained,
// and where both dumps are full: there each operation can be done again by itself. Errors: out of
// memory. Shapes: text [HYPOTHESIS_BYTES].
bool arithmetic_find(const Judgement *judgement, uint32_t node_id, char *text, Error *error);

#endif
