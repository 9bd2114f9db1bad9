// The peak of products and sums for AVX2.
#include "kernels/lanes_avx2.h"

#include "bench/peak_lanes.h"

double peak_avx2(double x, long n_rounds)
{
    return peak_loop(x, n_rounds);
}
