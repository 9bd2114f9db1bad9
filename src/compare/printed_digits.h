// Finds out with how many digits the numbers of a file were printed: whether they are floats, and
// whether digits are missing.
#ifndef MICROGPT_PRINTED_DIGITS_H
#define MICROGPT_PRINTED_DIGITS_H

#include <stdbool.h>
#include <stddef.h>

// What the numbers of a file have in common; zeroed at first. Zeros, infinities, nans and decimals
// without a point tell nothing and are not counted.
typedef struct PrintedDigits {
    size_t n;          // how many are decimal
    size_t n_exact;    // how many are hexadecimal
    int min_digits;    // the fewest digits of a decimal number, without leading zeros
    int max_digits;    // the most
    size_t n_longest;  // how many have the most
    int places;        // the most digits after the point, if all were written without an exponent
    bool is_unaligned; // whether some have fewer digits after the point
    bool has_exponent;
    bool has_double; // whether one is not what a float looks like when printed with its digits
} PrintedDigits;

// Takes a number into account. Requires: the text and its value, as dump_number_parse() reads it.
// Shapes: text [length].
void printed_digits_add(PrintedDigits *printed, const char *text, size_t length, double number);

// Returns whether the numbers are floats, some of them in decimals: all are what floats look like,
// or all are decimals with no more digits than a float needs.
bool printed_digits_are_floats(const PrintedDigits *printed);

// Returns whether the numbers were printed with a format like %f or %.10g, which loses digits.
bool printed_digits_are_few(const PrintedDigits *printed);

#endif
