// Parses numbers in the notations of many languages.
#ifndef MICROGPT_DUMP_NUMBER_H
#define MICROGPT_DUMP_NUMBER_H

#include <stddef.h>

// Reads a number in lower or upper case, with or without a leading `+`:
// - hexadecimal, as Python's float.hex(), C's %a, Java and Go write it: `0x1.8p+1`;
// - decimal: the double nearest to it, which is the one that was written if its shortest decimals
//   or 17 digits of it were;
// - `inf` and `infinity`; `nan`, whatever its sign and what follows it in brackets.
// Returns NULL, or what is wrong with the text; then the number is unchanged.
// Shapes: text [length].
const char *dump_number_parse(const char *text, size_t length, double *number);

// Returns how many decimal digits a text has before its exponent, without leading zeros; 0 if it is
// not a decimal number.
// Requires: a text that dump_number_parse() accepts.
int dump_number_digits(const char *text, size_t length);

#endif
