// Random inputs for tests that need millions of them, fast and the same on every machine.
//
// The library's own generator is Python's, which is several times slower.
#ifndef MICROGPT_RANDOM_INPUTS_H
#define MICROGPT_RANDOM_INPUTS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint64_t random_state = 1;

// Source: Vigna, An experimental exploration of Marsaglia's xorshift generators (2016), xorshift64*
static inline uint64_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1D;
}

// Starts a different sequence for each seed.
static inline void random_start(uint64_t seed)
{
    random_state = (seed + 1) * 0x9E3779B97F4A7C15; // odd: zero only for a seed that is not used
    random_bits();
    random_bits();
}

// Returns an integer in [0, n). The high bits are better than the low ones.
static inline size_t random_below(size_t n)
{
    return (size_t)((random_bits() >> 32) % n);
}

// Returns a number in [0, 1).
static inline double random_unit(void)
{
    return (double)(random_bits() >> 11) * 0x1p-53;
}

static inline double random_sign(void)
{
    return random_below(2) == 0 ? 1.0 : -1.0;
}

// Returns a number in [2^low, 2^high); all magnitudes are equally likely.
static inline double random_size(double low, double high)
{
    return exp2(low + (high - low) * random_unit());
}

static inline double double_of_bits(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
