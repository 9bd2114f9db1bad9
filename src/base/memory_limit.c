// Finds out how much memory is available: see memory_limit.h.
#include "base/memory_limit.h"

#include <math.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/platform.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// The bytes that a resource limit allows.
static size_t limit_bytes(const struct rlimit *limit)
{
    return limit->rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit->rlim_cur;
}

size_t memory_limit(void)
{
    size_t smallest = platform_memory();
#ifdef RLIMIT_AS // not on OpenBSD
    struct rlimit address_space;
    if (getrlimit(RLIMIT_AS, &address_space) == 0) {
        smallest = smaller(smallest, limit_bytes(&address_space));
    }
#endif
    struct rlimit data;
    if (getrlimit(RLIMIT_DATA, &data) == 0) {
        smallest = smaller(smallest, limit_bytes(&data));
    }
    return smallest;
}

bool memory_fits(size_t n_bytes, double *needed_mib, double *limit_mib)
{
    const double mebibyte = 1 << 20;
    size_t limit = memory_limit();
    *needed_mib = ceil((double)n_bytes / mebibyte);
    *limit_mib = floor((double)limit / mebibyte);
    return n_bytes <= limit;
}

bool memory_check_file(const char *path, size_t line, size_t n_bytes, Error *error)
{
    double needed_mib;
    double limit_mib;
    return memory_fits(n_bytes, &needed_mib, &limit_mib) ||
           error_set_file(error, path, line, "needs %.0f MiB of memory; %.0f are available",
                          needed_mib, limit_mib);
}
