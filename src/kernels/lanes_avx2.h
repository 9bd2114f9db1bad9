// Lanes: a vector of doubles, here the four of an AVX2 register. Arithmetic is written with the
// operators (the compiler's vector types have them); what they lack stands here.
//
// lanes_neon.h has the same names for two doubles, lanes_avx512.h for eight. A kernel is written
// once, over Lanes, and compiled once per instruction set (-mavx2 -mfma for this one).
#ifndef MICROGPT_LANES_AVX2_H
#define MICROGPT_LANES_AVX2_H

#include <immintrin.h>
#include <stddef.h>

enum {
    N_LANES = 4,
    N_REGISTERS = 16,
    ALL_LANES = 0xF, // lanes_bits() of a condition that holds in every lane
};

typedef __m256d Lanes;
typedef __m256d LaneMask; // all bits of a lane, or none

static inline Lanes lanes_load(const double *memory)
{
    return _mm256_loadu_pd(memory);
}

static inline void lanes_store(double *memory, Lanes a)
{
    _mm256_storeu_pd(memory, a);
}

// The lanes below count, as a mask for loads and stores.
static inline __m256i lanes_first(size_t count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), _mm256_setr_epi64x(0, 1, 2, 3));
}

// The first count lanes only, 0 < count <= N_LANES.
static inline void lanes_store_first(double *memory, Lanes a, size_t count)
{
    _mm256_maskstore_pd(memory, lanes_first(count), a);
}

// The first count lanes; the others are 0 and their memory is not touched.
static inline Lanes lanes_load_first(const double *memory, size_t count)
{
    return _mm256_maskload_pd(memory, lanes_first(count));
}

static inline Lanes lanes_all(double number)
{
    return _mm256_set1_pd(number);
}

// a * b + c, rounded once.
static inline Lanes lanes_fma(Lanes a, Lanes b, Lanes c)
{
    return _mm256_fmadd_pd(a, b, c);
}

// a * b - c, rounded once.
static inline Lanes lanes_fms(Lanes a, Lanes b, Lanes c)
{
    return _mm256_fmsub_pd(a, b, c);
}

// c - a * b, rounded once.
static inline Lanes lanes_fnma(Lanes a, Lanes b, Lanes c)
{
    return _mm256_fnmadd_pd(a, b, c);
}

static inline Lanes lanes_sqrt(Lanes a)
{
    return _mm256_sqrt_pd(a);
}

static const double lanes_inverse_error = 0x1p-11;

// 1 / a, up to lanes_inverse_error of it. Requires: 2^-126 <= a <= 2^126, as for a float.
static inline Lanes lanes_inverse_estimate(Lanes a)
{
    return _mm256_cvtps_pd(_mm_rcp_ps(_mm256_cvtpd_ps(a)));
}

static inline Lanes lanes_abs(Lanes a)
{
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}

// a > b ? a : b; so b where one is not a number, and b of two zeros.
static inline Lanes lanes_max(Lanes a, Lanes b)
{
    return _mm256_max_pd(a, b);
}

// The power of two that a's exponent field says, positive: 1 <= |a| / it < 2 for normal numbers.
static inline Lanes lanes_exponent(Lanes a)
{
    return _mm256_and_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(0x7FF0000000000000)));
}

// Comparisons with nan are false, except for "not".
static inline LaneMask lanes_less(Lanes a, Lanes b)
{
    return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}

static inline LaneMask lanes_not_less(Lanes a, Lanes b)
{
    return _mm256_cmp_pd(a, b, _CMP_NLT_UQ);
}

static inline LaneMask lanes_not_equal(Lanes a, Lanes b)
{
    return _mm256_cmp_pd(a, b, _CMP_NEQ_UQ);
}

static inline LaneMask lanes_equal(Lanes a, Lanes b)
{
    return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}

// Whether |a| >= 2^-511 (or a is nan).
static inline LaneMask lanes_not_tiny(Lanes a)
{
    return lanes_not_less(lanes_abs(a), lanes_all(0x1p-511));
}

// a == 0 or |a| >= low (nan as well).
static inline LaneMask lanes_zero_or_above(Lanes a, double low)
{
    LaneMask zero = lanes_equal(a, lanes_all(0.0));
    return _mm256_or_pd(zero, lanes_not_less(lanes_abs(a), lanes_all(low)));
}

static inline LaneMask lanes_both(LaneMask a, LaneMask b)
{
    return _mm256_and_pd(a, b);
}

static inline LaneMask lanes_either(LaneMask a, LaneMask b)
{
    return _mm256_or_pd(a, b);
}

// Bit i is set where lane i's condition holds.
static inline unsigned lanes_bits(LaneMask mask)
{
    return (unsigned)_mm256_movemask_pd(mask);
}

static inline Lanes lanes_select(LaneMask mask, Lanes yes, Lanes no)
{
    return _mm256_blendv_pd(no, yes, mask);
}

// Turns rows into columns: lane j of rows[i] and lane i of rows[j] change places.
static inline void lanes_transpose(Lanes rows[N_LANES])
{
    Lanes low01 = _mm256_unpacklo_pd(rows[0], rows[1]);
    Lanes high01 = _mm256_unpackhi_pd(rows[0], rows[1]);
    Lanes low23 = _mm256_unpacklo_pd(rows[2], rows[3]);
    Lanes high23 = _mm256_unpackhi_pd(rows[2], rows[3]);
    rows[0] = _mm256_permute2f128_pd(low01, low23, 0x20);
    rows[1] = _mm256_permute2f128_pd(high01, high23, 0x20);
    rows[2] = _mm256_permute2f128_pd(low01, low23, 0x31);
    rows[3] = _mm256_permute2f128_pd(high01, high23, 0x31);
}

// table[k mod 16] in each lane, where the lane holds 1.5 * 2^52 + k: then k is in the lowest bits.
// Shapes: table [16].
static inline Lanes lanes_lookup(const double *table, Lanes shifted_k)
{
    __m256i k = _mm256_and_si256(_mm256_castpd_si256(shifted_k), _mm256_set1_epi64x(15));
    // Four loads: a gather instruction would take longer.
    __m128i low = _mm256_castsi256_si128(k);
    __m128i high = _mm256_extracti128_si256(k, 1);
    __m128d low_pair = _mm_loadh_pd(_mm_load_sd(&table[_mm_cvtsi128_si64(low)]),
                                    &table[_mm_extract_epi64(low, 1)]);
    __m128d high_pair = _mm_loadh_pd(_mm_load_sd(&table[_mm_cvtsi128_si64(high)]),
                                     &table[_mm_extract_epi64(high, 1)]);
    return _mm256_set_m128d(high_pair, low_pair);
}

// a * 2^floor(k / 16), a in [1/2, 2] and the result normal, where the lane holds 1.5 * 2^52 + k:
// bits 4 ... 15 of k move to the exponent's place, the bits above them fall out.
static inline Lanes lanes_scale(Lanes a, Lanes shifted_k)
{
    __m256i k = _mm256_and_si256(_mm256_castpd_si256(shifted_k), _mm256_set1_epi64x(~15LL));
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_slli_epi64(k, 48)));
}

#endif
