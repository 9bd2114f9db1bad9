// Compares the engines: the tensor engine at every SIMD level of this processor with a scalar run.
// After every step, the loss, gradients and parameters must have the same bits, and so must the
// samples.
//
// It uses the default run, random model shapes and data sets, and extremes of both. With the
// argument `torture` it does the default run for 100,000 steps, and nothing else.
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/lockstep.h"
#include "check_more.h"
#include "kernels/random_inputs.h"
#include "tensor/tensor_plain.h"
#include "tensor/tensor_wide.h"

enum {
    N_SHAPES = 200,
    N_QUICK_SHAPES = 12,
    N_STEPS_PER_SHAPE = 20,
    MOST_TEXT = 1 << 14,
};

// A scalar run, and the same run with the tensor engine at every level.
typedef struct Check {
    Lockstep lockstep;
    RunOptions options;
    const char *names[LOCKSTEP_MAX_RUNS];
    const char *title; // the beginning of a message
} Check;

static void open_check(Check *check, const char *title, const RunOptions *options)
{
    RunOptions runs[LOCKSTEP_MAX_RUNS];
    size_t n_runs = 1;
    Error error = {""};
    check->title = title;
    check->options = *options;
    check->names[0] = "scalar";
    runs[0] = *options;
    runs[0].engine = ENGINE_SCALAR;
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (simd_has(level)) {
            check->names[n_runs] = simd_name(level);
            runs[n_runs] = *options;
            runs[n_runs].engine = ENGINE_TENSOR;
            runs[n_runs].simd = level;
            n_runs++;
        }
    }
    bool ok = lockstep_open(&check->lockstep, runs, n_runs, &error);
    ck_assert_msg(ok, "%s: %s", title, error.message);
}

static void close_check(Check *check)
{
    lockstep_close(&check->lockstep);
}

static void assert_no_difference(const Check *check, const LockstepDifference *difference)
{
    if (difference->found) {
        ck_abort_msg("%s: step %zu: %s differs: scalar %a, simd %s %a", check->title,
                     difference->step, difference->what, difference->numbers[0],
                     check->names[difference->run], difference->numbers[1]);
    }
}

// If the scalar run stopped (because its loss overflowed), every other run must have stopped at the
// same step and for the same reason.
static void assert_all_stop(Check *check, const Error *reason, size_t n_done)
{
    double loss;
    Session *sessions = check->lockstep.sessions;
    ck_assert_msg(sessions[0].trainer.step == n_done, "%s: only the tensor engine says: %s",
                  check->title, reason->message);
    for (size_t run = 1; run < check->lockstep.n_runs; run++) {
        Error error = {""};
        bool ok = trainer_step(&sessions[run].trainer, &loss, &error);
        ck_assert_msg(!ok, "%s: simd %s goes on where the scalar engine says: %s", check->title,
                      check->names[run], reason->message);
        ck_assert_str_eq(error.message, reason->message);
    }
}

// Returns whether all runs can continue.
static bool check_steps(Check *check, size_t n_steps)
{
    for (size_t step = 0; step < n_steps; step++) {
        LockstepDifference difference;
        Error error = {""};
        if (!lockstep_step(&check->lockstep, &difference, &error)) {
            assert_all_stop(check, &error, step);
            return false;
        }
        assert_no_difference(check, &difference);
    }
    return true;
}

static void check_samples(Check *check, size_t n_samples)
{
    for (size_t i = 0; i < n_samples; i++) {
        LockstepDifference difference;
        Error error = {""};
        bool ok =
            lockstep_sample(&check->lockstep, check->options.temperature, &difference, &error);
        ck_assert_msg(ok, "%s: %s", check->title, error.message);
        assert_no_difference(check, &difference);
    }
}

static void assert_found(Check *check, const char *what)
{
    LockstepDifference difference;
    Error error = {""};
    ck_assert(lockstep_step(&check->lockstep, &difference, &error));
    ck_assert(difference.found);
    ck_assert_uint_eq(difference.run, 1);
    ck_assert_uint_eq(difference.step, check->lockstep.sessions[0].trainer.step);
    ck_assert_str_eq(difference.what, what);
    ck_assert_double_ne(difference.numbers[0], difference.numbers[1]);
}

START_TEST(what_differs_is_found)
{
    Check check;
    LockstepDifference difference;
    Error error = {""};
    RunOptions options = run_options_default();
    open_check(&check, "a changed run", &options);
    Session *changed = &check.lockstep.sessions[1];
    check_steps(&check, 1);
    changed->adam.m[0] += 1;
    assert_found(&check, "parameter wte[0,0]");
    for (size_t i = 0; i < changed->model.n_params; i++) {
        changed->model.data[i] *= 0.5;
    }
    assert_found(&check, "loss");
    random_seed(&changed->random, 7);
    ck_assert(lockstep_sample(&check.lockstep, options.temperature, &difference, &error));
    ck_assert(difference.found);
    ck_assert_ptr_nonnull(strstr(difference.what, " of a sample"));
    close_check(&check);
}
END_TEST

static void check_default_run(size_t n_steps)
{
    Check check;
    RunOptions options = run_options_default();
    options.num_steps = n_steps;
    open_check(&check, "the default run", &options);
    ck_assert(check_steps(&check, n_steps));
    check_samples(&check, options.num_samples);
    close_check(&check);
}

START_TEST(the_default_run_is_the_same_on_every_level)
{
    check_default_run(is_quick() ? 100 : 2000);
}
END_TEST

START_TEST(a_long_run_is_the_same_on_every_level)
{
    check_default_run(100000);
}
END_TEST

// A level that silently used the plain loops would pass every other test.
START_TEST(every_level_does_the_work_itself)
{
    Check check;
    RunOptions options = run_options_default();
    open_check(&check, "the default run", &options);
    ck_assert(check_steps(&check, 1));
    for (size_t run = 1; run < check.lockstep.n_runs; run++) {
        const Session *session = &check.lockstep.sessions[run];
        size_t n_positions = session->trainer.n_positions;
        size_t plain_bytes = plain_count_bytes(&session->model.config, n_positions);
        size_t wide_bytes = wide_count_bytes(&session->model.config, n_positions);
        bool is_plain = strcmp(check.names[run], simd_name(SIMD_NONE)) == 0;
        ck_assert_str_eq(simd_name(session->adam.simd), check.names[run]);
        ck_assert_uint_ge(engine_peak_bytes(session->engine), is_plain ? plain_bytes : wide_bytes);
        ck_assert_uint_lt(engine_peak_bytes(session->engine), plain_bytes + wide_bytes);
    }
    close_check(&check);
}
END_TEST

// Opens a check with a data set in a file, which is removed when the runs are open.
static void open_check_of_text(Check *check, const char *title, RunOptions *options,
                               const char *text)
{
    char path[] = "/tmp/test_crosscheck.XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    size_t size = strlen(text);
    ck_assert_int_eq(write(file, text, size), (ssize_t)size);
    close(file);
    options->data = path;
    open_check(check, title, options);
    options->data = NULL;
    check->options.data = NULL;
    unlink(path);
}

// Writes lines of random letters, from one letter to more than the context.
static void random_text(char *text, size_t n_letters, size_t longest)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN";
    size_t n_documents = 1 + random_below(30);
    for (size_t doc = 0; doc < n_documents; doc++) {
        size_t length = 1 + random_below(longest);
        for (size_t i = 0; i < length; i++) {
            *text++ = letters[random_below(n_letters)];
        }
        *text++ = '\n';
    }
    *text = '\0';
}

// Returns the smallest of three random sizes, because large models take a hundred times as long as
// small ones, and a few of them are enough. All sizes occur.
static int random_size_up_to(int least, int most)
{
    size_t n = (size_t)(most - least) + 1;
    size_t draw = random_below(n);
    for (int i = 0; i < 2; i++) {
        size_t other = random_below(n);
        draw = other < draw ? other : draw;
    }
    return least + (int)draw;
}

static int random_divisor(int n)
{
    int divisor = 1 + (int)random_below((size_t)n);
    while (n % divisor != 0) {
        divisor = 1 + (int)random_below((size_t)n);
    }
    return divisor;
}

static ModelConfig random_shape(void)
{
    ModelConfig shape = {
        .n_layer = random_size_up_to(1, 4),
        .n_embd = random_size_up_to(2, 48),
        .block_size = 1 + (int)random_below(24),
    };
    shape.n_head = random_divisor(shape.n_embd);
    return shape;
}

START_TEST(random_shapes_and_data_are_the_same_on_every_level)
{
    Check check;
    char text[MOST_TEXT];
    char title[160];
    random_start((uint64_t)_i);
    RunOptions options = run_options_default();
    options.seed = (uint64_t)_i;
    options.model = random_shape();
    options.num_steps = N_STEPS_PER_SHAPE;
    options.init_std = random_below(4) > 0 ? options.init_std : random_size(-12, 1);
    size_t n_letters = 1 + random_below(40);
    random_text(text, n_letters, 1 + random_below((size_t)options.model.block_size + 4));
    snprintf(title, sizeof title,
             "shape %d: n_layer %d, n_embd %d, n_head %d, block_size %d, %zu letters, init_std %g",
             _i, options.model.n_layer, options.model.n_embd, options.model.n_head,
             options.model.block_size, n_letters, options.init_std);
    open_check_of_text(&check, title, &options, text);
    if (check_steps(&check, N_STEPS_PER_SHAPE)) {
        check_samples(&check, 3);
    }
    close_check(&check);
}
END_TEST

// Documents of 26 to 78 letters, in both orders.
static const char three_alphabets[] =
    "abcdefghijklmnopqrstuvwxyzzyxwvutsrqponmlkjihgfedcbaabcdefghijklmnopqrstuvwxyz\n"
    "abcdefghijklmnopqrstuvwxyz\n"
    "zyxwvutsrqponmlkjihgfedcbaabcdefghijklmnopqrstuvwxyzzyxwvutsrqpo\n"
    "zyxwvutsrqponmlkjihgfedcbaabcdefghijklmnopqrstuvwxyzzyxwvutsrqponmlk\n";

// Data sets with extreme documents, with the default sizes and with odd ones.
static const struct {
    const char *title;
    const char *text;
    ModelConfig model;
} edge_cases[] = {
    {"documents of one character", "a\nb\nz\na\n", {1, 16, 4, 16, 0}},
    {"one character in all", "a\n", {1, 16, 4, 16, 0}},
    {"one position, whose target is a letter", "ab\nb\nc\n", {2, 12, 3, 1, 0}},
    {"a document as long as the context", "abcdefghijklmno\nponmlkjihgfedcba\n", {1, 16, 4, 16, 0}},
    {"documents beyond the context",
     "abcdefghijklmnopqrstuvwxyz\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     {1, 16, 4, 16, 0}},
    {"contexts that grow", "a\nbb\nabcabcab\nabcabcabc\nabcabcabcabcabcabc\n", {2, 8, 2, 24, 0}},
    {"no layer", "anna\nbob\nx\n", {0, 16, 4, 16, 0}},
    {"no layer, one dimension", "anna\nbob\nx\n", {0, 1, 1, 5, 0}},
    {"one dimension", "anna\nbob\nx\n", {2, 1, 1, 9, 0}},
    {"a head per dimension", "anna\nbob\nx\n", {1, 7, 7, 9, 0}},
    {"one wide head", "anna\nbob\nx\n", {1, 33, 1, 9, 0}},
    {"the largest shape of the random ones",
     "abcdefghijklmnopqrstuvwxyz\nABCDEFGHIJKLMN\n",
     {4, 48, 6, 24, 0}},
    {"a wide model", "anna\nbob\nx\n", {1, 64, 8, 17, 0}},
    {"rows of many cache lines", three_alphabets, {1, 16, 4, 100, 0}},
    {"rows of many cache lines, odd sizes", three_alphabets, {2, 10, 2, 75, 0}},
};

enum {
    N_EDGE_CASES = sizeof edge_cases / sizeof *edge_cases,
};

START_TEST(edges_are_the_same_on_every_level)
{
    Check check;
    RunOptions options = run_options_default();
    options.model = edge_cases[_i].model;
    options.num_steps = 10;
    open_check_of_text(&check, edge_cases[_i].title, &options, edge_cases[_i].text);
    ck_assert(check_steps(&check, is_quick() ? 2 : options.num_steps));
    check_samples(&check, 2);
    close_check(&check);
}
END_TEST

// From parameters that are all zero to parameters that overflow at once. The kernels must notice
// when their shortcuts are not exact, and if the runs end, they must end at the same step.
static const double init_stds[] = {
    0.0, 0x1p-1074, 1e-320, 1e-200, 1e-154, 1e-80, 1e-20, 1e-5, 1.0,  5.0,   20.0,  100.0, 1e3,
    1e5, 1e10,      1e20,   1e40,   1e50,   1e60,  1e75,  1e77, 1e80, 1e100, 1e150, 1e200, 1e300};

enum {
    N_INIT_STDS = sizeof init_stds / sizeof *init_stds,
};

START_TEST(extreme_parameters_are_the_same_on_every_level)
{
    Check check;
    char title[64];
    RunOptions options = run_options_default();
    options.init_std = init_stds[_i];
    options.num_steps = 12;
    snprintf(title, sizeof title, "init_std %g", options.init_std);
    open_check(&check, title, &options);
    check_steps(&check, is_quick() ? 5 : options.num_steps);
    close_check(&check);
}
END_TEST

// One weight that is huge, infinite or NaN among usual ones: a product that the kernels skip would
// not have been zero, or the weight is hidden by a ReLU or an exponential that is zero. _i counts
// the matrices of a layer and those before.
START_TEST(one_extreme_weight_is_the_same_on_every_level)
{
    static const double weights[] = {1e150,  -1e155,   1e250,     -1e250, 1e308,
                                     -1e308, INFINITY, -INFINITY, NAN};
    enum {
        N_WEIGHTS = sizeof weights / sizeof *weights,
        N_PLACES = 6,
    };
    RunOptions options = run_options_default();
    options.model.n_layer = 2;
    options.num_steps = 3;
    random_start((uint64_t)_i);
    size_t n_places = is_quick() ? 1 : N_PLACES;
    for (size_t i = 0; i < N_WEIGHTS * n_places; i++) {
        Check check;
        char title[80];
        // In short documents many rows of the ReLU are off everywhere.
        const char *text = i / N_WEIGHTS % 2 == 0 ? "x\ny\nz\n" : "anna\nbob\nabcdefghijklmn\n";
        open_check_of_text(&check, title, &options, text);
        Session *sessions = check.lockstep.sessions;
        const Matrix *matrix = &sessions[0].model.matrices[_i];
        size_t at = matrix->first_param + random_below((size_t)(matrix->n_out * matrix->n_in));
        double weight = weights[i % N_WEIGHTS];
        for (size_t run = 0; run < check.lockstep.n_runs; run++) {
            sessions[run].model.data[at] = weight;
        }
        snprintf(title, sizeof title, "parameter %zu, of matrix %d, is %g", at, _i, weight);
        check_steps(&check, options.num_steps);
        close_check(&check);
    }
}
END_TEST

// The last position has a key or a value that earlier queries do not attend to: for these queries,
// the kernels multiply it by zero. There are as many positions as a vector has lanes, because in
// lanes without a position the kernels would notice it.
static const char hidden_text[] = "aaaaaab\n";
static const int hidden_tokens[] = {2, 0, 0, 0, 0, 0, 0, 1, 2};

enum {
    HIDDEN_A,
    HIDDEN_B,
    HIDDEN_BOS,
    N_HIDDEN_POSITIONS = WIDEST,
};

typedef struct Weight {
    MatrixKind kind;
    int row;
    int column;
    double value;
} Weight;

static const struct {
    const char *title;
    Weight weights[12]; // the others are zero
} hidden_cases[] = {
    // b does not attend to itself: its score is minus infinity.
    {"a key that is infinite",
     {{MATRIX_WTE, HIDDEN_A, 0, 1},
      {MATRIX_WTE, HIDDEN_BOS, 0, 1},
      {MATRIX_WTE, HIDDEN_B, 1, 1},
      {MATRIX_ATTN_WQ, 0, 0, 1},
      {MATRIX_ATTN_WQ, 0, 1, -1},
      {MATRIX_ATTN_WK, 0, 1, 1.7e308},
      {MATRIX_ATTN_WV, 0, 0, 1},
      {MATRIX_ATTN_WO, 0, 0, 1},
      {MATRIX_LM_HEAD, HIDDEN_A, 0, 1}}},
    // The two huge values of b cancel each other out, and its gradients are zero: BOS is certain to
    // come next. The products with the gradients of the others overflow.
    {"values that are huge",
     {{MATRIX_WTE, HIDDEN_A, 0, 1e-8},
      {MATRIX_WTE, HIDDEN_BOS, 0, 1e-8},
      {MATRIX_WTE, HIDDEN_B, 1, 1},
      {MATRIX_ATTN_WV, 0, 1, 1e290},
      {MATRIX_ATTN_WV, 1, 1, -1e290},
      {MATRIX_ATTN_WO, 0, 0, 1e15},
      {MATRIX_ATTN_WO, 0, 1, 1e15},
      {MATRIX_LM_HEAD, HIDDEN_A, 0, 1e5},
      {MATRIX_LM_HEAD, HIDDEN_BOS, 1, 1e5}}},
};

enum {
    N_HIDDEN_CASES = sizeof hidden_cases / sizeof *hidden_cases,
};

static void set_weights(Model *model, const Weight *weights)
{
    memset(model->data, 0, model->n_params * sizeof *model->data);
    for (const Weight *weight = weights; weight->value != 0.0; weight++) {
        const Matrix *matrix = &model->matrices[weight->kind]; // there is only one layer
        size_t at = (size_t)(weight->row * matrix->n_in + weight->column);
        model->data[matrix->first_param + at] = weight->value;
    }
}

// Compares the gradients themselves, because a training step would end at the first NaN.
START_TEST(what_a_query_does_not_attend_to_is_the_same_on_every_level)
{
    Check check;
    RunOptions options = run_options_default();
    options.model =
        (ModelConfig){.n_layer = 1, .n_embd = 4, .n_head = 1, .block_size = N_HIDDEN_POSITIONS};
    open_check_of_text(&check, hidden_cases[_i].title, &options, hidden_text);
    double losses[LOCKSTEP_MAX_RUNS];
    const Model *expected = &check.lockstep.sessions[0].model;
    for (size_t run = 0; run < check.lockstep.n_runs; run++) {
        Error error = {""};
        Session *session = &check.lockstep.sessions[run];
        set_weights(&session->model, hidden_cases[_i].weights);
        ck_assert(engine_forward(session->engine, hidden_tokens, N_HIDDEN_POSITIONS, &losses[run],
                                 &error));
        ck_assert(engine_backward(session->engine, &error));
        ck_assert_msg(isfinite(losses[run]), "%s: loss %g", check.title, losses[run]);
        assert_same_double(losses[run], losses[0], check.title);
        for (size_t i = 0; i < expected->n_params; i++) {
            double grad = session->model.grad[i];
            ck_assert_msg(same_number(grad, expected->grad[i]),
                          "%s: gradient %zu is %a, simd %s %a", check.title, i, expected->grad[i],
                          check.names[run], grad);
        }
    }
    close_check(&check);
}
END_TEST

START_TEST(extreme_settings_are_the_same_on_every_level)
{
    static const AdamConfig settings[] = {
        {10, 0.85, 0.99, 1e-8},     {1e10, 0.85, 0.99, 1e-8},    {0, 0.85, 0.99, 1e-8},
        {0.01, 0, 0, 1e-8},         {0.01, 0.999, 0.9999, 1e-8}, {0.01, 0.85, 0.99, 1e-30},
        {0.01, 0.85, 0.99, 1e-300}, {0.01, 0.85, 0.99, 1e30},    {1e-200, 0.85, 0.99, 1e-8},
    };
    Check check;
    char title[64];
    RunOptions options = run_options_default();
    options.adam = settings[_i];
    options.num_steps = 12;
    snprintf(title, sizeof title, "settings %d", _i);
    open_check(&check, title, &options);
    check_steps(&check, is_quick() ? 5 : options.num_steps);
    close_check(&check);
}
END_TEST

START_TEST(samples_of_any_temperature_are_the_same_on_every_level)
{
    static const double temperatures[] = {0.5, 1.0, 0.01, 100.0, 1e6};
    Check check;
    RunOptions options = run_options_default();
    options.num_steps = 20;
    options.temperature = temperatures[_i];
    open_check(&check, "sampling", &options);
    ck_assert(check_steps(&check, is_quick() ? 5 : options.num_steps));
    check_samples(&check, is_quick() ? 5 : 50);
    close_check(&check);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("crosscheck");
    TCase *differences = tcase_create("differences");
    tcase_set_timeout(differences, 0);
    tcase_add_test(differences, what_differs_is_found);
    suite_add_tcase(suite, differences);
    TCase *tcase = tcase_create("crosscheck");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    suite_add_tcase(suite, tcase);
    if (argc == 2 && strcmp(argv[1], "torture") == 0) {
        tcase_add_test(tcase, a_long_run_is_the_same_on_every_level);
        return run_suite(suite);
    }
    tcase_add_test(tcase, the_default_run_is_the_same_on_every_level);
    tcase_add_test(tcase, every_level_does_the_work_itself);
    tcase_add_loop_test(tcase, random_shapes_and_data_are_the_same_on_every_level, 0,
                        is_quick() ? N_QUICK_SHAPES : N_SHAPES);
    tcase_add_loop_test(tcase, edges_are_the_same_on_every_level, 0, N_EDGE_CASES);
    tcase_add_loop_test(tcase, extreme_parameters_are_the_same_on_every_level, 0, N_INIT_STDS);
    tcase_add_loop_test(tcase, one_extreme_weight_is_the_same_on_every_level, 0,
                        MATRIX_ATTN_WQ + 2 * N_LAYER_MATRICES);
    tcase_add_loop_test(tcase, what_a_query_does_not_attend_to_is_the_same_on_every_level, 0,
                        N_HIDDEN_CASES);
    tcase_add_loop_test(tcase, extreme_settings_are_the_same_on_every_level, 0, 9);
    tcase_add_loop_test(tcase, samples_of_any_temperature_are_the_same_on_every_level, 0, 5);
    return run_suite(suite);
}
