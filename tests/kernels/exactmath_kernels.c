// The exact functions' kernels, compiled once for each SIMD level.
#include "kernels/lanes.h"

#include "kernels/exactmath_arrays.h"

ExactArrayFunction *const AT_LEVEL(exactmath)[N_EXACT_FUNCTIONS] = {
    [EXACT_EXP] = exp_array,
    [EXACT_POW_MINUS_1] = pow_minus_1_array,
    [EXACT_POW_MINUS_2] = pow_minus_2_array,
    [EXACT_POW_MINUS_3_2] = pow_minus_3_2_array,
    [EXACT_POW_MINUS_1_2] = pow_minus_1_2_array,
    [EXACT_POW_1_2] = pow_1_2_array,
    [EXACT_POW_2] = pow_2_array,
};
