// Makes text from outside (names and contents of files) safe to print: nothing in it can end a
// line, control a terminal, or change the displayed order of the characters.
#ifndef MICROGPT_PRINTABLE_H
#define MICROGPT_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Returns whether a character is printable: not a control character (C0, DEL, C1), and not one that
// changes the direction of the text or has no width (U+200B to U+200F, U+202A to U+202E, U+2060 to
// U+206F and the like).
bool printable_has(uint32_t code_point);

// Replaces every other character, and every byte that is not UTF-8, by `?`. Returns the new size,
// which is never larger than the old one.
size_t printable_clean(char *text, size_t size);

// The same for a text that ends with a NUL.
void printable_clean_text(char *text);

// Writes the text as printable_clean() would leave it.
void printable_write(FILE *file, const char *text, size_t size);

#endif
