// Lanes: a vector of doubles, here the eight of an AVX-512 register. Arithmetic is written with the
// operators of the compiler's vector types; this file has the other operations.
//
// lanes_neon.h has the same names for two doubles, lanes_avx2.h for four. A kernel is written once,
// over Lanes, and compiled once per instruction set (-mavx2 -mfma -mavx512f -mavx512dq -mavx512vl
// for this one).
#ifndef MICROGPT_LANES_AVX512_H
#define MICROGPT_LANES_AVX512_H

#include <immintrin.h>
#include <stddef.h>

enum {
    N_LANES = 8,
    N_REGISTERS = 32,
    ALL_LANES = 0xFF, // lanes_bits() of a condition that holds in every lane
};

typedef __m512d Lanes;
typedef __mmask8 LaneMask; // one bit per lane

static inline Lanes lanes_load(const double *memory)
{
    return _mm512_loadu_pd(memory);
}

static inline void lanes_store(double *memory, Lanes a)
{
    _mm512_storeu_pd(memory, a);
}

// Stores only the first count lanes, 0 < count <= N_LANES.
static inline void lanes_store_first(double *memory, Lanes a, size_t count)
{
    _mm512_mask_storeu_pd(memory, (LaneMask)(ALL_LANES >> (N_LANES - count)), a);
}

// Loads only the first count lanes, without reading the memory of the others, which become 0.
static inline Lanes lanes_load_first(const double *memory, size_t count)
{
    return _mm512_maskz_loadu_pd((LaneMask)(ALL_LANES >> (N_LANES - count)), memory);
}

static inline Lanes lanes_all(double number)
{
    return _mm512_set1_pd(number);
}

// a * b + c, rounded once.
static inline Lanes lanes_fma(Lanes a, Lanes b, Lanes c)
{
    return _mm512_fmadd_pd(a, b, c);
}

// a * b - c, rounded once.
static inline Lanes lanes_fms(Lanes a, Lanes b, Lanes c)
{
    return _mm512_fmsub_pd(a, b, c);
}

// c - a * b, rounded once.
static inline Lanes lanes_fnma(Lanes a, Lanes b, Lanes c)
{
    return _mm512_fnmadd_pd(a, b, c);
}

static inline Lanes lanes_sqrt(Lanes a)
{
    return _mm512_sqrt_pd(a);
}

static inline Lanes lanes_abs(Lanes a)
{
    return _mm512_abs_pd(a);
}

// a > b ? a : b; this is b if either is NaN, or if both are zeros.
static inline Lanes lanes_max(Lanes a, Lanes b)
{
    return _mm512_max_pd(a, b);
}

// The power of two in a's exponent field: positive, with 1 <= |a| / power < 2 for normal numbers.
static inline Lanes lanes_exponent(Lanes a)
{
    return _mm512_and_pd(a, _mm512_castsi512_pd(_mm512_set1_epi64(0x7FF0000000000000)));
}

// Comparisons with NaN are false, except those with "not" in the name.
static inline LaneMask lanes_less(Lanes a, Lanes b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}

static inline LaneMask lanes_not_less(Lanes a, Lanes b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_NLT_UQ);
}

static inline LaneMask lanes_not_equal(Lanes a, Lanes b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ);
}

static inline LaneMask lanes_equal(Lanes a, Lanes b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

// Whether |a| >= 2^-511 (or a is NaN): one of the exponent field's first two bits is set.
static inline LaneMask lanes_not_tiny(Lanes a)
{
    return _mm512_test_epi64_mask(_mm512_castpd_si512(a), _mm512_set1_epi64(0x6000000000000000));
}

// Written with plain operators: the compiler turns lanes_both() into a comparison under a mask.
static inline LaneMask lanes_both(LaneMask a, LaneMask b)
{
    return (LaneMask)(a & b);
}

static inline LaneMask lanes_either(LaneMask a, LaneMask b)
{
    return (LaneMask)(a | b);
}

// Bit i is set if the condition holds in lane i.
static inline unsigned lanes_bits(LaneMask mask)
{
    return mask;
}

static inline Lanes lanes_select(LaneMask mask, Lanes yes, Lanes no)
{
    return _mm512_mask_blend_pd(mask, no, yes);
}

// Transposes: swaps lane j of rows[i] and lane i of rows[j].
static inline void lanes_transpose(Lanes rows[N_LANES])
{
    Lanes pairs[N_LANES];
    Lanes fours[N_LANES];
    for (int i = 0; i < N_LANES; i += 2) {
        pairs[i] = _mm512_unpacklo_pd(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_pd(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        fours[i] = _mm512_shuffle_f64x2(pairs[i], pairs[i + 2], 0x88);
        fours[i + 2] = _mm512_shuffle_f64x2(pairs[i], pairs[i + 2], 0xDD);
        fours[i + 4] = _mm512_shuffle_f64x2(pairs[i + 4], pairs[i + 6], 0x88);
        fours[i + 6] = _mm512_shuffle_f64x2(pairs[i + 4], pairs[i + 6], 0xDD);
    }
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm512_shuffle_f64x2(fours[i], fours[i + 4], 0x88);
        rows[i + 4] = _mm512_shuffle_f64x2(fours[i], fours[i + 4], 0xDD);
    }
}

// table[k mod 16] for lanes that contain 1.5 * 2^52 + k: then k is in the lowest bits.
// Shapes: table [16].
static inline Lanes lanes_lookup(const double *table, Lanes shifted_k)
{
    return _mm512_permutex2var_pd(lanes_load(table), _mm512_castpd_si512(shifted_k),
                                  lanes_load(table + N_LANES));
}

// a * 2^floor(k / 16) for lanes that contain 1.5 * 2^52 + k; a in [1/2, 2], the result normal:
// a shift moves bits 4 ... 15 of k to the exponent field and drops the bits above them.
static inline Lanes lanes_scale(Lanes a, Lanes shifted_k)
{
    __m512i k = _mm512_and_si512(_mm512_castpd_si512(shifted_k), _mm512_set1_epi64(~15LL));
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_slli_epi64(k, 48)));
}

#endif
