// CPython's generator, from the words of the Mersenne Twister up to gauss() and choices().
//
// Implements the `random.` calls of microgpt.py. Every function takes the same steps as CPython: it
// draws the same numbers in the same order, and drops the same unused bits.
#include "microgpt/random.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/exact.h"

enum {
    N = RANDOM_STATE_WORDS,
    M = 397, // the distance of the words that twist() mixes
};

static const double TWO_PI = 6.28318530717958647692;

// Fills the state from one word; init_by_array() then mixes the seed into it.
static void init_genrand(Random *random, uint32_t seed)
{
    random->state[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t previous = random->state[i - 1];
        random->state[i] = 1812433253u * (previous ^ (previous >> 30)) + i;
    }
}

static uint32_t stir(uint32_t word, uint32_t previous, uint32_t factor)
{
    return word ^ ((previous ^ (previous >> 30)) * factor);
}

static void init_by_array(Random *random, const uint32_t *key, uint32_t n_keys)
{
    uint32_t *state = random->state;
    uint32_t i = 1;
    uint32_t j = 0;
    init_genrand(random, 19650218u);
    for (uint32_t round = 0; round < N; round++) {
        state[i] = stir(state[i], state[i - 1], 1664525u) + key[j] + j;
        i++;
        j = (j + 1) % n_keys;
        if (i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    for (uint32_t round = 0; round < N - 1; round++) {
        state[i] = stir(state[i], state[i - 1], 1566083941u) - i;
        i++;
        if (i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    state[0] = 0x80000000u; // so that not all bits are zero, whatever the seed is
}

void random_seed(Random *random, uint64_t seed)
{
    assert(random != NULL);
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t n_keys = key[1] != 0 ? 2 : 1;
    memset(random, 0, sizeof *random);
    init_by_array(random, key, n_keys);
    random->index = N;
}

// Computes the next N words from the last N.
static void twist(Random *random)
{
    uint32_t *state = random->state;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t mixed = (state[i] & 0x80000000u) | (state[(i + 1) % N] & 0x7fffffffu);
        uint32_t matrix = (mixed & 1) != 0 ? 0x9908b0dfu : 0;
        state[i] = state[(i + M) % N] ^ (mixed >> 1) ^ matrix;
    }
    random->index = 0;
}

static uint32_t next_word(Random *random)
{
    assert(random->index <= N);
    if (random->index == N) {
        twist(random);
    }
    uint32_t word = random->state[random->index];
    random->index++;
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680u;
    word ^= (word << 15) & 0xefc60000u;
    word ^= word >> 18;
    return word;
}

double random_random(Random *random)
{
    assert(random != NULL);
    uint32_t high = next_word(random) >> 5; // 27 bits
    uint32_t low = next_word(random) >> 6;  // 26 bits
    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
}

uint64_t random_getrandbits(Random *random, int n_bits)
{
    assert(random != NULL && n_bits >= 1 && n_bits <= 64);
    if (n_bits <= 32) {
        return next_word(random) >> (32 - n_bits);
    }
    uint64_t low = next_word(random); // CPython draws the low word first
    uint64_t high = next_word(random) >> (64 - n_bits);
    return high << 32 | low;
}

static int bit_length(uint64_t n)
{
    int length = 0;
    while (n != 0) {
        n >>= 1;
        length++;
    }
    return length;
}

uint64_t random_randbelow(Random *random, uint64_t n)
{
    assert(n >= 1);
    int n_bits = bit_length(n); // of n, not of n - 1: half the draws are wasted if n is 2**k
    uint64_t r = random_getrandbits(random, n_bits);
    while (r >= n) {
        r = random_getrandbits(random, n_bits);
    }
    return r;
}

static void swap_bytes(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

void random_shuffle(Random *random, void *items, size_t n, size_t item_size)
{
    assert(items != NULL || n == 0);
    char *bytes = items;
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)random_randbelow(random, i + 1);
        swap_bytes(bytes + i * item_size, bytes + j * item_size, item_size);
    }
}

double random_gauss(Random *random, double mu, double sigma)
{
    assert(random != NULL);
    double z = random->gauss_next;
    if (random->has_gauss) {
        random->has_gauss = false;
        random->gauss_next = 0.0;
    } else {
        double x2pi = random_random(random) * TWO_PI;
        double g2rad = sqrt(-2.0 * log(1.0 - random_random(random)));
        z = cos(x2pi) * g2rad;
        random->gauss_next = sin(x2pi) * g2rad;
        random->has_gauss = true;
    }
    return mu + z * sigma;
}

// Returns the sum of weights[0 .. last], added from the left, as itertools.accumulate does.
static double cumulative_weight(const double *weights, size_t last)
{
    double sum = weights[0];
    for (size_t i = 1; i <= last; i++) {
        sum += weights[i];
    }
    return sum;
}

size_t random_choices(Random *random, const double *weights, size_t n)
{
    assert(random != NULL && weights != NULL && n >= 1);
    double total = cumulative_weight(weights, n - 1);
    assert(total > 0 && isfinite(total));
    double x = random_random(random) * total;
    // This is bisect_right over the ascending cumulative weights: the first that is greater than x.
    // If rounding makes x equal to the total, the result is the last index, whatever its weight.
    double cumulative = weights[0];
    size_t i = 0;
    while (i < n - 1 && cumulative <= x) {
        i++;
        cumulative += weights[i];
    }
    return i;
}
