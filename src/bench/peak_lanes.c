// The loop of peak_per_us() over Lanes, compiled once for each SIMD level.
#include "bench/peak.h"

#include "kernels/lanes.h"

enum {
    CHAINS = N_REGISTERS == 32 ? PEAK_CHAINS_OF_32 : PEAK_CHAINS,
};

// The products stay near 1 and the sums stay small, so that no number becomes subnormal or
// infinite.
double AT_LEVEL(peak)(double x, long n_rounds)
{
    Lanes factor = lanes_all(x);
    Lanes term = lanes_all(x - 1);
    Lanes products[CHAINS];
    Lanes sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        products[i] = lanes_all(1 + i);
        sums[i] = lanes_all(i);
    }
    for (long round = 0; round < n_rounds; round++) {
        for (int i = 0; i < CHAINS; i++) {
            products[i] = products[i] * factor;
            sums[i] = sums[i] + term;
        }
    }
    Lanes all = lanes_all(0);
    for (int i = 0; i < CHAINS; i++) {
        all = all + products[i] + sums[i];
    }
    double numbers[N_LANES];
    lanes_store(numbers, all);
    return numbers[0];
}
