// Sizes that cannot overflow: a result that does not fit is SIZE_MAX, and stays SIZE_MAX.
//
// Who computes how much memory something needs compares the end result with what there is; SIZE_MAX
// bytes fit nowhere, so no step on the way needs a check of its own.
#ifndef MICROGPT_COUNT_H
#define MICROGPT_COUNT_H

#include <stddef.h>
#include <stdint.h>

static inline size_t count_add(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t count_mul(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

#endif
