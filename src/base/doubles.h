// Arrays of doubles aligned to a cache line, so that no vector crosses two lines. Without this,
// every AVX-512 vector could.
#ifndef MICROGPT_DOUBLES_H
#define MICROGPT_DOUBLES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"

enum {
    CACHE_LINE = 64, // bytes
};

// Returns n zeros, which free() frees; NULL if memory runs out.
static inline double *doubles_alloc(size_t n)
{
    size_t size = count_mul(n, sizeof(double));
    size_t padded = count_add(size, CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    double *doubles = padded > PTRDIFF_MAX ? NULL : aligned_alloc(CACHE_LINE, padded);
    if (doubles != NULL) {
        memset(doubles, 0, padded);
    }
    return doubles;
}

#endif
