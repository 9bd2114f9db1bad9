// Lanes: a vector of doubles, here the two of a NEON register (AArch64). Arithmetic is written with
// the operators of the compiler's vector types; this file has the other operations.
//
// lanes_avx2.h has the same names for four doubles, lanes_avx512.h for eight. A kernel is written
// once, over Lanes, and compiled once per instruction set; every AArch64 processor has this one.
#ifndef MICROGPT_LANES_NEON_H
#define MICROGPT_LANES_NEON_H

#include <arm_neon.h>
#include <stddef.h>

enum {
    N_LANES = 2,
    N_REGISTERS = 32,
    ALL_LANES = 0x3, // lanes_bits() of a condition that holds in every lane
};

typedef float64x2_t Lanes;
typedef uint64x2_t LaneMask; // all bits of a lane, or none

static inline Lanes lanes_load(const double *memory)
{
    return vld1q_f64(memory);
}

static inline void lanes_store(double *memory, Lanes a)
{
    vst1q_f64(memory, a);
}

// Stores only the first count lanes, 0 < count <= N_LANES.
static inline void lanes_store_first(double *memory, Lanes a, size_t count)
{
    if (count == N_LANES) {
        vst1q_f64(memory, a);
    } else {
        vst1q_lane_f64(memory, a, 0);
    }
}

// Loads only the first count lanes, without reading the memory of the others, which become 0.
static inline Lanes lanes_load_first(const double *memory, size_t count)
{
    return count == N_LANES ? vld1q_f64(memory) : vld1q_lane_f64(memory, vdupq_n_f64(0.0), 0);
}

static inline Lanes lanes_all(double number)
{
    return vdupq_n_f64(number);
}

// a * b + c, rounded once.
static inline Lanes lanes_fma(Lanes a, Lanes b, Lanes c)
{
    return vfmaq_f64(c, a, b);
}

// a * b - c, rounded once.
static inline Lanes lanes_fms(Lanes a, Lanes b, Lanes c)
{
    return vfmaq_f64(vnegq_f64(c), a, b);
}

// c - a * b, rounded once.
static inline Lanes lanes_fnma(Lanes a, Lanes b, Lanes c)
{
    return vfmsq_f64(c, a, b);
}

static inline Lanes lanes_sqrt(Lanes a)
{
    return vsqrtq_f64(a);
}

static inline Lanes lanes_abs(Lanes a)
{
    return vabsq_f64(a);
}

// a > b ? a : b; this is b if either is NaN, or if both are zeros.
static inline Lanes lanes_max(Lanes a, Lanes b)
{
    return vbslq_f64(vcgtq_f64(a, b), a, b);
}

// The power of two in a's exponent field: positive, with 1 <= |a| / power < 2 for normal numbers.
static inline Lanes lanes_exponent(Lanes a)
{
    uint64x2_t field = vdupq_n_u64(0x7FF0000000000000);
    return vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a), field));
}

static inline LaneMask lanes_not(LaneMask a)
{
    return veorq_u64(a, vdupq_n_u64(~UINT64_C(0)));
}

// Comparisons with NaN are false, except those with "not" in the name.
static inline LaneMask lanes_less(Lanes a, Lanes b)
{
    return vcltq_f64(a, b);
}

static inline LaneMask lanes_not_less(Lanes a, Lanes b)
{
    return lanes_not(vcltq_f64(a, b));
}

static inline LaneMask lanes_not_equal(Lanes a, Lanes b)
{
    return lanes_not(vceqq_f64(a, b));
}

static inline LaneMask lanes_equal(Lanes a, Lanes b)
{
    return vceqq_f64(a, b);
}

static inline LaneMask lanes_both(LaneMask a, LaneMask b)
{
    return vandq_u64(a, b);
}

static inline LaneMask lanes_either(LaneMask a, LaneMask b)
{
    return vorrq_u64(a, b);
}

// Bit i is set if the condition holds in lane i.
static inline unsigned lanes_bits(LaneMask mask)
{
    return (unsigned)((vgetq_lane_u64(mask, 0) & 1) | (vgetq_lane_u64(mask, 1) & 2));
}

static inline Lanes lanes_select(LaneMask mask, Lanes yes, Lanes no)
{
    return vbslq_f64(mask, yes, no);
}

// Transposes: swaps lane j of rows[i] and lane i of rows[j].
static inline void lanes_transpose(Lanes rows[N_LANES])
{
    Lanes first = vtrn1q_f64(rows[0], rows[1]);
    rows[1] = vtrn2q_f64(rows[0], rows[1]);
    rows[0] = first;
}

// table[k mod 16] for lanes that contain 1.5 * 2^52 + k: then k is in the lowest bits.
// Shapes: table [16].
static inline Lanes lanes_lookup(const double *table, Lanes shifted_k)
{
    uint64x2_t k = vreinterpretq_u64_f64(shifted_k);
    Lanes low = vld1q_dup_f64(&table[vgetq_lane_u64(k, 0) & 15]);
    return vld1q_lane_f64(&table[vgetq_lane_u64(k, 1) & 15], low, 1);
}

// a * 2^floor(k / 16) for lanes that contain 1.5 * 2^52 + k; a in [1/2, 2], the result normal:
// a shift moves bits 4 ... 15 of k to the exponent field and drops the bits above them.
static inline Lanes lanes_scale(Lanes a, Lanes shifted_k)
{
    uint64x2_t k = vandq_u64(vreinterpretq_u64_f64(shifted_k), vdupq_n_u64(~UINT64_C(15)));
    return vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(a), vshlq_n_u64(k, 48)));
}

#endif
