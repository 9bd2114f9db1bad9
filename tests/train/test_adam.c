// The optimiser: its numbers, bit for bit, and gradients near the limits of doubles.
//
// Numbers come from the update of microgpt.py's training loop, in CPython. On every machine, all
// results are also compared with the formula, written with libm's pow.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "golden_libm.h"
#include "microgpt/adam.h"

enum {
    N_PARAMS = 5,
    N_STEPS = 4,
    NUM_STEPS = 5, // over which the learning rate falls
    N_MANY_PARAMS = 20001,
};

static const AdamConfig default_config = {
    .learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8};

static Model model;
static Adam adam;

// Makes a model of n_params = 2V + 1 parameters, all zero.
static void open_adam(const AdamConfig *config, size_t n_params)
{
    Error error = {""};
    const ModelConfig shape = {
        .n_embd = 1, .n_head = 1, .block_size = 1, .vocab_size = (int)(n_params - 1) / 2};
    ck_assert_msg(model_init(&model, &shape, &error), "%s", error.message);
    ck_assert_uint_eq(model.n_params, n_params);
    ck_assert_msg(adam_init(&adam, config, model.n_params, &error), "%s", error.message);
}

static void close_adam(void)
{
    adam_free(&adam);
    model_free(&model);
}

// The plain loop and the kernels; all tests of steps use both.
static bool (*const step_functions[])(Adam *, Model *, size_t, size_t, Error *) = {
    adam_step,
    adam_step_simd,
};

enum {
    N_STEP_FUNCTIONS = 2,
};

static void step(int function, size_t step_id, size_t num_steps)
{
    Error error = {""};
    bool ok = step_functions[function](&adam, &model, step_id, num_steps, &error);
    ck_assert_msg(ok, "%s", error.message);
}

// Gradients that are zero, ordinary, huge (the square is still finite), or tiny (the square is 0 or
// the smallest double).
static const double grads[N_STEPS][N_PARAMS] = {
    {0.0, 0.3, 2.759, 1e150, 1e-200},
    {0.0, -0.7, 0.0, -3e-5, 1e-200},
    {0.0, 0.0, -9.26, 5e100, -0.0},
    {0.125, 1e-8, 1.5, -1e153, 3e-160},
};

static const double first_data[N_PARAMS] = {0.5, -0.25, 0.08, -0.0, 1e-9};

typedef struct Expected {
    double data[N_PARAMS];
    double m[N_PARAMS];
    double v[N_PARAMS];
} Expected;

// float.hex() of p.data, m[i], v[i] after each step, with num_steps = 5 and these gradients as
// p.grad.
static const Expected golden[N_STEPS] = {
    {{0x1.0000000000000p-1, -0x1.0a3d709e1d065p-2, 0x1.1eb851ee02bfcp-4, -0x1.47ae147ae147bp-7,
      0x1.12e0be826d695p-30},
     {0x0.0p+0, 0x1.70a3d70a3d70bp-5, 0x1.a7c84b5dcc640p-2, 0x1.7763fd12d81a0p+495,
      0x1.d64af4cc52936p-668},
     {0x0.0p+0, 0x1.d7dbf487fcb99p-11, 0x1.37ca7457eba49p-4, 0x1.e94c85c298c53p+989, 0x0.0p+0}},
    {{0x1.0000000000000p-1, -0x1.06965192081f1p-2, 0x1.095fe015573f5p-4, -0x1.f271a34ef62e6p-7,
      0x1.12e0be826d695p-30},
     {0x0.0p+0, -0x1.116872b020c4ap-4, 0x1.68370cdc87550p-2, 0x1.3f14fd8337afbp+495,
      0x1.b30555a365fb8p-667},
     {0x0.0p+0, 0x1.7b84db9c73690p-8, 0x1.34ac451999ed2p-4, 0x1.e467ead2921f6p+989, 0x0.0p+0}},
    {{0x1.0000000000000p-1, -0x1.0487ee46ab206p-2, 0x1.15c44472a04eep-4, -0x1.2948c08d0f395p-6,
      0x1.12e0be826d695p-30},
     {0x0.0p+0, -0x1.d0cb295e9e1b1p-5, -0x1.1709ce4a7b4e6p+0, 0x1.0f383de2bc222p+495,
      0x1.71c488cae37c3p-667},
     {0x0.0p+0, 0x1.77b94a0e16189p-8, 0x1.dd39da48e5e07p-1, 0x1.df8fd68de7b39p+989, 0x0.0p+0}},
    {{0x1.fd72cf919232fp-2, -0x1.03712ca065099p-2, 0x1.1aad09c213cdep-4, -0x1.007c259727c9ep-6,
      0x1.12e0be826d695p-30},
     {0x1.3333333333334p-6, -0x1.8b13158f11082p-5, -0x1.672a451838054p-1, -0x1.6e5e02ca73a7dp+505,
      0x1.43ebfaa3be369p-533},
     {0x1.47ae147ae1480p-13, 0x1.73f76fb6e7cb9p-8, 0x1.e3f9462e91a88p-1, 0x1.d2a1dbec8b87cp+1009,
      0x0.00000000000b6p-1022}},
};

START_TEST(four_steps_give_pythons_numbers)
{
    if (!libm_is_golden()) {
        printf("steps: not compared, another libm than the numbers'\n");
        return;
    }
    open_adam(&default_config, N_PARAMS);
    memcpy(model.data, first_data, sizeof first_data);
    for (size_t i = 0; i < N_STEPS; i++) {
        memcpy(model.grad, grads[i], sizeof grads[i]);
        step(_i, i, NUM_STEPS);
        assert_same_doubles(model.data, golden[i].data, N_PARAMS, "data");
        assert_same_doubles(adam.m, golden[i].m, N_PARAMS, "m");
        assert_same_doubles(adam.v, golden[i].v, N_PARAMS, "v");
    }
    assert_same_doubles(model.grad, grads[N_STEPS - 1], N_PARAMS, "grad");
    close_adam();
}
END_TEST

// Through a pointer that the compiler must read, so that it cannot replace the call.
static double (*volatile libm_pow)(double, double) = pow;

// The lines of microgpt.py for one parameter.
static void plain_step(double grad, size_t step_id, double num_steps, double *data, double *m,
                       double *v)
{
    const AdamConfig *c = &default_config;
    double lr_t = c->learning_rate * (1 - (double)step_id / num_steps);
    double n = (double)(step_id + 1);
    *m = c->beta1 * *m + (1 - c->beta1) * grad;
    *v = c->beta2 * *v + (1 - c->beta2) * libm_pow(grad, 2);
    double m_hat = *m / (1 - libm_pow(c->beta1, n));
    double v_hat = *v / (1 - libm_pow(c->beta2, n));
    *data -= lr_t * m_hat / (libm_pow(v_hat, 0.5) + c->eps_adam);
}

// Many gradients, because pow differs from x*x and from sqrt(x) for only one input in a thousand.
START_TEST(every_parameter_takes_the_plain_step)
{
    static double data[N_MANY_PARAMS];
    static double m[N_MANY_PARAMS];
    static double v[N_MANY_PARAMS];
    open_adam(&default_config, N_MANY_PARAMS);
    for (size_t step_id = 0; step_id < 3; step_id++) {
        for (size_t i = 0; i < N_MANY_PARAMS; i++) {
            model.grad[i] = ((double)i - (double)N_MANY_PARAMS / 2) * (0.001 + (double)step_id);
            plain_step(model.grad[i], step_id, 3, &data[i], &m[i], &v[i]);
        }
        step(_i, step_id, 3);
        ck_assert_int_eq(memcmp(model.data, data, sizeof data), 0);
        ck_assert_int_eq(memcmp(adam.m, m, sizeof m), 0);
        ck_assert_int_eq(memcmp(adam.v, v, sizeof v), 0);
    }
    close_adam();
}
END_TEST

START_TEST(a_gradient_of_zero_changes_nothing_at_first)
{
    open_adam(&default_config, N_PARAMS);
    memcpy(model.data, first_data, sizeof first_data);
    step(_i, 0, NUM_STEPS);
    assert_same_doubles(model.data, first_data, N_PARAMS, "data");
    assert_same_doubles(adam.m, (double[N_PARAMS]){0}, N_PARAMS, "m");
    close_adam();
}
END_TEST

// With both betas 0, a gradient of 1 makes a step of lr_t / (1 + eps).
START_TEST(the_learning_rate_falls_linearly)
{
    const AdamConfig config = {.learning_rate = 0.5, .eps_adam = 0x1p-60};
    open_adam(&config, N_PARAMS);
    model.grad[0] = 1;
    const double expected[] = {-0.5, -0.875, -1.125, -1.25}; // 1/2 * (1 + 3/4 + 2/4 + 1/4)
    for (size_t i = 0; i < 4; i++) {
        step(_i, i, 4);
        assert_same_double(model.data[0], expected[i], "data[0]");
    }
    close_adam();
}
END_TEST

// The squares of the first two overflow, for which Python raises OverflowError.
START_TEST(a_gradient_whose_square_is_no_number_is_an_error)
{
    const double too_large[] = {1e155, -1e200, INFINITY, NAN};
    Error error = {""};
    open_adam(&default_config, N_PARAMS);
    model.grad[3] = too_large[_i % 4];
    ck_assert(!step_functions[_i / 4](&adam, &model, 0, NUM_STEPS, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "gradient"));
    close_adam();
}
END_TEST

START_TEST(moments_start_at_zero_and_are_freed)
{
    open_adam(&default_config, N_PARAMS);
    const double zeros[N_PARAMS] = {0};
    ck_assert_uint_eq(adam.n_params, N_PARAMS);
    assert_same_doubles(adam.m, zeros, N_PARAMS, "m");
    assert_same_doubles(adam.v, zeros, N_PARAMS, "v");
    adam_free(&adam);
    ck_assert_ptr_null(adam.m);
    close_adam(); // a zeroed Adam can be freed again
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("adam");
    TCase *tcase = tcase_create("adam");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_loop_test(tcase, four_steps_give_pythons_numbers, 0, N_STEP_FUNCTIONS);
    tcase_add_loop_test(tcase, every_parameter_takes_the_plain_step, 0, N_STEP_FUNCTIONS);
    tcase_add_loop_test(tcase, a_gradient_of_zero_changes_nothing_at_first, 0, N_STEP_FUNCTIONS);
    tcase_add_loop_test(tcase, the_learning_rate_falls_linearly, 0, N_STEP_FUNCTIONS);
    tcase_add_loop_test(tcase, a_gradient_whose_square_is_no_number_is_an_error, 0,
                        4 * N_STEP_FUNCTIONS);
    tcase_add_test(tcase, moments_start_at_zero_and_are_freed);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
