// How many products and sums a second this processor makes in doubles, as separate instructions:
// the yardstick for the kernels, which must not fuse them.
#ifndef MICROGPT_PEAK_H
#define MICROGPT_PEAK_H

#include "microgpt/simd.h"

// Products plus sums per microsecond, measured now, in about a millisecond.
// Requires: simd_has(level).
double peak_per_us(SimdLevel level);

// Independent chains of products, and as many of sums: enough to keep two units of each kind busy,
// whose results take 3 or 4 cycles, and with two constants no more than there are registers.
enum {
    PEAK_CHAINS = 7,        // of 16 registers
    PEAK_CHAINS_OF_32 = 12, // of 32
};

// What each level's file has to offer: n_rounds times one vector of products and one of sums for
// each chain; returns a number that depends on all of them.
typedef double PeakFunction(double x, long n_rounds);
PeakFunction peak_none;
PeakFunction peak_neon;
PeakFunction peak_avx2;
PeakFunction peak_avx512;

#endif
