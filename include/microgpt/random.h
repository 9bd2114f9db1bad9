// CPython's random.Random: the same numbers from the same seed, bit for bit.
//
// microgpt.py draws all its random numbers from one generator, in this order: the shuffle of the
// documents, the initial parameters, the samples. A port whose generator differs in one bit trains
// another model.
#ifndef MICROGPT_RANDOM_H
#define MICROGPT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    RANDOM_STATE_WORDS = 624,
};

// The whole state, as random.getstate() gives it: copy the struct to save it, assign it to restore.
typedef struct Random {
    uint32_t state[RANDOM_STATE_WORDS];
    uint32_t index;    // the next word to hand out; RANDOM_STATE_WORDS: the state is used up
    bool has_gauss;    // gauss() computes two numbers at a time; the second one is still unused
    double gauss_next; // that second number, 0 unless has_gauss
} Random;

// Starts as random.seed(seed) does; random.seed(-n) is random.seed(n) in Python.
// Source: Matsumoto and Nishimura, mt19937ar (2002), init_by_array over the 32-bit words of the
// seed.
void random_seed(Random *random, uint64_t seed);

// A double in [0, 1), a multiple of 2^-53.
// Source: Random.random
double random_random(Random *random);

// n_bits random bits as an integer.
// Requires: 1 <= n_bits <= 64.
// Source: Random.getrandbits
uint64_t random_getrandbits(Random *random, int n_bits);

// An integer in [0, n), by drawing bits until they fall below n.
// Requires: n >= 1.
// Source: Random._randbelow
uint64_t random_randbelow(Random *random, uint64_t n);

// Permutes n items of item_size bytes in place.
// Source: Random.shuffle (Fisher-Yates from the end)
void random_shuffle(Random *random, void *items, size_t n, size_t item_size);

// A normal number of mean mu and standard deviation sigma.
// Formula: mu + cos(2 pi u1) * sqrt(-2 log(1 - u2)) * sigma; the next call uses sin instead.
// Source: Random.gauss (Box-Muller)
double random_gauss(Random *random, double mu, double sigma);

// An index in [0, n), index i with probability weights[i] / (their sum).
// Shapes: weights [n].
// Requires: n >= 1, a finite sum greater than zero (Python raises ValueError otherwise).
// Source: Random.choices(range(n), weights)[0]
size_t random_choices(Random *random, const double *weights, size_t n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
