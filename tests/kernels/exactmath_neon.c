// The exact functions' kernels for NEON.
#include "kernels/lanes_neon.h"

#include "kernels/exactmath_arrays.h"

ExactArrayFunction *const exactmath_neon[N_EXACT_FUNCTIONS] = {
    [EXACT_EXP] = exp_array,
    [EXACT_POW_MINUS_1] = pow_minus_1_array,
    [EXACT_POW_MINUS_2] = pow_minus_2_array,
    [EXACT_POW_MINUS_3_2] = pow_minus_3_2_array,
    [EXACT_POW_MINUS_1_2] = pow_minus_1_2_array,
    [EXACT_POW_1_2] = pow_1_2_array,
    [EXACT_POW_2] = pow_2_array,
};
