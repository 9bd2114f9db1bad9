// Lanes: a vector of doubles, here the four of an AVX2 register. Arithmetic is written with the
// operators of the compiler's vector types; this file has the other operations.
//
// lanes_neon.h has the same names for two doubles, lanes_avx512.h for eight. A kernel is written
// once, over Lanes, and compiled once per SIMD level (-mavx2 -mfma for this one): see lanes.h.
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

// A mask of the first count lanes, for loads and stores.
static inline __m256i lanes_first(size_t count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), _mm256_setr_epi64x(0, 1, 2, 3));
}

// Stores only the first count lanes, 0 < count <= N_LANES.
static inline void lanes_store_first(double *memory, Lanes a, size_t count)
{
    _mm256_maskstore_pd(memory, lanes_first(count), a);
}

// Loads only the first count lanes, without reading the memory of the others, which become 0.
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

static inline Lanes lanes_abs(Lanes a)
{
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}

// a > b ? a : b; this is b if either is NaN, or if both are zeros.
static inline Lanes lanes_max(Lanes a, Lanes b)
{
    return _mm256_max_pd(a, b);
}

// The power of two in a's exponent field: positive, with 1 <= |a| / power < 2 for normal numbers.
static inline Lanes lanes_exponent(Lanes a)
{
    return _mm256_and_pd(a, _mm256_castsi256_pd(_mm256_set1_epi64x(0x7FF0000000000000)));
}

// Comparisons with NaN are false, except those with "not" in the name.
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

static inline LaneMask lanes_both(LaneMask a, LaneMask b)
{
    return _mm256_and_pd(a, b);
}

static inline LaneMask lanes_either(LaneMask a, LaneMask b)
{
    return _mm256_or_pd(a, b);
}

// Bit i is set if the condition holds in lane i.
static inline unsigned lanes_bits(LaneMask mask)
{
    return (unsigned)_mm256_movemask_pd(mask);
}

static inline Lanes lanes_select(LaneMask mask, Lanes yes, Lanes no)
{
    return _mm256_blendv_pd(no, yes, mask);
}

// Transposes: swaps lane j of rows[i] and lane i of rows[j].
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

// table[k mod 16] for lanes that contain 1.5 * 2^52 + k: then k is in the lowest bits.
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

// a * 2^floor(k / 16) for lanes that contain 1.5 * 2^52 + k; a in [1/2, 2], the result normal:
// a shift moves bits 4 ... 15 of k to the exponent field and drops the bits above them.
static inline Lanes lanes_scale(Lanes a, Lanes shifted_k)
{
    __m256i k = _mm256_and_si256(_mm256_castpd_si256(shifted_k), _mm256_set1_epi64x(~15LL));
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_slli_epi64(k, 48)));
}

#endif
