// Converts UTF-8 to code points and back, as strictly as Python's codec: no surrogates, no overlong
// forms.
#ifndef MICROGPT_UTF8_H
#define MICROGPT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UTF8_MAX_BYTES = 4,
    UTF8_MAX_CODE_POINT = 0x10FFFF,
};

// Reads the code point at text. Returns how many bytes it has, or 0 if they are not valid UTF-8 or
// the text ends too early.
// Requires: size >= 1.
size_t utf8_read(const char *text, size_t size, uint32_t *code_point);

// Writes a code point and returns how many bytes it has.
// Shapes: out [UTF8_MAX_BYTES].
// Requires: code_point <= UTF8_MAX_CODE_POINT, not a surrogate.
size_t utf8_write(uint32_t code_point, char *out);

// Returns whether str.strip() removes the code point.
// Source: str.isspace, Unicode 14 (unchanged since Unicode 6.3)
bool utf8_is_space(uint32_t code_point);

#endif
