// The peak of products and sums for AVX-512.
#include "kernels/lanes_avx512.h"

#include "bench/peak_lanes.h"

double peak_avx512(double x, long n_rounds)
{
    return peak_loop(x, n_rounds);
}
