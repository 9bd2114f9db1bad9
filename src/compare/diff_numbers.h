// Measures how far two numbers are apart, and prints them.
#ifndef MICROGPT_DIFF_NUMBERS_H
#define MICROGPT_DIFF_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// Returns how many doubles apart two numbers are, in the order of all doubles by value: 0 for the
// two zeros and for two NaNs, UINT64_MAX for a NaN and a number.
uint64_t ulp_distance(double a, double b);

// Returns whether two numbers have the same bits, or are both NaN. So +0.0 and -0.0 are not the
// same, though they are 0 ULP apart.
bool is_same_bits(double a, double b);

// Returns whether two numbers count as different: more than max_ulp apart, or, if max_ulp is 0, not
// the same bits.
bool numbers_differ(double a, double b, uint64_t max_ulp);

// Returns |a - b| relative to the larger of the two; infinity if that is not a number.
double relative_difference(double a, double b);

// Prints a line with a number of a side, in hexadecimal and decimal digits. name is A or B.
void print_side_number(FILE *file, char name, double number);

// Prints the beginning of a line about the file of a side: its letter and its name.
void print_side_file(FILE *file, int side, const char *file_name);

#endif
