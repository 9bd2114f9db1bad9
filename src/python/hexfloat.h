// Doubles in the notation of Python's float.hex(): exact, readable, and the same on every machine.
#ifndef MICROGPT_HEXFLOAT_H
#define MICROGPT_HEXFLOAT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HEXFLOAT_BYTES = 32, // for the longest, -0x1.fffffffffffffp+1023, and its NUL
};

// Writes the number and returns how many characters it takes, without the final NUL. printf's %a
// differs: it omits trailing zeros and may choose another first digit.
// Shapes: out [HEXFLOAT_BYTES].
// Source: float.hex
int hexfloat_format(double number, char *out);

// Reads a number as float.hex() writes it, or as C's %a does, with fewer digits:
// `0x1.8000000000000p+1`, `0x1.8p1`, `-inf`, `nan`. Returns false for anything else: decimal
// numbers, capital letters, a leading `+`, `-nan`, and numbers that are not exactly a double.
// Shapes: text [length].
// Source: float.fromhex
bool hexfloat_parse(const char *text, size_t length, double *number);

#endif
