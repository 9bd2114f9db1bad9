// The peak of products and sums for AVX512.
#include "lanes_avx512.h"

#include "peak_lanes.h"

double peak_avx512(double x, long n_rounds)
{
    return peak_loop(x, n_rounds);
}
