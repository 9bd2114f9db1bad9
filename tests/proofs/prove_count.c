// The contracts of count.h, for WP: a sum and a product of any two sizes, or SIZE_MAX.
#include <stddef.h>
#include <stdint.h>

/*@ assigns \nothing;
    ensures a + b <= SIZE_MAX ==> \result == a + b;
    ensures a + b > SIZE_MAX ==> \result == SIZE_MAX; */
static inline size_t count_add(size_t a, size_t b);

/*@ assigns \nothing;
    ensures a * b <= SIZE_MAX ==> \result == a * b;
    ensures a * b > SIZE_MAX ==> \result == SIZE_MAX; */
static inline size_t count_mul(size_t a, size_t b);

#include "base/count.h"
