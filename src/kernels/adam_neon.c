// Adam's kernel for NEON.
#include "kernels/lanes_neon.h"

#include "kernels/adam_kernels.h"
#include "kernels/adam_lanes.h"

bool adam_update_neon(double *p, const double *g, double *m, double *v, size_t n,
                      const AdamStep *step, size_t *n_asked)
{
    return update_lanes(p, g, m, v, n, step, n_asked);
}
