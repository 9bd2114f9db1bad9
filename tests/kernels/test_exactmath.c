// Compares the exact functions with this machine's libm, bit for bit, for many kinds of inputs:
// random bit patterns, inputs of training, special values, and hard ones, whose exact results are
// so close to the midpoint of two doubles that libm may return the wrong one.
//
// MICROGPT_INPUTS=N tests N million inputs per function. Compiled with WRONG_MARGIN and linked with
// kernels without any margin for libm's error, the same inputs must show wrong results.
#include <errno.h>
#include <float.h>
#include <stdio.h>

#include "check_more.h"
#include "golden_libm.h"
#include "kernels/exactmath_tables.h"
#include "kernels/random_inputs.h"
#include "microgpt/simd.h"

enum {
    BATCH = 4096,
    N_INPUTS = 200000, // unless told otherwise
    MOST_LANES = 8,
};

#ifdef WRONG_MARGIN
static const bool margin_is_right = false;
#else
static const bool margin_is_right = true;
#endif

static const char *const function_names[N_EXACT_FUNCTIONS] = {
    "exp", "pow -1", "pow -2", "pow -1.5", "pow -0.5", "pow 0.5", "pow 2"};

static const double specials[] = {
    0.0,       -0.0,     1.0,       -1.0,       2.0,     0.5,       4.0,       INFINITY,
    -INFINITY, NAN,      0x1p-60,   0x1p60,     0x1p-59, 0x1p59,    0x1p-20,   0x1p20,
    709.0,     -707.0,   709.78,    710.0,      -708.4,  -745.13,   -745.14,   -746.0,
    0x1p-54,   -0x1p-54, 0x1p-53,   1e-300,     1e300,   0x1p-1022, 0x1p-1074, 0x1p1023,
    DBL_MAX,   -DBL_MAX, -0x1p-512, -0x1p-1074, 0x1p511, 0x1p512,   0x1p-511,  0x1p-512,
    0x1p-537,  0x1p-538, 0x1p-128,  0x1p128,    0x1p-64, 0x1p64,    0x1p-400,  0x1p400,
    0x1p-700,  0x1p700,  3.0,       9.0,        0.25,    16.0,      1e-5,      27.0,
};

enum {
    N_SPECIALS = sizeof specials / sizeof *specials,
};

static ExactArrayFunction *const *const kernels[N_SIMD_LEVELS] = {
#ifdef __aarch64__
    [SIMD_NEON] = exactmath_neon,
#endif
#ifdef __x86_64__
    [SIMD_AVX2] = exactmath_avx2,
    [SIMD_AVX512] = exactmath_avx512,
#endif
};

// Computes the function with the kernels of a level; SIMD_NONE calls libm for each number.
static void apply(SimdLevel level, ExactFunction function, const double *x, double *y, size_t n)
{
    if (kernels[level] != NULL) {
        kernels[level][function](x, y, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = exactmath_libm(function, x[i]);
    }
}

// Returns a special value, or one of the two adjacent doubles on either side of it.
static double special(size_t i, size_t neighbour)
{
    return double_of_bits(double_bits(specials[i]) + neighbour - 2);
}

// Returns an input as in training: a difference to a maximum, a mean square, a sum, a gradient.
static double input_realistic(ExactFunction function)
{
    if (function == EXACT_EXP) {
        return -random_size(-7, 5);
    }
    double number = random_size(-30, 10);
    return function == EXACT_POW_2 ? random_sign() * number : number;
}

// Returns the result to the bits of a long double.
static long double result_long(ExactFunction function, double x)
{
    switch (function) {
    case EXACT_EXP:
        return expl(x);
    case EXACT_POW_MINUS_1:
        return 1.0L / x;
    case EXACT_POW_MINUS_2:
        return 1.0L / ((long double)x * x);
    case EXACT_POW_MINUS_3_2:
        return 1.0L / (x * sqrtl(x));
    case EXACT_POW_MINUS_1_2:
        return 1.0L / sqrtl(x);
    case EXACT_POW_1_2:
        return sqrtl(x);
    default:
        return (long double)x * x;
    }
}

// Returns how far a normal number is from the midpoint of two doubles, in ULP.
static double distance_from_middle(long double number)
{
    int exponent;
    long double mantissa = ldexpl(frexpl(number, &exponent), DBL_MANT_DIG);
    return fabs((double)(mantissa - floorl(mantissa)) - 0.5);
}

// Returns the one of several realistic inputs whose exact result is closest to a midpoint. One in
// eight to sixteen of these is in doubt.
static double input_hard(ExactFunction function)
{
    double hardest = 1.0;
    double least_distance = 1.0;
    for (int i = 0; i < 8; i++) {
        double x = input_realistic(function);
        double distance = distance_from_middle(result_long(function, x));
        if (distance < least_distance) {
            least_distance = distance;
            hardest = x;
        }
    }
    return hardest;
}

static double input(ExactFunction function)
{
    switch (random_below(8)) {
    case 0:
    case 1:
        return double_of_bits(random_bits());
    case 2:
        return special(random_below(N_SPECIALS), random_below(5));
    case 3:
    case 4:
        return input_hard(function);
    default:
        return input_realistic(function);
    }
}

// pow(x, 0.5) by the rest of the square root that the plain loops of Adam use.
static double root_by_remainder(double x)
{
    if (x > 0x1p-700 && x < 0x1p700) {
        double root = sqrt(x);
        double remainder = exactmath_root_remainder(root, x);
        if (exactmath_is_certain(root, remainder / (root + root))) {
            return root;
        }
    }
    return exactmath_libm(EXACT_POW_1_2, x);
}

// Calls the function for single numbers. Returns false if there is none.
static bool apply_single(ExactFunction function, const double *x, double *y, size_t n)
{
    if (function != EXACT_POW_2 && function != EXACT_POW_1_2) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = function == EXACT_POW_2 ? exactmath_square(x[i]) : root_by_remainder(x[i]);
    }
    return true;
}

// Counts the numbers in y that are not libm's. Prints a message for the first one if there must be
// none.
static uint64_t count_wrong(const char *kernel, ExactFunction function, const double *x,
                            const double *y, const double *right, size_t n)
{
    uint64_t n_wrong = 0;
    for (size_t i = 0; i < n; i++) {
        if (!same_number(y[i], right[i])) {
            n_wrong++;
            ck_assert_msg(!margin_is_right, "%s, %s of %a is %a, libm's is %a", kernel,
                          function_names[function], x[i], y[i], right[i]);
        }
    }
    return n_wrong;
}

// The numbers of results that were not libm's.
typedef struct Findings {
    uint64_t n_wrong[N_SIMD_LEVELS +
                     1]; // by level; the last one is for the functions for single numbers
} Findings;

static void check_batch(ExactFunction function, const double *x, size_t n, Findings *findings)
{
    double right[BATCH];
    double y[BATCH];
    for (size_t i = 0; i < n; i++) {
        right[i] = exactmath_libm(function, x[i]);
    }
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (simd_has(level)) {
            apply(level, function, x, y, n);
            findings->n_wrong[level] += count_wrong(simd_name(level), function, x, y, right, n);
        }
    }
    if (apply_single(function, x, y, n)) {
        findings->n_wrong[N_SIMD_LEVELS] += count_wrong("single", function, x, y, right, n);
    }
}

// Returns the number of inputs, which the environment may set.
static uint64_t n_inputs(void)
{
    const char *text = getenv("MICROGPT_INPUTS");
    if (text == NULL) {
        return margin_is_right && is_quick() ? N_INPUTS / 20 : N_INPUTS;
    }
    char *end;
    errno = 0;
    double millions = strtod(text, &end);
    ck_assert_msg(errno == 0 && end != text && *end == '\0' && millions > 0 && millions < 1e9,
                  "MICROGPT_INPUTS must be a number of millions, not '%s'", text);
    return (uint64_t)(millions * 1e6);
}

static void assert_findings(ExactFunction function, const Findings *findings)
{
    for (SimdLevel level = SIMD_NONE + 1; !margin_is_right && level < N_SIMD_LEVELS; level++) {
        ck_assert_msg(!simd_has(level) || findings->n_wrong[level] > 0,
                      "%s, %s: nothing shows that the margin is wrong", simd_name(level),
                      function_names[function]);
    }
    if (!margin_is_right && (function == EXACT_POW_2 || function == EXACT_POW_1_2)) {
        ck_assert_msg(findings->n_wrong[N_SIMD_LEVELS] > 0,
                      "single %s: nothing shows that the margin is wrong",
                      function_names[function]);
    }
}

START_TEST(kernels_give_what_libm_gives)
{
    ExactFunction function = (ExactFunction)_i;
    Findings findings = {{0}};
    double x[BATCH];
    uint64_t n_wanted = n_inputs();
    random_start((uint64_t)_i);
    for (uint64_t done = 0; done < n_wanted;) {
        size_t n = BATCH - random_below(2 * MOST_LANES); // so that loops end at every remainder
        for (size_t i = 0; i < n; i++) {
            x[i] = input(function);
        }
        check_batch(function, x, n, &findings);
        done += n;
    }
    assert_findings(function, &findings);
}
END_TEST

// Each value is at every index of a vector, between numbers that do not need libm.
START_TEST(special_values_are_libms_in_every_lane)
{
    ExactFunction function = (ExactFunction)_i;
    Findings findings = {{0}};
    double x[2 * MOST_LANES];
    for (size_t i = 0; i < 5 * N_SPECIALS; i++) {
        for (size_t lane = 0; lane < MOST_LANES; lane++) {
            for (size_t other = 0; other < 2 * MOST_LANES; other++) {
                x[other] = 1.0;
            }
            x[lane] = special(i / 5, i % 5);
            check_batch(function, x, MOST_LANES + lane, &findings);
        }
    }
}
END_TEST

// Otherwise the tests above would prove nothing, because a kernel that rounds correctly would pass
// them.
START_TEST(libm_does_not_always_give_the_nearest_double)
{
    ExactFunction function = (ExactFunction)_i;
    const int n_hard = 20000;
    int n_missed = 0;
    if (LDBL_MANT_DIG < 64) {
        printf("not counted: a long double has no more bits than a double\n");
        return;
    }
    random_start((uint64_t)_i);
    for (int i = 0; i < n_hard; i++) {
        double x = input_hard(function);
        long double exact = result_long(function, x);
        // A long double has eleven bits more: its own error is a thousandth of an ULP.
        bool is_certain = distance_from_middle(exact) > 0x1p-9;
        n_missed += is_certain && (double)exact != exactmath_libm(function, x);
    }
    printf("%s: of %d hard inputs, libm misses the nearest double for %d\n",
           function_names[function], n_hard, n_missed);
    ck_assert_msg(n_missed > 0 || libm_missed_sentinel() != NULL,
                  "%s: the hard inputs are not hard", function_names[function]);
}
END_TEST

// y may be x, and what follows the last number does not change.
START_TEST(arrays_of_every_length_are_computed_in_place)
{
    ExactFunction function = (ExactFunction)_i;
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        for (size_t n = 0; simd_has(level) && n <= 4 * MOST_LANES; n++) {
            double x[4 * MOST_LANES + 1];
            double expected[4 * MOST_LANES + 1];
            for (size_t i = 0; i <= n; i++) {
                x[i] = input_realistic(function);
                expected[i] = i < n ? exactmath_libm(function, x[i]) : x[i];
            }
            apply(level, function, x, x, n);
            assert_same_double(x[n], expected[n], "the number behind the last one");
            if (margin_is_right) {
                assert_same_doubles(x, expected, n, simd_name(level));
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exactmath");
    TCase *tcase = tcase_create("exactmath");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_loop_test(tcase, kernels_give_what_libm_gives, 0, N_EXACT_FUNCTIONS);
    tcase_add_loop_test(tcase, special_values_are_libms_in_every_lane, 0, N_EXACT_FUNCTIONS);
    tcase_add_loop_test(tcase, libm_does_not_always_give_the_nearest_double, 0, N_EXACT_FUNCTIONS);
    tcase_add_loop_test(tcase, arrays_of_every_length_are_computed_in_place, 0, N_EXACT_FUNCTIONS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
