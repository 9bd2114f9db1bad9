// The exact functions of each level over whole arrays, for the tests: y[i] = f(x[i]), where y may
// be x.
#ifndef MICROGPT_EXACTMATH_TABLES_H
#define MICROGPT_EXACTMATH_TABLES_H

#include <stddef.h>

#include "kernels/exactmath.h"

typedef void ExactArrayFunction(const double *x, double *y, size_t n);
extern ExactArrayFunction *const exactmath_neon[N_EXACT_FUNCTIONS];
extern ExactArrayFunction *const exactmath_avx2[N_EXACT_FUNCTIONS];
extern ExactArrayFunction *const exactmath_avx512[N_EXACT_FUNCTIONS];

#endif
