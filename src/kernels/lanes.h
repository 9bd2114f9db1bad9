// The Lanes of one SIMD level. The build compiles each file that includes this once per level, with
// LANES_AVX2 or the like defined; AT_LEVEL(adam_update) is then the function adam_update_avx2.
#ifndef MICROGPT_LANES_H
#define MICROGPT_LANES_H

#if defined(LANES_AVX512)
#include "kernels/lanes_avx512.h"
#define AT_LEVEL(name) name##_avx512
#elif defined(LANES_AVX2)
#include "kernels/lanes_avx2.h"
#define AT_LEVEL(name) name##_avx2
#elif defined(LANES_NEON)
#include "kernels/lanes_neon.h"
#define AT_LEVEL(name) name##_neon
#endif

#ifndef LANES_AVX512 // which has a faster way

// Whether |a| >= 2^-511 (or a is NaN).
static inline LaneMask lanes_not_tiny(Lanes a)
{
    return lanes_not_less(lanes_abs(a), lanes_all(0x1p-511));
}

#endif

#endif
