// CPython's random.Random: the same numbers from the same seed, bit for bit.
//
// microgpt.py draws all its random numbers from one generator, in this order: for the shuffle of
// the documents, for the initial parameters, for the samples. A port whose generator differs in one
// bit trains another model.
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

// The complete state, as random.getstate() returns it. Copy the struct to save or restore it.
typedef struct Random {
    uint32_t state[RANDOM_STATE_WORDS];
    uint32_t index;    // of the next word to use; RANDOM_STATE_WORDS: all words have been used
    bool has_gauss;    // gauss() computes two numbers at a time; the second one is still unused
    double gauss_next; // this second number; 0 unless has_gauss
} Random;

// Seeds the generator as random.seed(seed) does; in Python, random.seed(-n) equals random.seed(n).
// Source: Matsumoto and Nishimura, mt19937ar (2002), init_by_array over the 32-bit words of the
// seed.
void random_seed(Random *random, uint64_t seed);

// Returns a double in [0, 1), a multiple of 2^-53.
// Source: Random.random
double random_random(Random *random);

// Returns n_bits random bits as an integer.
// Requires: 1 <= n_bits <= 64.
// Source: Random.getrandbits
uint64_t random_getrandbits(Random *random, int n_bits);

// Returns an integer in [0, n): draws bits until they form a number below n.
// Requires: n >= 1.
// Source: Random._randbelow
uint64_t random_randbelow(Random *random, uint64_t n);

// Permutes n items of item_size bytes in place.
// Source: Random.shuffle (Fisher-Yates from the end)
void random_shuffle(Random *random, void *items, size_t n, size_t item_size);

// Returns a normally distributed number with mean mu and standard deviation sigma.
// Formula: mu + cos(2 pi u1) * sqrt(-2 log(1 - u2)) * sigma; the next call uses sin instead.
// Source: Random.gauss (Box-Muller)
double random_gauss(Random *random, double mu, double sigma);

// Returns an index in [0, n): i with probability weights[i] / (sum of the weights).
// Shapes: weights [n].
// Requires: n >= 1, a finite sum greater than zero (Python raises ValueError otherwise).
// Source: Random.choices(range(n), weights)[0]
size_t random_choices(Random *random, const double *weights, size_t n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
