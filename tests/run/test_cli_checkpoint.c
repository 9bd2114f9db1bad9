// The command line of checkpoints, end to end: runs the program (its path is argv[1]) with --save,
// --resume and --load, and checks its exit status, its output and its files.
//
// All tests run in a folder of their own; setup() has the program write a checkpoint `good` there.
// Stopping a run by signals is tested in faults/fault_signal.c.
#include <check.h>
#include <time.h>

#include "check_more.h"
#include "checkpoint/checkpoint_more.h"
#include "cli/cli_more.h"

// A model that trains in a millisecond; these are only its sizes.
#define MODEL "--n-embd 4 --n-head 2 --block-size 6"
#define QUICK "--data names --num-steps 9 " MODEL

static const char *const engine_names[] = {"scalar", "tensor"};

enum {
    N_ENGINES = sizeof engine_names / sizeof engine_names[0],
};

static char folder[FOLDER_BYTES];

static void setup(void)
{
    enter_folder(folder);
    renew_program();
    run("train " QUICK " --save good");
    assert_done();
}

static void teardown(void)
{
    leave_folder(folder);
}

static void assert_good_is_intact(void)
{
    Checkpoint checkpoint;
    Error error;
    ck_assert_msg(checkpoint_load(&checkpoint, "good", 0, &error), "%s", error.message);
    ck_assert_uint_eq(checkpoint.step, 9);
    checkpoint_free(&checkpoint);
}

// ---- what is printed ----

START_TEST(train_and_sample_print_what_run_prints)
{
    char whole[sizeof p.out];
    char arguments[256];
    char both[2 * sizeof p.out];
    EngineKind ignored;
    if (!engine_kind_find(engine_names[_i], &ignored)) {
        return;
    }
    snprintf(arguments, sizeof arguments, "run " QUICK " --engine %s", engine_names[_i]);
    run(arguments);
    assert_done();
    strcpy(whole, p.out);
    snprintf(arguments, sizeof arguments, "train " QUICK " --engine %s --save new",
             engine_names[_i]);
    run(arguments);
    assert_done();
    strcpy(both, p.out);
    snprintf(arguments, sizeof arguments, "sample --load new --engine %s", engine_names[_i]);
    run(arguments);
    assert_done();
    strcat(both, p.out);
    ck_assert_str_eq(both, whole);
}
END_TEST

START_TEST(saving_does_not_change_what_is_printed)
{
    char plain[sizeof p.out];
    run(QUICK);
    assert_done();
    strcpy(plain, p.out);
    run(QUICK " --save new --save-every 2");
    assert_done();
    ck_assert_str_eq(p.out, plain);
}
END_TEST

START_TEST(a_finished_run_only_samples_when_resumed)
{
    run("run " QUICK);
    assert_done();
    const char *samples = strstr(p.out, "\n--- inference");
    ck_assert_ptr_nonnull(samples);
    char expected[sizeof p.out];
    strcpy(expected, samples);
    run("run --data names --resume good");
    assert_done();
    ck_assert_str_eq(p.out, expected);
}
END_TEST

START_TEST(either_engine_samples_the_same_names)
{
    char scalar[sizeof p.out];
    run("sample --load good");
    assert_done();
    strcpy(scalar, p.out);
    run("sample --load good --engine tensor --simd none");
    assert_done();
    ck_assert_str_eq(p.out, scalar);
    run("sample --load good --simd fast");
    assert_refused(2, "--simd", "fast");
}
END_TEST

START_TEST(a_seed_makes_samples_of_its_own)
{
    char with_seed[sizeof p.out];
    run("sample --load good --seed -7 --num-samples 5");
    assert_done();
    strcpy(with_seed, p.out);
    run("sample --load good --seed 7 --num-samples 5");
    assert_done();
    ck_assert_str_eq(p.out, with_seed);
    run("sample --load good --num-samples 5");
    assert_done();
    ck_assert_str_ne(p.out, with_seed);
}
END_TEST

START_TEST(every_name_begins_with_the_prompt)
{
    run("sample --load good --prompt ann --num-samples 4");
    assert_done();
    size_t n = 0;
    for (const char *at = strstr(p.out, ": "); at != NULL; at = strstr(at + 1, ": ")) {
        ck_assert_msg(strncmp(at, ": ann", 5) == 0, "%s", p.out);
        n++;
    }
    ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(a_prompt_of_unknown_characters_is_refused)
{
    run("sample --load good --prompt anX");
    assert_refused(2, "--prompt", "character 3");
    run("sample --load good --prompt a\xff");
    assert_refused(2, "--prompt", "character 2");
    run("sample --load good --prompt annann");
    assert_refused(2, "--prompt", "fewer than 6");
    run("sample --load good --prompt annan --num-samples 1");
    assert_done();
}
END_TEST

// ---- options that contradict each other ----

typedef struct Contradiction {
    const char *option;
    const char *same;
    const char *other;
} Contradiction;

static const Contradiction contradictions[] = {
    {"--seed", "42", "43"},
    {"--num-steps", "9", "10"},
    {"--n-layer", "1", "2"},
    {"--n-embd", "4", "8"},
    {"--n-head", "2", "1"},
    {"--block-size", "6", "7"},
    {"--learning-rate", "0.01", "0.02"},
    {"--beta1", "0.85", "0.8500000000000001"},
    {"--beta2", "0.99", "0.9"},
    {"--eps-adam", "1e-8", "1e-9"},
    {"--init-std", "0.08", "0.1"},
};

START_TEST(an_option_that_contradicts_the_checkpoint_is_refused)
{
    const Contradiction *c = &contradictions[_i];
    char arguments[256];
    snprintf(arguments, sizeof arguments, "train --data names --resume good %s %s", c->option,
             c->same);
    run(arguments);
    assert_done();
    snprintf(arguments, sizeof arguments, "train --data names --resume good %s %s", c->option,
             c->other);
    run(arguments);
    assert_refused(2, c->option, "contradicts the checkpoint");
}
END_TEST

START_TEST(other_data_is_refused)
{
    run("run --resume good");
    assert_refused(1, "--resume", "built-in names.txt is not the data");
}
END_TEST

START_TEST(options_that_need_others_say_so)
{
    run("train " QUICK " --save-every 2");
    assert_refused(2, "--save-every", "needs --save");
    run("train " QUICK " --save-every 0 --save new");
    assert_refused(2, "--save-every", "must be from 1");
    run("sample");
    assert_refused(2, "--load", "name the checkpoint");
    run("train --num-samples 3");
    assert_refused(2, "--num-samples", "no such option");
    run("train --temperature 1");
    assert_refused(2, "--temperature", "no such option");
    run("sample --load good --seed x");
    assert_refused(2, "--seed", "is not a whole number");
}
END_TEST

START_TEST(help_names_the_options_there_are)
{
    run("train --help");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "--save-every N"));
    ck_assert_ptr_null(strstr(p.out, "--temperature"));
    run("sample --help");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "--prompt TEXT"));
}
END_TEST

// ---- files ----

START_TEST(no_output_destroys_another_file_of_the_run)
{
    ck_assert_int_eq(link("good", "same"), 0);
    run("train --data names --resume good --log same");
    assert_refused(2, "--log", "is the checkpoint");
    run("train " QUICK " --save good --log same");
    assert_refused(2, "--log", "is the checkpoint");
    run("train " QUICK " --save new --log new");
    assert_refused(2, "--log", "is the checkpoint");
    run("train " QUICK " --save names");
    assert_refused(2, "--save", "is the data file");
    assert_good_is_intact();
}
END_TEST

START_TEST(where_nothing_can_be_saved_nothing_is_trained)
{
    run("train " QUICK " --save missing/file");
    assert_refused(1, "missing/file", strerror(ENOENT));
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    run("train " QUICK " --save folder");
    assert_refused(1, "folder", "is not a regular file");
    if (permissions_hold()) {
        ck_assert_int_eq(mkdir("closed", 0500), 0);
        p.obeys_permissions = true;
        run("train " QUICK " --save closed/file");
        assert_refused(1, "closed/file", strerror(EACCES));
    }
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_checkpoint)
{
    p.file_size = 4096;
    run("train " QUICK " --save good --save-every 2");
    ck_assert_int_eq(p.status, 1);
    ck_assert_msg(strstr(p.err, strerror(EFBIG)) != NULL, "%s", p.err);
    assert_good_is_intact();
}
END_TEST

START_TEST(a_loss_that_is_not_finite_leaves_the_last_good_checkpoint)
{
    run("train " QUICK " --num-steps 50 --learning-rate 1e200 --save good --save-every 1000");
    ck_assert_int_eq(p.status, 1);
    ck_assert_msg(strstr(p.err, "--learning-rate") != NULL, "%s", p.err);
    assert_good_is_intact();
}
END_TEST

// The parameters fit, but the graph does not. A sanitizer or valgrind needs more addresses than the
// limit.
START_TEST(a_graph_larger_than_the_memory_is_refused)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    run("train --data names --num-steps 0 --n-embd 128 --save big");
    assert_done();
    p.address_space = 28 << 20;
    run("sample --load big");
    if (getenv("LD_PRELOAD") == NULL) {
        assert_refused(1, "--load", "parameters need");
    }
#endif
}
END_TEST

START_TEST(what_is_no_checkpoint_is_refused)
{
    run("sample --load names");
    assert_refused(1, "names", "is not a checkpoint");
    run("run --resume missing");
    assert_refused(1, "missing", strerror(ENOENT));
}
END_TEST

// The same with the matrices in the header of the good checkpoint, and this metadata.
static void write_foreign_with(const char *metadata)
{
    Parts parts = read_parts("good");
    const char *first = strstr(parts.header, "},\"wte\"") + 2;
    const char *moments = strstr(parts.header, ",\"adam.m.wte\"");
    char *header = NULL;
    must(asprintf(&header, "{\"__metadata__\":{%s},%.*s}", metadata, (int)(moments - first),
                  first) > 0,
         "memory");
    write_foreign(header);
    free(header);
    free_parts(&parts);
}

START_TEST(another_programs_file_can_be_sampled_from)
{
    char expected[sizeof p.out];
    run("sample --load good --seed 42");
    assert_done();
    strcpy(expected, p.out);
    write_foreign_with("\"vocabulary\":\"abcdelnor\"");
    run("sample --load foreign --n-head 2");
    assert_done();
    ck_assert_str_eq(p.out, expected);
    run("sample --load foreign");
    assert_refused(1, "foreign", "--n-head");
}
END_TEST

START_TEST(another_programs_file_cannot_be_resumed)
{
    write_foreign_with("\"vocabulary\":\"abcdelnor\",\"n_head\":\"2\"");
    run("train --data names --resume foreign");
    assert_refused(1, "foreign", "no training state");
}
END_TEST

// ---- on a terminal ----

// Runs the program in a window with that many columns, with standard output in that file unless it
// is NULL.
static void run_in_window(unsigned short columns, const char *arguments, const char *out_path,
                          char *text, size_t size)
{
    if (out_path != NULL) {
        write_text(out_path, "");
    }
    p.stdout_path = out_path;
    run_on_terminal(&p, arguments, columns, text, size);
    p.stdout_path = NULL;
    ck_assert_msg(p.status == 0, "status %d: %s", p.status, text);
}

START_TEST(progress_is_shown_on_a_terminal_and_nowhere_else)
{
    static char text[1 << 20];
    run("train " QUICK " --num-steps 300");
    assert_done();
    setenv("TERM", "xterm", 1);
    run_in_window(0, "train " QUICK " --num-steps 300", "out", text, sizeof text);
    ck_assert_msg(strstr(text, " steps/s | ") != NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, " left"));
    for (const char *at = text; (at = strchr(at, '\033')) != NULL; at++) {
        ck_assert_msg(strchr("CK", at[1 + strspn(at + 1, "[0123456789;")]) != NULL,
                      "a colour, or another surprise: %s", at + 1);
    }
    Bytes out = read_bytes_of("out");
    ck_assert_uint_eq(out.size, p.out_size);
    ck_assert_int_eq(memcmp(out.bytes, p.out, out.size), 0);
    free(out.bytes);
    run_in_window(0, "train " QUICK " --num-steps 300", NULL, text, sizeof text);
    ck_assert_msg(strstr(text, "C | mean ") != NULL, "%s", text);
    setenv("TERM", "dumb", 1);
    run_in_window(0, "train " QUICK " --num-steps 300", "out", text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

static TCase *new_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

// A model learns any characters. A pipe or file gets them unchanged.
START_TEST(no_sample_commands_the_terminal)
{
    static char text[1 << 16];
    static const char name[] = "\u202e\xc2\x9b\033";
    char *names = NULL;
    must(asprintf(&names, "%s\n%s\n", name, name) > 0, "memory");
    write_text("hostile", names);
    free(names);
    run("train --data hostile --num-steps 20 --save learnt --n-embd 4 --n-head 2 --block-size 6");
    assert_done();
    setenv("TERM", "xterm", 1);
    run("sample --load learnt --num-samples 8");
    assert_done();
    ck_assert_ptr_nonnull(strpbrk(strchr(p.out, '\n'), "\x9b\x1b\x80"));
    run_in_window(80, "sample --load learnt --num-samples 8", NULL, text, sizeof text);
    ck_assert_msg(strpbrk(text, "\x9b\x1b\x80") == NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "sample  8: "));
    ck_assert_ptr_nonnull(strstr(text, ": ?"));
}
END_TEST

// Returns the largest column that the cursor reaches in the rows before the first newline, in a
// terminal that never breaks a line.
static size_t farthest_column(const char *text)
{
    size_t column = 0;
    size_t farthest = 0;
    for (const char *at = text; *at != '\0' && *at != '\n'; at++) {
        if (at[0] == '\033') {
            char *end;
            size_t n = strtoul(at + 2, &end, 10);
            column += *end == 'C' ? n : 0;
            at = end;
        } else {
            column = *at == '\r' ? 0 : column + 1;
        }
        farthest = column > farthest ? column : farthest;
    }
    return farthest;
}

static const unsigned short widths[] = {200, 80, 72, 60, 40, 37, 20, 8, 2, 1};

START_TEST(everything_stays_on_one_row)
{
    static char text[1 << 20];
    const char *out_path = _i % 2 == 0 ? NULL : "out";
    unsigned short n_columns = widths[_i / 2];
    setenv("TERM", "xterm", 1);
    run_in_window(n_columns, "train " QUICK " --num-steps 1000", out_path, text, sizeof text);
    const char *steps = out_path == NULL ? strstr(text, "params: ") : text;
    steps = out_path == NULL ? strchr(steps, '\n') + 1 : steps;
    size_t farthest = farthest_column(steps);
    ck_assert_msg(farthest < n_columns, "%zu of %u columns: %.200s", farthest, n_columns, steps);
    ck_assert_msg(farthest > 0 || n_columns < 16, "nothing is shown: %.200s", text);
}
END_TEST

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Returns how many steps take two seconds in this build on this machine.
static int steps_of_two_seconds(void)
{
    double start = seconds_now();
    run("train " QUICK " --num-steps 1000");
    assert_done();
    return (int)(2000 / (seconds_now() - start));
}

// The progress line is written a few times a second. In the second half the resize was long ago.
START_TEST(progress_follows_a_resize)
{
    static char text[1 << 20];
    static const unsigned short sizes[][2] = {{80, 20}, {20, 80}};
    unsigned short columns = sizes[_i][1];
    char arguments[256];
    snprintf(arguments, sizeof arguments, "train " QUICK " --num-steps %d", steps_of_two_seconds());
    p.resized_to = columns;
    run_in_window(sizes[_i][0], arguments, "out", text, sizeof text);
    size_t farthest = farthest_column(strchr(text + strlen(text) / 2, '\r'));
    ck_assert_msg(farthest < columns, "%zu of %u columns", farthest, columns);
    ck_assert_msg(farthest > 20 || columns == 20, "%zu of %u columns", farthest, columns);
}
END_TEST

int main(int argc, char **argv)
{
    if (!find_program(argc, argv)) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("cli of checkpoints");
    TCase *tcase = new_tcase(suite, "printed");
    tcase_add_loop_test(tcase, train_and_sample_print_what_run_prints, 0, N_ENGINES);
    tcase_add_test(tcase, saving_does_not_change_what_is_printed);
    tcase_add_test(tcase, a_finished_run_only_samples_when_resumed);
    tcase_add_test(tcase, either_engine_samples_the_same_names);
    tcase_add_test(tcase, a_seed_makes_samples_of_its_own);
    tcase_add_test(tcase, every_name_begins_with_the_prompt);
    tcase_add_test(tcase, a_prompt_of_unknown_characters_is_refused);
    tcase = new_tcase(suite, "contradictions");
    tcase_add_loop_test(tcase, an_option_that_contradicts_the_checkpoint_is_refused, 0,
                        sizeof contradictions / sizeof contradictions[0]);
    tcase_add_test(tcase, other_data_is_refused);
    tcase_add_test(tcase, options_that_need_others_say_so);
    tcase_add_test(tcase, help_names_the_options_there_are);
    tcase = new_tcase(suite, "files");
    tcase_add_test(tcase, no_output_destroys_another_file_of_the_run);
    tcase_add_test(tcase, where_nothing_can_be_saved_nothing_is_trained);
    tcase_add_test(tcase, a_full_disk_leaves_the_old_checkpoint);
    tcase_add_test(tcase, a_loss_that_is_not_finite_leaves_the_last_good_checkpoint);
    tcase_add_test(tcase, a_graph_larger_than_the_memory_is_refused);
    tcase_add_test(tcase, what_is_no_checkpoint_is_refused);
    tcase_add_test(tcase, another_programs_file_can_be_sampled_from);
    tcase_add_test(tcase, another_programs_file_cannot_be_resumed);
    tcase = new_tcase(suite, "terminal");
    tcase_add_test(tcase, progress_is_shown_on_a_terminal_and_nowhere_else);
    tcase_add_test(tcase, no_sample_commands_the_terminal);
    tcase_add_loop_test(tcase, everything_stays_on_one_row, 0, 2 * COUNT(widths));
    tcase_add_loop_test(tcase, progress_follows_a_resize, 0, 2);
    return run_suite(suite);
}
