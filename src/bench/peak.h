// Measures how many products and sums of doubles this processor computes per second as separate
// instructions. The kernels are compared with this peak, since they must not fuse the two.
#ifndef MICROGPT_PEAK_H
#define MICROGPT_PEAK_H

#include "microgpt/simd.h"

// Returns products plus sums per microsecond. The measurement takes about a millisecond.
// Requires: simd_has(level).
double peak_per_us(SimdLevel level);

// The number of independent chains of products, and of sums: enough to keep two units of each kind
// busy with a latency of 3 or 4 cycles, and so few that they and two constants fit into registers.
enum {
    PEAK_CHAINS = 7,        // of 16 registers
    PEAK_CHAINS_OF_32 = 12, // of 32
};

// The function for a level: does n_rounds times one vector of products and one of sums for each
// chain. Returns a number that depends on all of them.
typedef double PeakFunction(double x, long n_rounds);
PeakFunction peak_none;
PeakFunction peak_neon;
PeakFunction peak_avx2;
PeakFunction peak_avx512;

#endif
