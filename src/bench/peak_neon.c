// The peak of products and sums for NEON.
#include "kernels/lanes_neon.h"

#include "bench/peak_lanes.h"

double peak_neon(double x, long n_rounds)
{
    return peak_loop(x, n_rounds);
}
