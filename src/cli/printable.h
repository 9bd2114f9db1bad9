// Text from outside (names of files, what stands in them) made fit to be printed: nothing in it can
// end a line, command a terminal, or show another order of characters than it has.
#ifndef MICROGPT_PRINTABLE_H
#define MICROGPT_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Whether a character shows itself and nothing else: not a control character (C0, DEL, C1), not a
// mark that changes the direction of the text or has no width (U+200B to U+200F, U+202A to U+202E,
// U+2060 to U+206F and the like).
bool printable_has(uint32_t code_point);

// Replaces every other character by `?`, and every byte that is not UTF-8. Returns the new size,
// which is never larger.
size_t printable_clean(char *text, size_t size);

// The same for a text with a NUL at its end.
void printable_clean_text(char *text);

// Writes the text as printable_clean() would leave it.
void printable_write(FILE *file, const char *text, size_t size);

#endif
