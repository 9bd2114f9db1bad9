// Compares Adam's kernels with microgpt.py's formula and libm's pow, bit for bit: every SIMD level,
// usual and unusual gradients and settings, early and late steps, every length.
#include <stdio.h>

#include "check_more.h"
#include "kernels/adam_kernels.h"
#include "kernels/exactmath.h"
#include "kernels/random_inputs.h"

enum {
    N_MAX = 300,
    MOST_LANES = 8,
};

// Parameters and moments: what an update changes.
typedef struct State {
    double p[N_MAX];
    double m[N_MAX];
    double v[N_MAX];
} State;

// microgpt.py's settings.
static const AdamConfig usual_config = {
    .learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8};

// Through a pointer that the compiler must read, so that it cannot replace the call.
static double (*volatile libm_pow)(double, double) = pow;

// Computes the update by its definition. Returns false if a square is not finite.
static bool update_plainly(State *s, const double *g, size_t n, const AdamStep *step)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        double square = libm_pow(g[i], 2);
        s->m[i] = step->beta1 * s->m[i] + step->one_minus_beta1 * g[i];
        s->v[i] = step->beta2 * s->v[i] + step->one_minus_beta2 * square;
        double m_hat = s->m[i] / step->correction1;
        double v_hat = s->v[i] / step->correction2;
        s->p[i] -= step->lr_t * m_hat / (libm_pow(v_hat, 0.5) + step->eps);
        finite = finite && isfinite(square);
    }
    return finite;
}

static void assert_same_numbers(const double *actual, const double *expected, size_t n,
                                const char *what, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        if (!same_number(actual[i], expected[i])) {
            ck_abort_msg("%s: %s[%zu] of %zu is %a, expected %a", where, what, i, n, actual[i],
                         expected[i]);
        }
    }
}

// Computes one update with the kernels of a level and one by definition. Returns whether training
// can continue: all squares are finite, and both must agree on this.
static bool update_both(SimdLevel level, State *actual, State *expected, const double *g, size_t n,
                        const AdamStep *step, const char *where)
{
    bool right = update_plainly(expected, g, n, step);
    size_t n_asked = 0;
    bool ok = adam_update(level, actual->p, g, actual->m, actual->v, n, step, &n_asked);
    ck_assert_msg(ok == right, "%s: the squares of the gradients are %s", where,
                  right ? "finite" : "not finite");
    if (!right) {
        return false;
    }
    assert_same_numbers(actual->p, expected->p, n, "p", where);
    assert_same_numbers(actual->m, expected->m, n, "m", where);
    assert_same_numbers(actual->v, expected->v, n, "v", where);
    return true;
}

// The kinds of gradients that a run can have.
typedef enum GradientKind {
    GRADIENTS_USUAL,
    GRADIENTS_MOSTLY_ZERO, // like those of rare letters
    GRADIENTS_OF_ALL_SIZES,
    GRADIENTS_NEAR_UNDERFLOW, // around where squares become subnormal
    GRADIENTS_NEAR_OVERFLOW,  // squares that overflow now and then
    N_GRADIENT_KINDS,
} GradientKind;

static double random_gradient(GradientKind kind)
{
    switch (kind) {
    case GRADIENTS_USUAL:
        return random_sign() * random_size(-20, 0);
    case GRADIENTS_MOSTLY_ZERO:
        return random_below(8) == 0 ? random_sign() * 0.01 * random_unit() : random_sign() * 0.0;
    case GRADIENTS_OF_ALL_SIZES:
        return random_sign() * random_size(-1074, 511);
    case GRADIENTS_NEAR_UNDERFLOW:
        return random_sign() * random_size(-600, -400);
    default:
        return random_sign() * random_size(0, 512.01);
    }
}

static double choose(const double *from, size_t n)
{
    return from[random_below(n)];
}

// Returns microgpt.py's settings half of the time, and otherwise random ones.
static AdamConfig random_config(void)
{
    static const double beta1[] = {0.85, 0.85, 0.85, 0.9, 0.0, 0.999, 0.5};
    static const double beta2[] = {0.99, 0.99, 0.99, 0.999, 0.0, 0.5, 0.95};
    static const double eps[] = {1e-8, 1e-8, 1e-8, 1e-8, 1.0, 1e-30, 1e-300, 0x1p-64, 0x1p70};
    AdamConfig config = {
        .learning_rate = random_below(4) > 0 ? 0.01 : random_size(-90, 10),
        .beta1 = choose(beta1, sizeof beta1 / sizeof *beta1),
        .beta2 = choose(beta2, sizeof beta2 / sizeof *beta2),
        .eps_adam = choose(eps, sizeof eps / sizeof *eps),
    };
    return config;
}

static void start_state(State *state)
{
    *state = (State){{0}, {0}, {0}};
    for (size_t i = 0; i < N_MAX; i++) {
        state->p[i] = random_below(16) == 0 ? 0.0 : random_unit() - 0.5;
    }
}

// Does one run with random settings, until a square is not finite.
static void check_run(SimdLevel level, GradientKind kind, size_t n_steps)
{
    State expected;
    State actual;
    double g[N_MAX];
    size_t n = 1 + random_below(N_MAX);
    AdamConfig config = random_config();
    start_state(&expected);
    actual = expected;
    for (size_t step = 0; step < n_steps; step++) {
        char where[64];
        snprintf(where, sizeof where, "%s, kind %d, step %zu", simd_name(level), (int)kind, step);
        for (size_t i = 0; i < n; i++) {
            g[i] = random_gradient(kind);
        }
        AdamStep numbers = adam_step_numbers(&config, step, n_steps);
        if (!update_both(level, &actual, &expected, g, n, &numbers, where)) {
            return;
        }
    }
}

// _i counts levels and kinds of gradients.
START_TEST(random_runs_follow_the_formula)
{
    SimdLevel level = (SimdLevel)(_i / N_GRADIENT_KINDS);
    GradientKind kind = (GradientKind)(_i % N_GRADIENT_KINDS);
    int n_runs = is_quick() ? 4 : 40;
    random_start((uint64_t)kind); // the same run for all levels
    for (int run = 0; run < n_runs && simd_has(level); run++) {
        check_run(level, kind, 60);
    }
}
END_TEST

// Every other gradient is 0 after the first step, like those of rare letters: their moments become
// subnormal, then 0. Both corrections become 1.
START_TEST(a_long_run_follows_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    enum {
        N = 5 * MOST_LANES,
        N_STEPS = 6000
    };
    State expected;
    State actual;
    double g[N];
    random_start(2);
    start_state(&expected);
    actual = expected;
    for (size_t step = 0; step < N_STEPS && simd_has(level); step++) {
        char where[64];
        snprintf(where, sizeof where, "%s, step %zu", simd_name(level), step);
        for (size_t i = 0; i < N; i++) {
            bool is_rare = i % 2 == 1 && step > 0;
            g[i] = is_rare ? 0.0 : random_gradient(GRADIENTS_USUAL);
        }
        AdamStep numbers = adam_step_numbers(&usual_config, step, N_STEPS);
        update_both(level, &actual, &expected, g, N, &numbers, where);
    }
}
END_TEST

// Extreme numbers, in all combinations: gradient, moments, parameter.
static const double edges[] = {
    0.0,     -0.0,     0x1p-1074, -0x1p-1074, 0x1p-1022, -0x1.8p-540, 0x1p-400,
    0x1p-64, -0x1p-64, 0x1p-65,   1e-8,       0.5,       -1.0,        3.7,
    0x1p60,  -0x1p119, 0x1p121,   -0x1p300,   0x1p511,   0x1p700,
};

enum {
    N_EDGES = sizeof edges / sizeof *edges,
};

START_TEST(numbers_at_the_edges_follow_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    AdamStep numbers = adam_step_numbers(&usual_config, 3, 10);
    for (size_t i = 0; i < N_EDGES * N_EDGES * N_EDGES && simd_has(level); i++) {
        State expected = {{0}, {0}, {0}};
        State actual;
        double g[N_EDGES];
        size_t n = N_EDGES - 1; // the last one's square is too large
        for (size_t j = 0; j < n; j++) {
            g[j] = edges[j];
            expected.p[j] = edges[i % N_EDGES];
            expected.m[j] = edges[i / N_EDGES % N_EDGES];
            expected.v[j] = fabs(edges[i / N_EDGES / N_EDGES]); // never negative
        }
        actual = expected;
        update_both(level, &actual, &expected, g, n, &numbers, simd_name(level));
    }
}
END_TEST

// Early corrections are close to 0; late ones approach 1 in steps of 2^-53, and only the last few
// of these are unsuitable for division by the kernels' reciprocal.
START_TEST(corrections_near_0_and_1_follow_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    static const double corrections[] = {
        0x1p-53, 0x1.8p-50, 0x1p-30, 0.15, 0.3, 0x1.fffffffffffffp-3, 0x1.fffffffffffffp-2,
    };
    random_start(3);
    for (int i = 0; i < 40 && simd_has(level); i++) {
        double correction = i < 7 ? corrections[i] : 1 - (i - 7) * 0x1p-53;
        AdamStep numbers = {0.85, 0.99, 1 - 0.85, 1 - 0.99, correction, correction, 0.01, 1e-8};
        State expected;
        State actual;
        double g[N_MAX];
        char where[64];
        snprintf(where, sizeof where, "%s, corrections %a", simd_name(level), correction);
        start_state(&expected);
        actual = expected;
        for (int step = 0; step < 20; step++) {
            for (size_t j = 0; j < N_MAX; j++) {
                g[j] = random_gradient(GRADIENTS_USUAL);
            }
            update_both(level, &actual, &expected, g, N_MAX, &numbers, where);
        }
    }
}
END_TEST

// The longest mantissas, for which a division by a reciprocal fails first.
START_TEST(quotients_of_long_mantissas_follow_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    random_start(4);
    for (int i = 0; i < 400 && simd_has(level); i++) {
        double correction = 1 - (double)random_below(64) * 0x1p-53;
        // With beta1 0 and beta2 0, m is the gradient and p the quotient, so all their bits are
        // visible.
        AdamStep numbers = {0.0, 0.0, 1.0, 1.0, correction, 1 - 0x1p-53 * (i % 32), 1.0, 1e-8};
        State expected = {{0}, {0}, {0}};
        State actual = expected;
        double g[N_MAX];
        for (size_t j = 0; j < N_MAX; j++) {
            g[j] = random_sign() * (2 - (double)random_below(64) * 0x1p-52);
        }
        update_both(level, &actual, &expected, g, N_MAX, &numbers, simd_name(level));
    }
}
END_TEST

// Parameters and their mean are so tiny that quotients lose bits to underflow, and these bits are
// visible.
START_TEST(tiny_numbers_follow_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    static const double corrections[][2] = {{0.3, 0.4}, {1, 0.4}, {1, 1}};
    random_start(7);
    for (int i = 0; i < 300 && simd_has(level); i++) {
        const double *c = corrections[i % 3];
        AdamStep numbers = {0.85, 0.99, 1 - 0.85, 1 - 0.99, c[0], c[1], 0.01, 1e-8};
        State expected;
        State actual;
        double g[N_MAX] = {0};
        for (size_t j = 0; j < N_MAX; j++) {
            int exponent = -(int)random_below(400) - 700;
            expected.p[j] = j % 3 == 0 ? 0.0 : ldexp(random_unit(), exponent);
            expected.m[j] = random_sign() * ldexp(random_unit(), exponent + (int)random_below(20));
            expected.v[j] = random_unit() * 1e-3;
        }
        actual = expected;
        update_both(level, &actual, &expected, g, N_MAX, &numbers, simd_name(level));
    }
}
END_TEST

// Returns how far a gradient's exact square is from the midpoint of two doubles, from 0 to 1/2 of
// their distance, which for subnormal squares is 2^-1074.
static double distance_from_middle(double g)
{
    long double square = (long double)g * g;
    int exponent;
    frexpl(square, &exponent);
    int last_place = exponent - 53 < -1074 ? -1074 : exponent - 53;
    long double places = ldexpl(square, -last_place);
    return (double)fabsl(places - floorl(places) - 0.5L);
}

// Returns the one of several gradients with this exponent whose square libm is most likely to round
// differently.
static double hard_gradient(int exponent)
{
    double hardest = 0;
    double least_distance = 1;
    for (int i = 0; i < 8; i++) {
        double g = ldexp(random_sign() * (1 + random_unit()), exponent);
        double distance = distance_from_middle(g);
        if (distance < least_distance) {
            least_distance = distance;
            hardest = g;
        }
    }
    return hardest;
}

// Checks gradients of an exponent, with every v whose last bits their squares can change, and with
// some that they cannot change. With beta2 0, v is the square.
static void check_exponent(SimdLevel level, int exponent)
{
    State expected;
    State actual;
    double g[N_MAX];
    char where[64];
    snprintf(where, sizeof where, "%s, gradients of 2^%d", simd_name(level), exponent);
    start_state(&expected);
    for (size_t i = 0; i < N_MAX; i++) {
        g[i] = hard_gradient(exponent);
        expected.v[i] = ldexp(random_unit(), 2 * exponent - 60 + (int)random_below(130));
    }
    actual = expected;
    AdamStep numbers = adam_step_numbers(&usual_config, random_below(1000), 1000);
    if (random_below(2) == 0) {
        numbers.beta2 = 0;
        numbers.one_minus_beta2 = 1;
    }
    update_both(level, &actual, &expected, g, N_MAX, &numbers, where);
}

// From the smallest subnormal gradient to the largest whose square is finite.
START_TEST(gradients_of_every_exponent_follow_the_formula)
{
    SimdLevel level = (SimdLevel)_i;
    random_start(8);
    for (int exponent = -1074; exponent < 512 && simd_has(level); exponent++) {
        // Squares become subnormal, and in vectors the rest does before.
        bool is_edge = exponent > -516 && exponent < -476;
        for (int i = 0; i < (is_edge ? 40 : 1); i++) {
            check_exponent(level, exponent);
        }
    }
}
END_TEST

// Whether this level's kernels compute without libm. If that is because of libm, says that this is
// skipped.
static bool has_own_kernels(SimdLevel level, const char *what)
{
    if (EXACT_MARGIN >= 0.5) {
        printf("skipped: %s (with this libm, the kernels leave everything to it)\n", what);
    }
    return EXACT_MARGIN < 0.5 && simd_has(level);
}

// Tests that the kernels do not leave everything to libm, with a v that tiny gradients cannot
// change. The learning rate is 0, so that no p is in doubt.
START_TEST(libm_is_not_asked_about_tiny_gradients)
{
    SimdLevel level = (SimdLevel)_i;
    AdamStep numbers = adam_step_numbers(&usual_config, 1000, 2000);
    numbers.lr_t = 0;
    random_start(9);
    bool has_kernels = has_own_kernels(level, "tiny gradients");
    for (int exponent = -1074; exponent <= -64 && has_kernels; exponent++) {
        enum {
            N = 8 * 32 // whole vectors and blocks
        };
        State state;
        double g[N];
        size_t n_asked = 0;
        start_state(&state);
        for (size_t i = 0; i < N; i++) {
            state.p[i] = 0.1;
            state.v[i] = ldexp(1 + random_unit(), exponent < -432 ? -800 : 2 * exponent + 64);
            g[i] = hard_gradient(exponent);
        }
        adam_update(level, state.p, g, state.m, state.v, N, &numbers, &n_asked);
        ck_assert_msg(n_asked == 0, "%s: asked about %zu of %d gradients of 2^%d", simd_name(level),
                      n_asked, N, exponent);
    }
}
END_TEST

// About one parameter in 1,000 at most, because of its square or its root.
START_TEST(libm_is_asked_about_few_usual_gradients)
{
    SimdLevel level = (SimdLevel)_i;
    enum {
        N = 8 * 32, // whole vectors and blocks
        N_STEPS = 2000,
    };
    State state;
    size_t n_asked = 0;
    random_start(10);
    start_state(&state);
    bool has_kernels = has_own_kernels(level, "usual gradients");
    for (size_t step = 0; step < N_STEPS && has_kernels; step++) {
        AdamStep numbers = adam_step_numbers(&usual_config, step, N_STEPS);
        double g[N];
        for (size_t i = 0; i < N; i++) {
            g[i] = (random_unit() - 0.5) * 0.01;
        }
        adam_update(level, state.p, g, state.m, state.v, N, &numbers, &n_asked);
    }
    ck_assert_msg(n_asked * 1000 < N * N_STEPS, "%s: asked %zu times", simd_name(level), n_asked);
}
END_TEST

START_TEST(every_length_is_updated_and_nothing_behind_it)
{
    SimdLevel level = (SimdLevel)_i;
    random_start(5);
    for (size_t n = 0; n <= 20 * MOST_LANES && simd_has(level); n++) {
        State expected;
        State actual;
        double g[N_MAX];
        for (size_t i = 0; i < N_MAX; i++) {
            g[i] = random_gradient(GRADIENTS_USUAL);
        }
        start_state(&expected);
        actual = expected;
        for (size_t step = 0; step < 3; step++) {
            AdamStep numbers = adam_step_numbers(&usual_config, step, 3);
            update_both(level, &actual, &expected, g, n, &numbers, simd_name(level));
        }
        ck_assert_int_eq(memcmp(&actual, &expected, sizeof actual), 0); // all N_MAX of them
    }
}
END_TEST

// Tests every index, in a vector and after the last vector.
START_TEST(a_square_that_is_not_finite_is_noticed)
{
    SimdLevel level = (SimdLevel)_i;
    static const double bad[] = {NAN, INFINITY, -INFINITY, 0x1p512, -0x1.7p600, 0x1.fp511};
    AdamStep numbers = adam_step_numbers(&usual_config, 0, 1000);
    const size_t n = 9 * MOST_LANES + 3;
    for (size_t i = 0; i < n * 6 && simd_has(level); i++) {
        State state = {{0}, {0}, {0}};
        double g[N_MAX] = {0};
        bool expected = isfinite(libm_pow(bad[i % 6], 2));
        g[i / 6] = bad[i % 6];
        size_t n_asked = 0;
        bool ok = adam_update(level, state.p, g, state.m, state.v, n, &numbers, &n_asked);
        ck_assert_msg(ok == expected, "%s: a gradient of %a at %zu", simd_name(level), bad[i % 6],
                      i / 6);
    }
}
END_TEST

START_TEST(a_single_parameter_follows_the_formula)
{
    random_start(6);
    for (int i = 0; i < (is_quick() ? 2000 : 100000); i++) {
        AdamConfig config = random_config();
        AdamStep numbers = adam_step_numbers(&config, random_below(1000), 1000);
        double g = random_gradient((GradientKind)random_below(N_GRADIENT_KINDS));
        State expected = {{random_unit() - 0.5}, {random_unit() * g}, {random_unit() * g * g}};
        State actual = expected;
        bool right = update_plainly(&expected, &g, 1, &numbers);
        bool ok = adam_update_one(actual.p, g, actual.m, actual.v, &numbers);
        ck_assert_msg(ok == right, "gradient %a: a finite square or not", g);
        assert_same_numbers(actual.p, expected.p, 1, "p", "one");
        assert_same_numbers(actual.m, expected.m, 1, "m", "one");
        assert_same_numbers(actual.v, expected.v, 1, "v", "one");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adam kernels");
    TCase *tcase = tcase_create("adam kernels");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_loop_test(tcase, random_runs_follow_the_formula, 0,
                        (int)N_SIMD_LEVELS * (int)N_GRADIENT_KINDS);
    tcase_add_loop_test(tcase, a_long_run_follows_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, numbers_at_the_edges_follow_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, corrections_near_0_and_1_follow_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, quotients_of_long_mantissas_follow_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, tiny_numbers_follow_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, gradients_of_every_exponent_follow_the_formula, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, libm_is_not_asked_about_tiny_gradients, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, libm_is_asked_about_few_usual_gradients, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, every_length_is_updated_and_nothing_behind_it, 0, N_SIMD_LEVELS);
    tcase_add_loop_test(tcase, a_square_that_is_not_finite_is_noticed, 0, N_SIMD_LEVELS);
    tcase_add_test(tcase, a_single_parameter_follows_the_formula);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
