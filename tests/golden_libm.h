// Checks whether this machine's libm is the one with which the golden numbers were recorded.
//
// exp, log, pow, sin and cos of glibc are not correctly rounded: about one result in a thousand is
// a double next to the nearest one, and which results these are depends on the code path. The
// golden numbers come from glibc 2.36 on x86-64 with FMA. A test that compares numbers made by
// these functions is skipped if the libm is another one. The other numbers (shuffles, integers,
// graphs) are the same everywhere.
#ifndef MICROGPT_GOLDEN_LIBM_H
#define MICROGPT_GOLDEN_LIBM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// An input whose result differs between the code paths. y is pow's exponent, otherwise unused.
typedef struct LibmSentinel {
    const char *function;
    double (*f)(double);
    double (*f2)(double, double);
    double x;
    double y;
    double golden;
} LibmSentinel;

// How they were found: CPython printed the functions of 200,000 random inputs from the range of a
// training run, once as it is and once under GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA (-AVX2 gives the
// same bits as that: the two code paths need both). 17 to 154 lines of each function differed. In
// the first two lines of each function, the golden result is the nearest double and that of the
// other path is not. In the last two it is the reverse, so that a libm that rounds correctly does
// not match them.
static const LibmSentinel libm_sentinels[] = {
    {"exp", exp, NULL, -0x1.e04af976b8642p+2, 0, 0x1.20a6cde409fb9p-11},
    {"exp", exp, NULL, -0x1.7127d644875e8p+1, 0, 0x1.ca01de4c55b3dp-5},
    {"exp", exp, NULL, -0x1.cf1a8f547e226p+2, 0, 0x1.79963542202cdp-11},
    {"exp", exp, NULL, -0x1.46ad11b5e30b3p+2, 0, 0x1.8dd6310decc6bp-8},
    {"log", log, NULL, 0x1.54906c491081cp-1, 0, -0x1.a181a496d1332p-2},
    {"log", log, NULL, 0x1.94eae9e773235p-1, 0, -0x1.e08b7032a6b94p-3},
    {"log", log, NULL, 0x1.6c2153e00d1a2p-1, 0, -0x1.5cfe207ddd215p-2},
    {"log", log, NULL, 0x1.c9df582d04efap-1, 0, -0x1.c9a9965d30ce2p-4},
    {"pow", NULL, pow, 0x1.c077259836180p-3, 0.5, 0x1.df2e4ca4d20a3p-2},
    {"pow", NULL, pow, 0x1.2d419bd294793p+0, -0.5, 0x1.d7fa67841a4f1p-1},
    {"pow", NULL, pow, 0x1.5c3fb5f18206ap+0, 2, 0x1.d9bd4683a7af7p+0},
    {"pow", NULL, pow, 0x1.0296d2bef7f34p+0, -1.5, 0x1.f854603eee8a5p-1},
    {"sin", sin, NULL, 0x1.0130a025e62f9p+1, 0, 0x1.cf8f36b1c795fp-1},
    {"sin", sin, NULL, 0x1.317117a364351p-1, 0, 0x1.1fa4e48a67e7dp-1},
    {"sin", sin, NULL, 0x1.c5664cca7147ap+1, 0, -0x1.8f528d8eb22aep-2},
    {"sin", sin, NULL, 0x1.4f660a49776bdp+2, 0, -0x1.ba3801b6d6b3dp-1},
    {"cos", cos, NULL, 0x1.5f3f3245da358p+0, 0, 0x1.94578b02ba167p-3},
    {"cos", cos, NULL, 0x1.9550038a29e4ep-1, 0, 0x1.67c6e418ad76bp-1},
    {"cos", cos, NULL, 0x1.ed8987743c106p+1, 0, -0x1.82e3233c6cbb8p-1},
    {"cos", cos, NULL, 0x1.2543ab53070bep+2, 0, -0x1.09c32bcf3c3d4p-3},
};

static inline double libm_result(const LibmSentinel *s)
{
    return s->f2 != NULL ? s->f2(s->x, s->y) : s->f(s->x);
}

// Returns the function of the first sentinel for which this libm gives another result, or NULL if
// there is none: then the libm is golden.
static inline const char *libm_missed_sentinel(void)
{
    for (size_t i = 0; i < sizeof libm_sentinels / sizeof *libm_sentinels; i++) {
        const LibmSentinel *s = &libm_sentinels[i];
        if (libm_result(s) != s->golden) {
            return s->function;
        }
    }
    return NULL;
}

static inline bool libm_is_golden(void)
{
    return libm_missed_sentinel() == NULL;
}

// The same, and prints what is skipped if it is not golden: a test is never skipped silently.
static inline bool libm_is_golden_or_say(const char *skipped)
{
    const char *missed = libm_missed_sentinel();
    if (missed != NULL) {
        printf("skipped: %s (%s() of this machine is not the golden one)\n", skipped, missed);
        fflush(stdout); // before Check forks, or every test would print it again
    }
    return missed == NULL;
}

#endif
