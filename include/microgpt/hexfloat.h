// Doubles as Python's float.hex() writes them: every bit, readable, the same on every machine.
#ifndef MICROGPT_HEXFLOAT_H
#define MICROGPT_HEXFLOAT_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    HEXFLOAT_BYTES = 32, // the longest is -0x1.fffffffffffffp+1023, and its end
};

// Writes the number and returns how many characters it took, without the final NUL.
// (printf's %a is no help: it drops trailing zeros and may choose another first digit.)
// Shapes: out [HEXFLOAT_BYTES].
// Source: float.hex
int hexfloat_format(double number, char *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
