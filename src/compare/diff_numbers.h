// How far two numbers are apart.
#ifndef MICROGPT_DIFF_NUMBERS_H
#define MICROGPT_DIFF_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

// How many doubles lie between two numbers, of all doubles ordered by value. The two zeros are 0
// apart, a nan and itself as well; a nan and a number UINT64_MAX.
uint64_t ulp_distance(double a, double b);

// Whether two numbers count as different: more than max_ulp apart, or, for a max_ulp of 0, not the
// same bits. So +0.0 and -0.0 differ, though they are 0 ULP apart. A nan is the same as any other.
bool numbers_differ(double a, double b, uint64_t max_ulp);

// |a - b| relative to the larger of both; infinite where that is no number.
double relative_difference(double a, double b);

#endif
