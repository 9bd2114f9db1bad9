// Levels of vector instructions, and which of them this processor has.
#ifndef MICROGPT_SIMD_H
#define MICROGPT_SIMD_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum SimdLevel {
    SIMD_NONE,   // plain loops
    SIMD_NEON,   // two doubles at a time, on AArch64
    SIMD_AVX2,   // four doubles at a time, with FMA
    SIMD_AVX512, // eight doubles at a time, with the subsets F, DQ and VL
    N_SIMD_LEVELS,
} SimdLevel;

// Returns whether this processor supports the level and this build has kernels for it.
bool simd_has(SimdLevel level);

// Returns the highest level for which simd_has() is true.
SimdLevel simd_best(void);

// Returns "none", "neon", "avx2" or "avx512".
const char *simd_name(SimdLevel level);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
