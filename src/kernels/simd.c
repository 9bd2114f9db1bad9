// Finds out which vector instructions the processor has: see include/microgpt/simd.h.
#include "microgpt/simd.h"

#include <assert.h>

bool simd_has(SimdLevel level)
{
    switch (level) {
    case SIMD_NONE:
        return true;
#ifdef __aarch64__
    case SIMD_NEON:
        return true; // every AArch64 processor has it
#endif
#ifdef __x86_64__
    case SIMD_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case SIMD_AVX512:
        return simd_has(SIMD_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
        return false;
    }
}

SimdLevel simd_best(void)
{
    SimdLevel level = N_SIMD_LEVELS - 1;
    while (!simd_has(level)) {
        level--;
    }
    return level;
}

const char *simd_name(SimdLevel level)
{
    static const char *const names[N_SIMD_LEVELS] = {"none", "neon", "avx2", "avx512"};
    assert(level < N_SIMD_LEVELS);
    return names[level];
}
