// Measures the peak of products and sums: see peak.h.
#include "bench/peak.h"

#include <assert.h>
#include <math.h>

#include "bench/timing.h"

enum {
    N_ROUNDS = 20000,
    N_TRIES = 20, // the fastest one counts, since other load can only slow it down
};

double peak_none(double x, long n_rounds)
{
    double products[PEAK_CHAINS];
    double sums[PEAK_CHAINS];
    double all = 0;
    for (int i = 0; i < PEAK_CHAINS; i++) {
        products[i] = 1 + i;
        sums[i] = i;
    }
    for (long round = 0; round < n_rounds; round++) {
        for (int i = 0; i < PEAK_CHAINS; i++) {
            products[i] = products[i] * x;
            sums[i] = sums[i] + (x - 1);
        }
    }
    for (int i = 0; i < PEAK_CHAINS; i++) {
        all += products[i] + sums[i];
    }
    return all;
}

static PeakFunction *const functions[N_SIMD_LEVELS] = {
    [SIMD_NONE] = peak_none,
#ifdef __aarch64__
    [SIMD_NEON] = peak_neon,
#endif
#ifdef __x86_64__
    [SIMD_AVX2] = peak_avx2,
    [SIMD_AVX512] = peak_avx512,
#endif
};

double peak_per_us(SimdLevel level)
{
    assert(simd_has(level));
    const int numbers_per_round[N_SIMD_LEVELS] = {
        [SIMD_NONE] = 2 * PEAK_CHAINS,
        [SIMD_NEON] = 2 * PEAK_CHAINS_OF_32 * 2,
        [SIMD_AVX2] = 2 * PEAK_CHAINS * 4,
        [SIMD_AVX512] = 2 * PEAK_CHAINS_OF_32 * 8,
    };
    double fastest_us = INFINITY;
    volatile double x = 1 + 0x1p-40; // volatile: the compiler must not use its value
    volatile double result;
    for (int i = 0; i < N_TRIES; i++) {
        double start = timing_now_us();
        result = functions[level](x, N_ROUNDS);
        fastest_us = fmin(fastest_us, timing_now_us() - start);
    }
    (void)result;
    return (double)(numbers_per_round[level] * N_ROUNDS) / fastest_us;
}
