// Refuses to compile where the compiler may change the bits. Included by every file that computes.
//
// The project's promise is the double that Python computes, and Python is compiled plainly: each
// product and each sum rounds once, to a double. meson.build passes -ffp-contract=off and keeps the
// compiler from replacing calls of libm; neither can be checked here, but the tests see it.
#ifndef MICROGPT_EXACT_H
#define MICROGPT_EXACT_H

#include <float.h>

#ifdef __FAST_MATH__
#error "-ffast-math and -Ofast give other bits than Python: build without them"
#endif

#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1 // 1: it is floats that are computed as doubles
#error "doubles must be computed as doubles (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

#endif
