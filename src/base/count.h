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
    return b <= SIZE_MAX - a ? a + b : SIZE_MAX;
}

static inline size_t count_mul(size_t a, size_t b)
{
    return b == 0 || a <= SIZE_MAX / b ? a * b : SIZE_MAX;
}

#endif
