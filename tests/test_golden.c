// The whole default run against microgpt.py: every loss, gradient and parameter of 1,000 steps, and
// every byte of the output.
//
// usage: test_golden PROGRAM DIRECTORY, with the program to run and the golden numbers (see
// golden/README.md). If the golden numbers were made with another libm, nothing is compared, and
// the exit status 77 tells Meson that the test was skipped.
#include <errno.h>
#include <stdio.h>
#include <zlib.h>

#include "base/little_endian.h"
#include "check_more.h"
#include "golden_libm.h"
#include "run/session.h"
#include "run_program.h"

enum {
    N_STEPS = 1000,
    N_PARAMS = 4192,
    EXIT_SKIP = 77,
};

static const char *program;
static const char *directory;

typedef struct GoldenStep {
    double loss;
    unsigned grads_crc32;
    unsigned params_crc32;
} GoldenStep;

static GoldenStep golden_steps[N_STEPS];

static FILE *open_golden(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    return file;
}

// Reads at most size bytes of a golden file. Returns how many bytes the file has.
static size_t read_golden(const char *name, void *bytes, size_t size)
{
    FILE *file = open_golden(name);
    size_t n = fread(bytes, 1, size, file);
    ck_assert_msg(fgetc(file) == EOF, "%s is longer than %zu bytes", name, size);
    fclose(file);
    return n;
}

static void read_golden_steps(void)
{
    FILE *file = open_golden("steps.txt");
    for (size_t i = 0; i < N_STEPS; i++) {
        size_t step;
        GoldenStep *golden = &golden_steps[i];
        int n = fscanf(file, "%zu %la %8x %8x\n", &step, &golden->loss, &golden->grads_crc32,
                       &golden->params_crc32);
        ck_assert_msg(n == 4 && step == i + 1, "steps.txt:%zu is not a step", i + 1);
    }
    ck_assert_int_eq(fgetc(file), EOF);
    fclose(file);
}

static void assert_golden_params(const Model *model, const char *name)
{
    unsigned char bytes[N_PARAMS * sizeof(double)];
    double golden[N_PARAMS];
    ck_assert_uint_eq(read_golden(name, bytes, sizeof bytes), sizeof bytes);
    little_endian_get(bytes, N_PARAMS, golden);
    for (size_t i = 0; i < N_PARAMS; i++) {
        char param[MODEL_NAME_BYTES];
        model_param_name(model, i, param);
        assert_same_double(model->data[i], golden[i], param);
    }
}

static unsigned crc32_of(const double *numbers, size_t n)
{
    unsigned char bytes[N_PARAMS * sizeof(double)];
    ck_assert_uint_le(n, N_PARAMS);
    little_endian_put(numbers, n, bytes);
    return (unsigned)crc32(0, bytes, (uInt)(n * sizeof *numbers));
}

static void assert_golden_step(size_t step, double loss, const Model *model)
{
    const GoldenStep *golden = &golden_steps[step - 1];
    char what[32];
    snprintf(what, sizeof what, "the loss of step %zu", step);
    assert_same_double(loss, golden->loss, what);
    ck_assert_msg(crc32_of(model->grad, N_PARAMS) == golden->grads_crc32,
                  "step %zu: the gradients are not the golden ones", step);
    ck_assert_msg(crc32_of(model->data, N_PARAMS) == golden->params_crc32,
                  "step %zu: the parameters are not the golden ones", step);
}

// One of the contracts of docs/contracts.md.
START_TEST(contract_python_parity)
{
    Session session;
    Error error = {""};
    read_golden_steps();
    RunOptions options = run_options_default();
    bool ok = session_open(&session, &options, &error);
    ck_assert_msg(ok, "%s", error.message);
    ck_assert_uint_eq(session.model.n_params, N_PARAMS);
    ck_assert_uint_eq(session.trainer.num_steps, N_STEPS);
    assert_golden_params(&session.model, "params_init.f64");
    for (size_t step = 1; step <= N_STEPS; step++) {
        double loss;
        ck_assert_msg(trainer_step(&session.trainer, &loss, &error), "%s", error.message);
        assert_golden_step(step, loss, &session.model);
    }
    assert_golden_params(&session.model, "params_final.f64");
    session_close(&session);
}
END_TEST

// Prints only the first difference of two texts, which are too long for a message.
static void assert_same_text(const char *actual, size_t actual_size, const char *expected,
                             size_t expected_size)
{
    size_t i = 0;
    while (i < actual_size && i < expected_size && actual[i] == expected[i]) {
        i++;
    }
    ck_assert_msg(i == actual_size && i == expected_size,
                  "standard output differs at byte %zu of %zu: \"%.40s\", expected \"%.40s\"", i,
                  expected_size, actual + i, expected + i);
}

START_TEST(the_program_prints_what_python_prints)
{
    static Program run;
    static char expected[sizeof run.out];
    run.path = program;
    size_t expected_size = read_golden("stdout.txt", expected, sizeof expected - 1);
    run_program(&run, "");
    ck_assert_int_eq(run.status, 0);
    ck_assert_str_eq(run.err, "");
    assert_same_text(run.out, run.out_size, expected, expected_size);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test_golden PROGRAM DIRECTORY\n");
        return EXIT_FAILURE;
    }
    program = argv[1];
    directory = argv[2];
    const char *missed = libm_missed_sentinel();
    if (missed != NULL) {
        printf("skipped: this libm's %s is not the one of the golden numbers\n", missed);
        return EXIT_SKIP;
    }
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("default run");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_test(tcase, contract_python_parity);
    tcase_add_test(tcase, the_program_prints_what_python_prints);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
