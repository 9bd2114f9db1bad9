// Sizes that cannot overflow: a result that does not fit is SIZE_MAX, and stays SIZE_MAX.
//
// Code that computes how much memory something needs compares only the final result with what is
// available. SIZE_MAX bytes are never available, so the steps before need no checks.
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
