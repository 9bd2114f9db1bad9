// Common functions of all test programs: comparing doubles by their bits, whether to run a part
// only, and a main() in one line.
#ifndef MICROGPT_CHECK_MORE_H
#define MICROGPT_CHECK_MORE_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

// Returns whether two numbers have the same bits, or are both NaN (whose sign does not matter).
static inline bool same_number(double a, double b)
{
    return double_bits(a) == double_bits(b) || (isnan(a) && isnan(b));
}

// Fails unless both are the same double: 0.0 and -0.0 differ, a nan equals itself.
static inline void assert_same_double(double actual, double expected, const char *what)
{
    if (double_bits(actual) != double_bits(expected)) {
        ck_abort_msg("%s is %a (%.17g), expected %a (%.17g)", what, actual, actual, expected,
                     expected);
    }
}

// Does not use ck_assert in the loop: Check writes to a pipe each time, and arrays are long.
static inline void assert_same_doubles(const double *actual, const double *expected, size_t n,
                                       const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (double_bits(actual[i]) != double_bits(expected[i])) {
            ck_abort_msg("%s[%zu] is %a (%.17g), expected %a (%.17g)", what, i, actual[i],
                         actual[i], expected[i], expected[i]);
        }
    }
}

// Returns whether to run only a part of the tests, because all of them would be slow under
// valgrind.
static inline bool is_quick(void)
{
    return getenv("MICROGPT_QUICK_TESTS") != NULL;
}

// Runs the suite and returns what main() returns.
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
