// The generator against numbers that CPython 3.11's random.Random gave.
//
// Each table names the expression that gave its numbers; r is random.Random(seed). Only gauss()
// uses libm (log, cos, sin): its golden numbers are compared only if the libm is the one that they
// come from, and its formula with any libm.
#include "check_more.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "golden_libm.h"
#include "microgpt/random.h"

enum {
    N = RANDOM_STATE_WORDS,
};

// The generator of most tables: r = random.Random(42).
static Random seeded_42(void)
{
    Random random;
    random_seed(&random, 42);
    return random;
}

// The generator's next word shows whether as many words were drawn before as in Python.
static void assert_next_word(Random *random, uint32_t expected)
{
    ck_assert_uint_eq(random_getrandbits(random, 32), expected);
}

static void draw_words(Random *random, int n_words)
{
    for (int i = 0; i < n_words; i++) {
        random_getrandbits(random, 32);
    }
}

static void assert_same_state(const Random *actual, const Random *expected)
{
    ck_assert_mem_eq(actual->state, expected->state, sizeof expected->state);
    ck_assert_uint_eq(actual->index, expected->index);
    ck_assert_int_eq(actual->has_gauss, expected->has_gauss);
    assert_same_double(actual->gauss_next, expected->gauss_next, "gauss_next");
}

// [r.random() for _ in range(1000)] at places 0, 1, 311, 312 and 999. Numbers 311 and 312 are the
// last and the first of two states of 624 words.
typedef struct SeedCase {
    uint64_t seed;
    double numbers[5];
} SeedCase;

static const int seed_places[5] = {0, 1, 311, 312, 999};

static const SeedCase seed_cases[] = {
    {0,
     {0x1.b0580f98a7dbep-1, 0x1.84129978f9c1ap-1, 0x1.934264473a8f4p-2, 0x1.09badb528c6c9p-1,
      0x1.ebf1437477ccep-2}},
    {1,
     {0x1.132d8f91b7584p-3, 0x1.b1e2d5b3584f8p-1, 0x1.4f185f97e97bcp-2, 0x1.445637e5783c4p-2,
      0x1.699b1d0fc4300p-1}},
    {42,
     {0x1.4762f307200c5p-1, 0x1.99c6b5eeb2060p-6, 0x1.ae3c9bae9bec0p-3, 0x1.ff0972aabc25cp-3,
      0x1.b5fd9157363f8p-1}},
    {0x80000000, // 2**31
     {0x1.5aed4cb04bd74p-2, 0x1.02977c383c171p-1, 0x1.69fd8fb6fb1eep-2, 0x1.2b32a76b844a5p-1,
      0x1.294a0ff4ce9eep-2}},
    {0xffffffff, // the last seed of one word
     {0x1.454d9227a7013p-1, 0x1.a0274a3720bf8p-3, 0x1.c35e9d234003ep-1, 0x1.ff2a5af14442ap-2,
      0x1.492df3ceb45eep-2}},
    {0x100000000, // 2**32, the first seed of two words
     {0x1.ced31cb3df170p-4, 0x1.abdb5477a4f26p-2, 0x1.7d5d38dca2a51p-1, 0x1.073eb769f2b1fp-1,
      0x1.5487e3d9d2810p-5}},
    {0x10000002a, // 2**32 + 42
     {0x1.213e487df0be8p-1, 0x1.891ba47214d4cp-2, 0x1.695f01be6108ep-2, 0x1.2b1bf8c27aafbp-1,
      0x1.4d1d813efaf5ap-2}},
    {0x8000000000000000, // 2**63
     {0x1.1b5fa2193586fp-1, 0x1.e198384d65bb9p-1, 0x1.31a11ce08c68cp-2, 0x1.4a18ccddabaa8p-4,
      0x1.a8277993b66e6p-2}},
    {0xffffffffffffffff, // 2**64 - 1
     {0x1.659799fd7f980p-6, 0x1.5a35a94f333d8p-2, 0x1.1f45ecd3705e0p-2, 0x1.acd52954afa37p-1,
      0x1.cd4f273d5bd94p-1}},
};

enum {
    N_SEED_CASES = sizeof seed_cases / sizeof *seed_cases,
};

START_TEST(random_gives_the_numbers_of_python)
{
    const SeedCase *c = &seed_cases[_i];
    Random random;
    random_seed(&random, c->seed);
    int n_drawn = 0;
    for (size_t i = 0; i < 5; i++) {
        double number = random_random(&random);
        for (n_drawn++; n_drawn <= seed_places[i]; n_drawn++) {
            number = random_random(&random);
        }
        assert_same_double(number, c->numbers[i], "random()");
    }
}
END_TEST

// r.getstate()[1]: the words 0, 1, 2, 622, 623 and then the index.
START_TEST(seeded_state_is_that_of_getstate)
{
    Random random = seeded_42();
    ck_assert_uint_eq(random.state[0], 0x80000000);
    ck_assert_uint_eq(random.state[1], 0xd473a4c0);
    ck_assert_uint_eq(random.state[2], 0x4b804830);
    ck_assert_uint_eq(random.state[622], 0x38f86017);
    ck_assert_uint_eq(random.state[623], 0xe459a195);
    ck_assert_uint_eq(random.index, 624);
    ck_assert(!random.has_gauss);
    assert_same_double(random.gauss_next, 0.0, "gauss_next");
}
END_TEST

// The same after one r.random().
START_TEST(drawing_changes_the_state_as_in_getstate)
{
    Random random = seeded_42();
    random_random(&random);
    ck_assert_uint_eq(random.state[0], 0x9323659d);
    ck_assert_uint_eq(random.state[1], 0x2ae251b);
    ck_assert_uint_eq(random.state[2], 0x9efcc0d0);
    ck_assert_uint_eq(random.state[622], 0xeef0069d);
    ck_assert_uint_eq(random.state[623], 0x40538de1);
    ck_assert_uint_eq(random.index, 2);
}
END_TEST

// [hex(r.getrandbits(n)) for n in range(1, 65)]
START_TEST(getrandbits_of_every_width_is_that_of_python)
{
    // clang-format off
    static const uint64_t expected[64] = {
        0x1, 0x0, 0x0, 0xb,
        0x8, 0xf, 0x1c, 0x23,
        0x179, 0x68, 0x569, 0xbd9,
        0x1c8c, 0x22e7, 0xb20, 0x972a,
        0xd806, 0x208b, 0x3d06, 0x17fc6,
        0x6ff15, 0xee3ea, 0x40af7b, 0x9a1de6,
        0xd961f, 0x23eb706, 0x1973831, 0xb74d0fb,
        0x14cbda71, 0x2ce28223, 0x45c0a47b, 0x6b65a6a4,
        0x386ecbe0, 0x196da1dac, 0x6cf36d58b, 0xc01a9e71f,
        0x5ce4a2bbd, 0x1bb2b9437a, 0x23571aa876, 0x3727cd8130,
        0x186f50bea63, 0x68562b0f79, 0x30a17be3111, 0x5be18c26797,
        0xb01d8f56413, 0x10ed9a8dca03, 0x58fce9ff57f, 0x759cbacfb3d0,
        0x3fe989463e85, 0x3b06ef91e1d4c, 0xa16160e7a113, 0x4b0db8d5288f1,
        0x141dd1d453dd32, 0x38ab3d9e574f7a, 0x2e4a0edc98d2c1, 0x3139d393cd59bf,
        0x239cbbb45ed1f0, 0x2a522360bbb2599, 0x62f3e743a578a8e, 0xfc377a44a15544d,
        0x1b5ec344146d3f31, 0x377477ec3b982ef8, 0x30a7f9eb19db3ad0, 0x7412b29347294739,
    };
    // clang-format on
    Random random = seeded_42();
    for (int n_bits = 1; n_bits <= 64; n_bits++) {
        ck_assert_uint_eq(random_getrandbits(&random, n_bits), expected[n_bits - 1]);
    }
    assert_next_word(&random, 0xa2bc372f);
}
END_TEST

// A draw of two words may start with the last word of a state.
START_TEST(two_words_may_come_from_two_states)
{
    Random random = seeded_42(); // for _ in range(623): r.getrandbits(32)
    draw_words(&random, N - 1);
    Random same = random;
    ck_assert_uint_eq(random_getrandbits(&random, 64), 0x3fe12e47ae9bec36); // r.getrandbits(64)
    ck_assert_uint_eq(random.index, 1);                                     // r.getstate()[1][624]
    assert_same_double(random_random(&same), 0x1.5d37d84ff84b9p-1, "random()"); // r.random()
}
END_TEST

// The new state is computed when its first word is needed, and not before: getstate() would show
// it.
START_TEST(used_up_state_waits_for_the_next_draw)
{
    Random random = seeded_42();
    draw_words(&random, 1);
    Random first = random;
    draw_words(&random, N - 1);
    ck_assert_uint_eq(random.index, N);
    ck_assert_mem_eq(random.state, first.state, sizeof first.state);
    assert_next_word(&random, 0x3fe12e47); // the word 624 of r.getrandbits(32)
    ck_assert_uint_eq(random.index, 1);
}
END_TEST

// r._randbelow(n) for several n in turn.
START_TEST(randbelow_draws_as_python_does)
{
    static const struct {
        uint64_t n, expected;
    } cases[] = {
        {1, 0},
        {2, 0},
        {3, 2},
        {4, 2},
        {5, 1},
        {7, 1},
        {8, 2},
        {9, 1},
        {26, 0x15},
        {27, 0x17},
        {100, 0x45},
        {255, 0x16},
        {256, 0xd8},
        {257, 0x10},
        {1000, 0x1e},
        {32257, 0xbfe},
        {0x80000000, 0x37f8a88b},
        {0xffffffff, 0x3b8faa18},
        {0x100000000, 0x8b8148f6},
        {0x100000001, 0x386ecbe0},
        {0x20000000000000, 0x11cde096da1dac},
        {0x8000000000000000, 0x28df6ec4ce4a2bbd},
        {0x8000000000000001, 0x6c307511b2b9437a},
        {0xffffffffffffffff, 0x47229389571aa876},
    };
    Random random = seeded_42();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(random_randbelow(&random, cases[i].n), cases[i].expected);
    }
    assert_next_word(&random, 0x27cd8130);
}
END_TEST

// Python uses n's bit length, not that of n - 1: for a power of two, half of the draws are
// rejected, and even r._randbelow(1) draws until a bit is 0.
START_TEST(randbelow_wastes_words_on_a_power_of_two)
{
    static const uint64_t powers[] = {1, 2, 4};
    static const uint64_t expected[3][8] = {
        {0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0, 0, 0}, {0, 0, 2, 1, 1, 1, 0, 0}};
    Random random = seeded_42();
    for (size_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(random_randbelow(&random, powers[_i]), expected[_i][i]);
    }
    ck_assert_uint_eq(random.index, 15); // 7 of the 8 draws were rejected
}
END_TEST

// x = list(range(n)); r.shuffle(x): x[0], x[n//2], x[-1], then r.getrandbits(32)
typedef struct ShuffleCase {
    int n;
    int first, middle, last;
    uint32_t next_word;
} ShuffleCase;

static const ShuffleCase shuffle_cases[] = {
    {0, 0, 0, 0, 0xa3b1799d},          {1, 0, 0, 0, 0xa3b1799d},
    {2, 1, 0, 0, 0x6671ad1},           {3, 1, 0, 2, 0x6671ad1},
    {27, 16, 14, 20, 0x96da1dac},      {255, 44, 204, 163, 0xa8b317fa},
    {256, 234, 217, 57, 0xa8b317fa},   {257, 235, 221, 57, 0xa8b317fa},
    {1000, 776, 927, 654, 0x68949b8d}, {5000, 1383, 816, 912, 0x214c0a4d},
};

enum {
    N_SHUFFLE_CASES = sizeof shuffle_cases / sizeof *shuffle_cases,
    MAX_SHUFFLED = 5000,
};

START_TEST(shuffle_gives_the_order_of_python)
{
    const ShuffleCase *c = &shuffle_cases[_i];
    static int items[MAX_SHUFFLED];
    for (int i = 0; i < c->n; i++) {
        items[i] = i;
    }
    Random random = seeded_42();
    random_shuffle(&random, items, (size_t)c->n, sizeof *items);
    if (c->n > 0) {
        ck_assert_int_eq(items[0], c->first);
        ck_assert_int_eq(items[c->n / 2], c->middle);
        ck_assert_int_eq(items[c->n - 1], c->last);
    }
    assert_next_word(&random, c->next_word);
}
END_TEST

START_TEST(shuffle_loses_nothing)
{
    const ShuffleCase *c = &shuffle_cases[_i];
    int items[MAX_SHUFFLED] = {0};
    bool seen[MAX_SHUFFLED] = {false};
    for (int i = 0; i < c->n; i++) {
        items[i] = i;
    }
    Random random = seeded_42();
    random_shuffle(&random, items, (size_t)c->n, sizeof *items);
    for (int i = 0; i < c->n; i++) {
        ck_assert(items[i] >= 0 && items[i] < c->n && !seen[items[i]]);
        seen[items[i]] = true;
    }
}
END_TEST

START_TEST(shuffle_of_nothing_needs_no_items)
{
    Random random = seeded_42();
    random_shuffle(&random, NULL, 0, sizeof(int));
    assert_next_word(&random, 0xa3b1799d); // r.getrandbits(32), the first
}
END_TEST

// x = list(range(10)); r.shuffle(x); bytes and structs are permuted in the same way.
START_TEST(shuffle_moves_items_of_any_size)
{
    static const int expected[10] = {7, 3, 2, 8, 5, 6, 9, 4, 0, 1};
    struct {
        char name[29]; // an odd size, with room for any int
    } structs[10];
    char bytes[10];
    for (int i = 0; i < 10; i++) {
        bytes[i] = (char)i;
        snprintf(structs[i].name, sizeof structs[i].name, "document number %d", i);
    }
    Random random = seeded_42();
    random_shuffle(&random, bytes, 10, sizeof *bytes);
    random = seeded_42();
    random_shuffle(&random, structs, 10, sizeof *structs);
    for (int i = 0; i < 10; i++) {
        char name[sizeof structs[i].name];
        snprintf(name, sizeof name, "document number %d", expected[i]);
        ck_assert_int_eq(bytes[i], expected[i]);
        ck_assert_str_eq(structs[i].name, name);
    }
}
END_TEST

// [r.gauss(0, 0.08) for _ in range(6)]: how the parameters are drawn.
typedef struct GaussCase {
    uint64_t seed;
    double numbers[6];
} GaussCase;

static const GaussCase gauss_cases[] = {
    {0,
     {0x1.3494d05382c7bp-4, -0x1.c9a1766e14d76p-4, -0x1.bd7529404bb32p-5, 0x1.e5a05e1b1c157p-6,
      -0x1.4d09864f2f70fp-4, -0x1.7a1ddb23cffecp-8}},
    {42,
     {-0x1.79b96220d7201p-7, -0x1.c541a459f41e7p-7, -0x1.23cecf65fb604p-7, 0x1.cc0d536a8e9edp-5,
      -0x1.4e770c3f7da0ep-7, -0x1.eaa71bb9ca361p-4}},
    {0x100000000, // 2**32
     {0x1.027e5b64ed3e3p-4, 0x1.bc55426d1d278p-5, 0x1.c0426d6e47e83p-4, 0x1.7921fac87f595p-7,
      0x1.92f817db0db5ep-6, -0x1.144b00e5de74ep-4}},
    {0xffffffffffffffff, // 2**64 - 1
     {0x1.26e23a1fafca2p-4, 0x1.458dd94ffd459p-7, 0x1.acbad639e9836p-6, 0x1.b7f4f8caf81b3p-4,
      0x1.141da6b25cdecp-4, -0x1.3188860a9b88dp-5}},
};

enum {
    N_GAUSS_CASES = sizeof gauss_cases / sizeof *gauss_cases,
};

START_TEST(gauss_gives_the_numbers_of_python)
{
    const GaussCase *c = &gauss_cases[_i];
    Random random;
    random_seed(&random, c->seed);
    for (size_t i = 0; i < 6; i++) {
        assert_same_double(random_gauss(&random, 0, 0.08), c->numbers[i], "gauss()");
    }
}
END_TEST

// [r.gauss(0, 0.08) for _ in range(1000)] at 310 .. 314, around a new state, and 999; then
// r.random()
START_TEST(gauss_goes_on_as_python_across_states)
{
    static const double around[5] = {0x1.6a527f526e1c8p-5, -0x1.0b005c61a11c4p-5,
                                     0x1.cdc809d8d9303p-14, 0x1.313e5d723021fp-5,
                                     0x1.ffe104aeb5557p-6};
    double numbers[1000];
    Random random = seeded_42();
    for (size_t i = 0; i < 1000; i++) {
        numbers[i] = random_gauss(&random, 0, 0.08);
    }
    assert_same_doubles(numbers + 310, around, 5, "gauss()");
    assert_same_double(numbers[999], -0x1.8a07d47e41976p-5, "gauss()");
    assert_same_double(random_random(&random), 0x1.96f4dff63c280p-4, "random()");
}
END_TEST

// [r.gauss(5, 2) for _ in range(4)]
START_TEST(gauss_scales_and_shifts_as_python)
{
    static const double expected[4] = {0x1.2d8e72b5657efp+2, 0x1.29de4b799b948p+2,
                                       0x1.31c066df8539dp+2, 0x1.99da9a4acfdb0p+2};
    Random random = seeded_42();
    for (size_t i = 0; i < 4; i++) {
        assert_same_double(random_gauss(&random, 5, 2), expected[i], "gauss()");
    }
}
END_TEST

// With any libm: the formula of Random.gauss with the two numbers that random() would return, z
// first and then the sum, each product rounded.
START_TEST(gauss_is_its_formula_over_two_uniform_numbers)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        Random random;
        random_seed(&random, seed);
        Random uniform = random;
        double x2pi = random_random(&uniform) * 6.283185307179586; // repr(math.tau)
        double g2rad = sqrt(-2.0 * log(1.0 - random_random(&uniform)));
        double cosine = cos(x2pi) * g2rad;
        double sine = sin(x2pi) * g2rad;
        cosine *= 0.08;
        sine *= 2.5;
        assert_same_double(random_gauss(&random, 0, 0.08), 0 + cosine, "first");
        assert_same_double(random_gauss(&random, -3, 2.5), -3 + sine, "second");
        assert_same_double(random_random(&random), random_random(&uniform), "random() after both");
    }
}
END_TEST

START_TEST(gauss_caches_its_second_number)
{
    Random random = seeded_42();
    random_gauss(&random, 0, 1);
    ck_assert(random.has_gauss);
    ck_assert_uint_eq(random.index, 4); // two random(), two words each
    double cached = random.gauss_next;
    assert_same_double(random_gauss(&random, 0, 1), cached, "the second number");
    ck_assert(!random.has_gauss);
    assert_same_double(random.gauss_next, 0.0, "an empty cache");
    ck_assert_uint_eq(random.index, 4);
}
END_TEST

// Only gauss() uses the cached number; other draws do not change it. The numbers: r.gauss(0, 1),
// r.random(), r.gauss(0, 1), r.gauss(0, 1)
START_TEST(gauss_keeps_its_second_number_across_other_draws)
{
    Random random = seeded_42();
    random_gauss(&random, 0, 1);
    double cached = random.gauss_next;
    assert_same_double(random_random(&random), 0x1.19a1491f589dcp-2, "random()");
    assert_same_double(random_gauss(&random, 0, 1), cached, "the second number");
    random_gauss(&random, 0, 1);
    ck_assert_uint_eq(random.index, 10); // 4 words, 2, none, 4
}
END_TEST

// The same, number by number; r.getstate()[2] after the first is the second.
START_TEST(gauss_mixed_with_random_is_that_of_python)
{
    Random random = seeded_42();
    assert_same_double(random_gauss(&random, 0, 1), -0x1.2718d4a9a8111p-3, "gauss()");
    assert_same_double(random.gauss_next, -0x1.621b486646b7cp-3, "gauss_next");
    assert_same_double(random_random(&random), 0x1.19a1491f589dcp-2, "random()");
    assert_same_double(random_gauss(&random, 0, 1), -0x1.621b486646b7cp-3, "gauss()");
    assert_same_double(random_gauss(&random, 0, 1), 0x1.182a56858b9e0p-2, "gauss()");
}
END_TEST

START_TEST(seeding_forgets_all_that_was)
{
    Random used;
    random_seed(&used, UINT64_MAX);
    random_gauss(&used, 0, 1);
    random_seed(&used, 42);
    Random fresh = seeded_42();
    assert_same_state(&used, &fresh);
}
END_TEST

// r.choices(range(len(weights)), weights)[0], 24 times
typedef struct ChoicesCase {
    const char *what;
    size_t n;
    double weights[27];
    size_t expected[24];
} ChoicesCase;

static const ChoicesCase choices_cases[] = {
    {"even weights", 5, {1, 1, 1, 1, 1}, {3, 0, 1, 1, 3, 3, 4, 0, 2, 0, 1, 2,
                                          0, 0, 3, 2, 1, 2, 4, 0, 4, 3, 1, 0}},
    {"zero weights are never chosen", 5, {0, 1, 0, 2, 0}, {3, 1, 1, 1, 3, 3, 3, 1, 3, 1, 1, 3,
                                                           1, 1, 3, 3, 1, 3, 3, 1, 3, 3, 3, 1}},
    {"a single weight", 1, {0.25}, {0}},
    {"rising weights, as many as the vocabulary has",
     27,
     {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
      15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27},
     {21, 3, 13, 12, 23, 22, 25, 7, 17, 4, 12, 19, 4, 11, 21, 19, 12, 20, 24, 1, 24, 22, 15, 10}},
    // random() * 5e-324 rounds up to the total as often as down to 0. The bisection then ends after
    // every weight, and only the limit n - 1 keeps the index in range.
    {"the last index is the cap", 3, {0x1p-1074, 0, 0}, {2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 2,
                                                         0, 0, 2, 2, 0, 2, 2, 0, 2, 2, 0, 0}},
};

enum {
    N_CHOICES_CASES = sizeof choices_cases / sizeof *choices_cases,
};

START_TEST(choices_are_those_of_python)
{
    const ChoicesCase *c = &choices_cases[_i];
    Random random = seeded_42();
    for (size_t i = 0; i < 24; i++) {
        size_t chosen = random_choices(&random, c->weights, c->n);
        ck_assert_msg(chosen == c->expected[i], "%s: choice %zu is %zu, expected %zu", c->what, i,
                      chosen, c->expected[i]);
    }
    // Each choice draws one random(), even if there is only one weight.
    assert_same_double(random_random(&random), 0x1.ea17d4f0dd167p-1, "random() after them");
}
END_TEST

// Returns a generator whose next random() starts with the bits of first_word and ends with those of
// second_word. The words are given as in the state, before tempering.
static Random about_to_give(uint32_t first_word, uint32_t second_word)
{
    Random random = {.state = {first_word, second_word}, .index = 0};
    return random;
}

enum {
    TEMPERS_TO_ZERO = 0,
    TEMPERS_TO_QUARTER = 0x4c019032, // to 0x40000000
};

static const uint32_t tempers_to_half = 0x80102204;     // to 0x80000000
static const uint32_t tempers_to_all_ones = 0x12dd9bb3; // to 0xffffffff

// random() is exactly at the border of two weights: bisect_right takes the upper one.
START_TEST(choices_on_a_border_take_the_next_index)
{
    static const double even[4] = {1, 1, 1, 1};
    static const double gap[4] = {1, 0, 0, 1};
    Random quarter = about_to_give(TEMPERS_TO_QUARTER, TEMPERS_TO_ZERO);
    Random half = about_to_give(tempers_to_half, TEMPERS_TO_ZERO);
    Random copy = half;
    assert_same_double(random_random(&copy), 0.5, "random()");
    ck_assert_uint_eq(random_choices(&quarter, even, 4), 1);
    copy = half;
    ck_assert_uint_eq(random_choices(&copy, even, 4), 2);
    ck_assert_uint_eq(random_choices(&half, gap, 4), 3);
}
END_TEST

START_TEST(choices_at_zero_skip_leading_zero_weights)
{
    static const double weights[4] = {0, 0, 1, 1};
    Random zero = about_to_give(TEMPERS_TO_ZERO, TEMPERS_TO_ZERO);
    Random copy = zero;
    assert_same_double(random_random(&copy), 0.0, "random()");
    ck_assert_uint_eq(random_choices(&zero, weights, 4), 2);
}
END_TEST

START_TEST(choices_at_the_largest_number_stay_below_a_trailing_zero_weight)
{
    static const double weights[3] = {1, 1, 0};
    Random largest = about_to_give(tempers_to_all_ones, tempers_to_all_ones);
    Random copy = largest;
    assert_same_double(random_random(&copy), 0x1.fffffffffffffp-1, "random()");
    ck_assert_uint_eq(random_choices(&largest, weights, 3), 1);
}
END_TEST

// Draws everything in turn: these numbers must be the same after a state is restored.
static void draw_everything(Random *random, double *numbers, size_t n)
{
    static const double weights[3] = {0.5, 0.25, 1};
    for (size_t i = 0; i < n; i++) {
        switch (i % 5) {
        case 0:
            numbers[i] = random_gauss(random, 0, 0.08);
            break;
        case 1:
            numbers[i] = (double)random_getrandbits(random, 53);
            break;
        case 2:
            numbers[i] = random_random(random);
            break;
        case 3:
            numbers[i] = (double)random_randbelow(random, 1000);
            break;
        default:
            numbers[i] = (double)random_choices(random, weights, 3);
            break;
        }
    }
}

// Returns a state to save: a new one (index 624), one with a cached number, one in the middle, and
// one that is used up (index 624 again) with a cached number.
static Random state_to_save(int which)
{
    Random random = seeded_42();
    if (which == 1 || which == 3) {
        random_gauss(&random, 0, 1);
    }
    if (which == 2) {
        draw_words(&random, 333);
    }
    if (which == 3) {
        draw_words(&random, N - 4);
        ck_assert_uint_eq(random.index, N);
        ck_assert(random.has_gauss);
    }
    return random;
}

START_TEST(restored_state_continues_as_the_saved_one)
{
    enum {
        N_DRAWS = 1000,
    };
    double expected[N_DRAWS];
    double actual[N_DRAWS];
    Random random = state_to_save(_i);
    Random saved = random;
    draw_everything(&random, expected, N_DRAWS);
    Random after = random;
    random_seed(&random, 7);
    random_gauss(&random, 0, 1);
    random = saved;
    draw_everything(&random, actual, N_DRAWS);
    assert_same_doubles(actual, expected, N_DRAWS, "draw");
    assert_same_state(&random, &after);
}
END_TEST

static TCase *uniform_tests(void)
{
    TCase *tcase = tcase_create("uniform");
    tcase_add_loop_test(tcase, random_gives_the_numbers_of_python, 0, N_SEED_CASES);
    tcase_add_test(tcase, seeded_state_is_that_of_getstate);
    tcase_add_test(tcase, drawing_changes_the_state_as_in_getstate);
    tcase_add_test(tcase, getrandbits_of_every_width_is_that_of_python);
    tcase_add_test(tcase, two_words_may_come_from_two_states);
    tcase_add_test(tcase, used_up_state_waits_for_the_next_draw);
    tcase_add_test(tcase, randbelow_draws_as_python_does);
    tcase_add_loop_test(tcase, randbelow_wastes_words_on_a_power_of_two, 0, 3);
    return tcase;
}

static TCase *shuffle_tests(void)
{
    TCase *tcase = tcase_create("shuffle");
    tcase_add_loop_test(tcase, shuffle_gives_the_order_of_python, 0, N_SHUFFLE_CASES);
    tcase_add_loop_test(tcase, shuffle_loses_nothing, 0, N_SHUFFLE_CASES);
    tcase_add_test(tcase, shuffle_of_nothing_needs_no_items);
    tcase_add_test(tcase, shuffle_moves_items_of_any_size);
    return tcase;
}

static TCase *gauss_tests(void)
{
    TCase *tcase = tcase_create("gauss");
    tcase_add_test(tcase, gauss_is_its_formula_over_two_uniform_numbers);
    tcase_add_test(tcase, gauss_caches_its_second_number);
    tcase_add_test(tcase, gauss_keeps_its_second_number_across_other_draws);
    if (libm_is_golden_or_say("the bits of gauss()")) {
        tcase_add_loop_test(tcase, gauss_gives_the_numbers_of_python, 0, N_GAUSS_CASES);
        tcase_add_test(tcase, gauss_goes_on_as_python_across_states);
        tcase_add_test(tcase, gauss_scales_and_shifts_as_python);
        tcase_add_test(tcase, gauss_mixed_with_random_is_that_of_python);
    }
    return tcase;
}

static TCase *choices_tests(void)
{
    TCase *tcase = tcase_create("choices");
    tcase_add_loop_test(tcase, choices_are_those_of_python, 0, N_CHOICES_CASES);
    tcase_add_test(tcase, choices_on_a_border_take_the_next_index);
    tcase_add_test(tcase, choices_at_zero_skip_leading_zero_weights);
    tcase_add_test(tcase, choices_at_the_largest_number_stay_below_a_trailing_zero_weight);
    return tcase;
}

static TCase *state_tests(void)
{
    TCase *tcase = tcase_create("state");
    tcase_add_test(tcase, seeding_forgets_all_that_was);
    tcase_add_loop_test(tcase, restored_state_continues_as_the_saved_one, 0, 4);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("random");
    suite_add_tcase(suite, uniform_tests());
    suite_add_tcase(suite, shuffle_tests());
    suite_add_tcase(suite, gauss_tests());
    suite_add_tcase(suite, choices_tests());
    suite_add_tcase(suite, state_tests());
    return run_suite(suite);
}
