// How many products and sums a second this processor makes in doubles, as separate instructions:
// the yardstick for the kernels, which must not fuse them.
#ifndef MICROGPT_PEAK_H
#define MICROGPT_PEAK_H

#include "microgpt/simd.h"

// Products plus sums per microsecond, measured now, in about a millisecond.
// Requires: simd_has(level).
double peak_per_us(SimdLevel level);

// What each level's file has to offer: n_rounds times PEAK_OPERATIONS vectors' worth of products
// and sums; returns a number that depends on all of them.
enum {
    PEAK_CHAINS = 12, // independent chains of each kind: enough to hide the latency of 4 cycles
};
typedef double PeakFunction(double x, long n_rounds);
PeakFunction peak_none;
PeakFunction peak_avx2;
PeakFunction peak_avx512;

#endif
