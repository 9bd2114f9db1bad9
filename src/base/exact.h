// Stops the compilation if the compiler's options may change the bits. Every file that computes
// includes this.
//
// The project promises the doubles that Python computes, and Python is compiled without such
// options: each product and each sum is rounded once, to a double. meson.build passes
// -ffp-contract=off and keeps the compiler from replacing calls of libm. Neither can be checked
// here, but the tests notice it.
#ifndef MICROGPT_EXACT_H
#define MICROGPT_EXACT_H

#include <float.h>

#ifdef __FAST_MATH__
#error "-ffast-math and -Ofast give other bits than Python: build without them"
#endif

#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1 // 1: only floats are computed as doubles
#error "doubles must be computed as doubles (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif

#endif
