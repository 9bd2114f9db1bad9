// The command line, end to end: runs the program (its path is argv[1]) with good and bad arguments,
// data and outputs, and checks its exit status and every line that it prints.
//
// All tests run in an empty directory of their own, in which setup() writes a small file `data`.
#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "check_more.h"
#include "cli/cli_more.h"

// Six documents with 15 letters, and everything that a text file may contain: line ends of Unix and
// Windows, a blank line, white space around a name, letters of two and three bytes, no newline at
// the end.
static const char DATA[] = "anna\nbob\r\ncarla\n\n  dora\t\nJ\u00fcrgen\n\u674e\u5c0f\u9f99";

// A model that trains in a millisecond.
#define QUICK "--data data --num-steps 2 --num-samples 2 --n-embd 4 --n-head 2"

static const rlim_t MEGABYTE = 1 << 20;

// Whether the program may crash at its end if there is no memory: gcov's code does.
#ifdef MEASURES_COVERAGE
static const bool HAS_GCOV = true;
#else
static const bool HAS_GCOV = false;
#endif

static void limit_memory(rlim_t bytes)
{
    p.address_space = memory_can_be_limited() ? bytes : 0;
}

// Writes a file of zero bytes that takes no space on the disk. Returns false if that is not
// possible.
static bool write_zeros(const char *path, off_t size)
{
    write_text(path, "");
    return truncate(path, size) == 0;
}

static size_t read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    return read_captured(file, text, size);
}

static void assert_file_is(const char *path, const char *expected)
{
    char text[4096];
    read_text(path, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

static void setup(void)
{
    renew_program();
    empty_directory();
    write_text("data", DATA);
}

static void run_option(const char *name, const char *value)
{
    char option[64];
    snprintf(option, sizeof option, "--%s", name);
    run_program_args(&p, (char *[]){NULL, option, (char *)value, NULL});
}

// ---- the command line ----

typedef struct OptionCase {
    const char *name;
    const char *const *bad_values;
    const char *also_bad; // one more bad value, or NULL
} OptionCase;

static const char *const bad_seeds[] = {"",   " ",   "x",   "5x", "5 ",  " 5",  "1.5", "1e3", "0x1",
                                        "--", "--5", "+-5", "-",  "nan", "inf", "5,0", NULL};
static const char *const bad_integers[] = {"",    " ",   "x",   "5x",  "5 ", " 5",
                                           "1.5", "1e3", "0x1", "--",  "-1", "+5",
                                           "-5x", "nan", "inf", "5,0", NULL};
static const char *const bad_reals[] = {"",    " ",     "x",    "0.5x", "0.5 ", " 0.5",  "--",
                                        "0,5", "nan",   "-nan", "inf",  "-inf", "1e999", "-0.5",
                                        "-1",  "-1e-9", "1e",   ".",    NULL};
static const char *const bad_engines[] = {"", " ", "x", "scalar ", "Scalar", "scala", "1", NULL};
static const char *const bad_texts[] = {"", NULL};

static const OptionCase option_cases[] = {
    {"data", bad_texts, NULL},         {"seed", bad_seeds, NULL},
    {"num-steps", bad_integers, NULL}, {"num-samples", bad_integers, NULL},
    {"temperature", bad_reals, "0"},   {"learning-rate", bad_reals, "0"},
    {"beta1", bad_reals, "1"},         {"beta2", bad_reals, "1.5"},
    {"eps-adam", bad_reals, "0.0"},    {"n-layer", bad_integers, "1048577"},
    {"n-embd", bad_integers, "0"},     {"n-head", bad_integers, "0"},
    {"block-size", bad_integers, "0"}, {"init-std", bad_reals, "-0"},
    {"engine", bad_engines, NULL},     {"log", bad_texts, NULL},
};

enum {
    N_OPTION_CASES = COUNT(option_cases),
};

static void assert_bad_value(const char *name, const char *value)
{
    char option[64];
    snprintf(option, sizeof option, "--%s: ", name);
    run_option(name, value);
    assert_refused(2, option, value);
}

START_TEST(a_bad_value_is_refused_and_its_option_named)
{
    const OptionCase *c = &option_cases[_i];
    for (const char *const *value = c->bad_values; *value != NULL; value++) {
        assert_bad_value(c->name, *value);
    }
    if (c->also_bad != NULL) {
        assert_bad_value(c->name, c->also_bad);
    }
}
END_TEST

typedef struct ReasonCase {
    const char *argument;
    const char *reason;
} ReasonCase;

static const ReasonCase reason_cases[] = {
    {"--seed=1.5", "not a whole number"},
    {"--seed=18446744073709551616", "too large"},
    {"--num-steps=-1", "at least 0"},
    {"--num-steps=18446744073709551616", "too large"},
    {"--n-head=99999999999999999999", "too large"},
    {"--n-embd=-1", "at least 1"},
    {"--n-embd=0", "from 1 to 1048576"},
    {"--n-layer=1048577", "from 0 to 1048576"},
    {"--num-samples=1000000000000001", "from 0 to 1000000000000000"},
    {"--temperature=hot", "not a number"},
    {"--temperature=nan", "not a finite number"},
    {"--learning-rate=1e999", "not a finite number"},
    {"--beta1=inf", "not a finite number"},
    {"--eps-adam=0", "greater than 0"},
    {"--init-std=-0.08", "greater than 0"},
    {"--beta2=1", "from 0 to less than 1"},
    {"--beta2=-0.1", "from 0 to less than 1"},
    {"--engine=tensors", "choose scalar or tensor"},
    {"--data=", "FILE"},
};

START_TEST(what_is_wrong_with_a_value_is_said)
{
    run(reason_cases[_i].argument);
    assert_refused(2, "--", reason_cases[_i].reason);
}
END_TEST

START_TEST(a_missing_value_is_refused_and_its_option_named)
{
    char option[64];
    snprintf(option, sizeof option, "--%s", option_cases[_i].name);
    run(option);
    assert_refused(2, option, "needs a value");
}
END_TEST

typedef struct ArgumentCase {
    const char *arguments;
    const char *named; // what the message must contain
} ArgumentCase;

static const ArgumentCase wrong_arguments[] = {
    {"--bogus", "--bogus"},
    {"--bogus=5", "--bogus"},
    {"run --bogus", "--bogus"},
    {"--seed 1 --bogus", "--bogus"},
    {"--num_steps 5", "--num_steps"},
    {"--seeds 5", "--seeds"},
    {"--n 5", "--n"}, // ambiguous
    {"--=5", "--=5"},
    {"-x", "-x"},
    {"-xyz", "-x"},
    {"-:", "-:"},
    {"-?", "-?"},
    {"-", "-"},
    {"teach", "teach"},
    {"Run", "Run"},
    {"runs", "runs"},
    {"data", "data"},
    {"", "--help"}, // replaced by one empty argument, below
    {"run run", "run"},
    {"run data", "data"},
    {"--seed 1 run", "run"},
    {"--seed 1 2", "2"},
    {"-- data", "data"},
    {"run -- --seed", "--seed"},
    {"--help=yes", "--help"},
    {"--version=1", "--version"},
    {"--version data", "data"},
    {"--help --bogus", "--bogus"},
    {"--seed=x", "--seed"},
    {"--seed=", "--seed"},
    {"--data=", "--data"},
};

START_TEST(a_wrong_argument_is_refused_and_named)
{
    const ArgumentCase *c = &wrong_arguments[_i];
    if (c->arguments[0] != '\0') {
        run(c->arguments);
    } else {
        run_program_args(&p, (char *[]){NULL, "", NULL});
    }
    assert_refused(2, c->named, "");
}
END_TEST

// Python's head_dim would be n_embd // n_head, and a part of the network would not be used.
START_TEST(n_head_must_divide_n_embd)
{
    run("--n-embd 16 --n-head 5");
    assert_refused(2, "--n-head", "--n-embd");
    run("--n-head 32");
    assert_refused(2, "--n-head", "--n-embd");
}
END_TEST

static const char *const good_arguments[] = {
    "--seed 0",
    "--seed +5",
    "--seed 007",
    "--seed 18446744073709551615",
    "--seed -18446744073709551615",
    "--temperature 1e300",
    "--temperature .5",
    "--learning-rate 1e-300",
    "--beta1 0 --beta2 0",
    "--beta1 0.9999999999999999",
    "--eps-adam 1e300",
    "--eps-adam 1e-320",
    "--init-std 1e-300",
    "--engine scalar",
    "--n-head 1",
    "--n-embd 9 --n-head 9",
    "--block-size 100",
    "--data=data --seed=5",
    "--",
};

START_TEST(values_at_the_edge_are_good)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments, QUICK " %s", good_arguments[_i]);
    run(arguments);
    assert_done();
}
END_TEST

static const char *const helps[] = {"--help", "run --help", "--seed 1 --help"};

START_TEST(help_names_every_option)
{
    run(helps[_i]);
    assert_done();
    ck_assert_msg(strncmp(p.out, "usage: microgpt", 15) == 0, "%s", p.out);
    for (size_t i = 0; i < N_OPTION_CASES; i++) {
        char option[64];
        snprintf(option, sizeof option, "\n  --%s ", option_cases[i].name);
        ck_assert_msg(strstr(p.out, option) != NULL, "no%s in %s", option, p.out);
    }
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --help "));
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --version "));
    // The default is shown, whatever precedes --help.
    ck_assert_ptr_nonnull(strstr(p.out, " of the random numbers (default: 42)\n"));
    ck_assert_ptr_nonnull(strstr(p.out, " added to Adam's divisor (default: 1e-8)\n"));
}
END_TEST

static const char *const command_names[] = {
    "run",     "train", "sample",    "nodes", "compare",   "bench",  "crosscheck",
    "inspect", "trace", "attention", "graph", "gradcheck", "report", "documents"};

START_TEST(help_names_every_command)
{
    const char *name = command_names[_i];
    char text[80];
    run("--help");
    assert_done();
    snprintf(text, sizeof text, "\n  %s ", name);
    ck_assert_msg(strstr(strstr(p.out, "\nCommands"), text) != NULL, "no %s in %s", name, p.out);
    snprintf(text, sizeof text, "%s --help", name);
    run(text);
    assert_done();
    snprintf(text, sizeof text, _i == 0 ? "usage: microgpt [%s] " : "usage: microgpt %s ", name);
    ck_assert_msg(strncmp(p.out, text, strlen(text)) == 0, "%s: %s", name, p.out);
}
END_TEST

static const char *const ways_to_help[] = {"help %s", "%s -h", "%s --help --version"};

// Even if a required option is missing.
START_TEST(every_command_has_help_and_version)
{
    static Program expected;
    const char *name = command_names[_i];
    char text[80];
    snprintf(text, sizeof text, "%s --help", name);
    run(text);
    assert_done();
    expected = p;
    for (int i = 0; i < COUNT(ways_to_help); i++) {
        snprintf(text, sizeof text, ways_to_help[i], name);
        run(text);
        assert_done();
        ck_assert_str_eq(p.out, expected.out);
    }
    run("--version");
    expected = p;
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s %s", name, i == 0 ? "-V" : "--version");
        run(text);
        assert_done();
        ck_assert_str_eq(p.out, expected.out);
    }
}
END_TEST

START_TEST(what_may_be_meant_is_said)
{
    run("trian");
    assert_refused(2, "trian", "no such command; did you mean train?");
    run("help crosschek");
    assert_refused(2, "crosschek", "did you mean crosscheck?");
    run("teach");
    assert_refused(2, "teach", "no such command; see microgpt --help");
    run(" "); // two empty arguments
    assert_refused(2, "'': no such command", "");
    run("help ");
    assert_refused(2, "'': no such command", "");
    run("train ");
    assert_refused(2, "'': is not an option", "");
    run("compare  x");
    assert_refused(2, "'': ", strerror(ENOENT));
    run("help train sample");
    assert_refused(2, "sample", "is one argument too many");
    run("train --num_steps 5");
    assert_refused(2, "--num_steps", "no such option; did you mean --num-steps?");
    run("sample --laod=x");
    assert_refused(2, "--laod=x", "did you mean --load?");
    run("nodes --bogus");
    assert_refused(2, "--bogus", "no such option; see microgpt nodes --help");
    run("--bogus");
    assert_refused(2, "--bogus", "no such option; see microgpt --help");
    run("help -x");
    ck_assert_int_eq(p.status, 0); // the exit status of all commands
}
END_TEST

// Tests the first of a command's options as well as another one.
START_TEST(an_option_that_lacks_a_value_or_has_one_too_many_is_named)
{
    run("nodes --step");
    assert_refused(2, "--step", "needs a value; see microgpt nodes --help");
    run("trace --backward=yes emma");
    assert_refused(2, "--backward", "takes no value; see microgpt trace --help");
}
END_TEST

START_TEST(an_alias_is_the_same_option)
{
    static Program expected;
    run("--data data --n-embd 4 --num-steps 3 --num-samples 2");
    assert_done();
    expected = p;
    run("--data data --n-embd 4 --steps 3 --samples=2");
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
    run("--steps x");
    assert_refused(2, "--num-steps", "is not a whole number");
    run("--steps");
    assert_refused(2, "--steps", "needs a value");
}
END_TEST

// Names are not made up.
START_TEST(an_option_without_effect_is_refused)
{
    run("nodes --step 1 --temperature 1");
    assert_refused(2, "--temperature", "no such option");
    run("nodes --step 1 --num-samples 1");
    assert_refused(2, "--num-samples", "no such option");
    run("attention emma --output file");
    assert_refused(2, "--output", "is for --format svg");
    run("attention emma --format svg --json");
    assert_refused(2, "--json", "standard output");
    run("graph --svg file --format dot");
    assert_refused(2, "--svg", "leave these out");
    run("attention emma --svg file --output file");
    assert_refused(2, "--svg", "leave these out");
    run("attention emma --format png");
    assert_refused(2, "--format", "choose text, svg or json");
}
END_TEST

START_TEST(a_seed_has_64_bits)
{
    run("--seed 18446744073709551616");
    assert_refused(2, "--seed: '18446744073709551616' is too large", "");
    run("--seed text");
    assert_refused(2, "--seed: 'text' is not a whole number", "");
}
END_TEST

// These commands write the scalar engine's graph, or run both engines.
static const char *const without_engine[] = {"nodes", "bench", "crosscheck"};

START_TEST(an_engine_is_an_option_only_where_there_is_a_choice)
{
    char text[80];
    snprintf(text, sizeof text, "%s --engine scalar", without_engine[_i]);
    run(text);
    assert_refused(2, "--engine", "no such option");
    snprintf(text, sizeof text, "%s --help", without_engine[_i]);
    run(text);
    assert_done();
    ck_assert_ptr_null(strstr(p.out, "--engine"));
}
END_TEST

START_TEST(crosscheck_says_what_is_equal)
{
    run("crosscheck " QUICK " --steps 3 --num-samples 2");
    assert_done();
    ck_assert_msg(strncmp(p.out, "3 steps: the loss, ", 19) == 0, "%s", p.out);
    ck_assert_ptr_nonnull(strstr(p.out, "\n2 samples: equal\n"));
    run("crosscheck " QUICK " --init-std 1e200");
    assert_failed(2, "step 1", "not a finite number");
}
END_TEST

START_TEST(crosscheck_answers_in_json)
{
    run("crosscheck " QUICK " --json");
    assert_done();
    ck_assert_msg(strstr(p.out, "\"same\": true") != NULL && p.out[0] == '{', "%s", p.out);
    ck_assert_ptr_nonnull(strstr(p.out, "\"n_steps\": 2,"));
    ck_assert_ptr_nonnull(strstr(p.out, "\"n_samples\": 2,"));
    ck_assert_ptr_nonnull(strstr(p.out, "\"difference\": null"));
}
END_TEST

START_TEST(bench_has_a_line_for_each_engine)
{
    run("bench " QUICK " --documents 2 --samples 2");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "\nscalar "));
    ck_assert_ptr_nonnull(strstr(p.out, "\ntensor none "));
    run("bench " QUICK " --documents 2 --samples 2 --json");
    assert_done();
    const char *start = "{\"documents\": 2, \"samples\": 2, \"variants\": [{\"name\": \"scalar\", ";
    ck_assert_msg(strncmp(p.out, start, strlen(start)) == 0, "%s", p.out);
    ck_assert_str_eq(p.out + p.out_size - 4, "}]}\n");
    run("bench --sizes --documents 1");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "\n   128      1      16 "));
    run("bench --sizes --documents 1 --json");
    assert_done();
    start = "{\"documents\": 1, \"sizes\": [{\"n_embd\": 16, \"n_layer\": 1, ";
    ck_assert_msg(strncmp(p.out, start, strlen(start)) == 0, "%s", p.out);
    ck_assert_str_eq(p.out + p.out_size - 4, "}]}\n");
    run("bench --sizes --n-layer 2");
    assert_refused(2, "--n-layer", "--sizes");
    run("bench --sizes --n-head 3");
    assert_refused(2, "--n-head", "multiple");
    run("bench --simd none"); // it also has a line for each level
    assert_refused(2, "--simd", "no such option");
    run("bench " QUICK " --init-std 1e200");
    assert_failed(1, "step 1", "not a finite number");
}
END_TEST

START_TEST(version_is_one_line)
{
    int major;
    int minor;
    int patch;
    int end = 0;
    run("--version");
    assert_done();
    sscanf(p.out, "microgpt %d.%d.%d\n%n", &major, &minor, &patch, &end);
    ck_assert_msg(end > 0 && (size_t)end == p.out_size, "%s", p.out);
}
END_TEST

// The text of an argument must not become a second line, or control the terminal.
START_TEST(control_characters_in_arguments_are_not_printed)
{
    run_program_args(&p, (char *[]){NULL, "tr\nain", NULL});
    assert_refused(2, "ain: no such command", "");
    run_program_args(&p, (char *[]){NULL, "--bo\ngus", NULL});
    assert_refused(2, "gus: no such option", "");
    run_option("seed", "1\n2");
    assert_refused(2, "--seed", "");
    run_option("data", "no\nsuch\033[31m\rfile\177");
    assert_refused(1, "such", "No such file");
    run_option("log", "no\n/log");
    assert_refused(1, "/log", "No such file");
}
END_TEST

// The longest possible name must not push the reason out of the message.
START_TEST(a_long_file_name_leaves_room_for_the_reason)
{
    char name[4000] = "";
    memset(name, 'x', sizeof name - 1);
    run_option("data", name);
    assert_refused(1, "xxx", strerror(ENAMETOOLONG));
    run_option("log", name);
    assert_refused(1, "xxx", strerror(ENAMETOOLONG));
    run_option("seed", name);
    assert_refused(2, "--seed", "is not a whole number");
}
END_TEST

// ---- the data ----

static void assert_bad_data(const char *name, const char *why)
{
    run_option("data", name);
    assert_refused(1, name, why);
}

START_TEST(data_must_be_a_regular_file)
{
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    assert_bad_data("missing", "No such file");
    assert_bad_data("data/missing", "Not a directory");
    assert_bad_data("folder", "is a directory");
    assert_bad_data("/dev/zero", "is not a regular file");
    assert_bad_data("/dev/null", "is not a regular file");
}
END_TEST

static const char *const names_of_a_pipe[] = {"-", "/dev/stdin", "/dev/fd/0", "fifo"};

START_TEST(data_may_come_from_a_pipe)
{
    static Program expected;
    char arguments[256];
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    pid_t writer = fork(); // waits until the file is read
    ck_assert_int_ge(writer, 0);
    if (writer == 0) {
        write_text("fifo", DATA);
        _exit(0);
    }
    run(QUICK);
    assert_done();
    expected = p;
    p.stdin_text = DATA;
    snprintf(arguments, sizeof arguments, QUICK " --data %s", names_of_a_pipe[_i]);
    run(arguments);
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
    kill(writer, SIGKILL);
}
END_TEST

START_TEST(a_pipe_without_documents_is_named)
{
    p.stdin_text = "";
    run(QUICK " --data -");
    assert_refused(1, "standard input", "is empty");
    p.stdin_text = "a\n\xff\n";
    run(QUICK " --data -");
    assert_refused(1, "standard input:2:", "not UTF-8");
    p.closed[STDIN_FILENO] = true;
    run(QUICK " --data -");
    assert_refused(1, "standard input", "is empty");
}
END_TEST

START_TEST(data_must_be_readable)
{
    if (permissions_hold()) {
        ck_assert_int_eq(chmod("data", 0), 0);
        p.obeys_permissions = true;
        run_option("data", "data");
        assert_refused(1, "data", strerror(EACCES));
    }
}
END_TEST

START_TEST(data_must_hold_a_document)
{
    write_text("data", "");
    assert_bad_data("data", "is empty");
    write_text("data", "\n \t\n\r\n\r\u00a0\u3000\n\v\f\x1c");
    assert_bad_data("data", "only blank lines");
}
END_TEST

typedef struct BadUtf8 {
    const char *text;
    const char *where;
} BadUtf8;

static const BadUtf8 bad_utf8[] = {
    {"\xff", "offset 0 "},
    {"abc\nde\xff\n", "offset 6 "},
    {"abc\n\nde\xe2\x82", "data:3: "}, // the end of the file comes too early
    {"a\r\nb\r\n\xff", "data:3: "},    // a line end of two bytes
    {"a\rb\r\xff", "data:3: "},
    {"\u00fc\x80", "offset 2 "},                   // there is nothing to continue
    {"a\xc0\xaf", "offset 1 "},                    // '/' in two bytes
    {"a\xed\xa0\x80", "offset 1 "},                // half of a surrogate pair
    {"a\xf4\x90\x80\x80", "offset 1 "},            // above U+10FFFF
    {"\u674e\n\u5c0f\n\u9f99 \xfe", "offset 12 "}, // bytes, not characters
};

START_TEST(data_must_be_utf8_and_the_byte_is_named)
{
    write_text("data", bad_utf8[_i].text);
    assert_bad_data("data", bad_utf8[_i].where);
    ck_assert_ptr_nonnull(strstr(p.err, "not UTF-8"));
}
END_TEST

// As in Python, it is a character like any other.
START_TEST(a_nul_byte_is_a_letter)
{
    static const char text[] = "a\0b\n\0\n";
    write_bytes("data", text, sizeof text - 1);
    run(QUICK " --num-samples 20");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "num docs: 2\nvocab size: 4\n"));
    ck_assert_msg(strlen(p.out) < p.out_size, "no NUL in 20 samples from a, b and NUL");
}
END_TEST

static const char *const same_documents[] = {
    "anna\nbob\ncarla",
    "anna\nbob\ncarla\n",
    "anna\r\nbob\r\ncarla\r\n",
    "anna\rbob\rcarla\r",
    "\n\n anna\n\tbob\u00a0\r\n\r\r\n \ncarla\u2003\n\n",
};

START_TEST(ends_of_lines_and_white_space_do_not_matter)
{
    static Program expected;
    write_text("data", same_documents[0]);
    run(QUICK);
    assert_done();
    expected = p;
    write_text("data", same_documents[_i]);
    run(QUICK);
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
}
END_TEST

// ---- more than fits into memory ----

START_TEST(a_line_of_five_gigabytes_is_refused)
{
    limit_memory(512 * MEGABYTE);
    if (write_zeros("data", (off_t)5 << 30)) { // some file systems cannot store zeros without space
        assert_bad_data("data", "5368709120 bytes; at most");
    }
}
END_TEST

// One line of one letter (the NUL byte) that takes two thirds of the available memory: it is kept
// only once.
START_TEST(a_line_that_just_fits_works)
{
    limit_memory(48 * MEGABYTE);
    ck_assert(write_zeros("data", 32 << 20));
    run(QUICK);
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "num docs: 1\nvocab size: 2\n"));
}
END_TEST

START_TEST(a_file_that_does_not_fit_is_refused)
{
    if (memory_can_be_limited()) {
        limit_memory(48 * MEGABYTE);
        ck_assert(write_zeros("data", 64 << 20));
        assert_bad_data("data", "out of memory");
    }
}
END_TEST

// The text fits, but each of its lines needs 16 bytes more.
START_TEST(too_many_documents_are_refused)
{
    if (!memory_can_be_limited()) {
        return;
    }
    FILE *file = fopen("data", "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 2 << 20; i++) {
        fputs("a\n", file);
    }
    fclose(file);
    limit_memory(24 * MEGABYTE);
    assert_bad_data("data", "out of memory");
}
END_TEST

static const char *const too_large_models[] = {
    "--n-embd 1048576",
    "--n-layer 1048576",
    "--block-size 1048576 --n-embd 1048576 --n-head 1048576",
    "--n-layer 1048576 --n-embd 1048576 --block-size 1048576",
    "--num-steps 0 --n-embd 1048576",
};

// Under a limit that would kill a program that allocates before it checks.
START_TEST(a_model_that_cannot_fit_is_refused)
{
    limit_memory(64 * MEGABYTE);
    run(too_large_models[_i]);
    assert_refused(1, "--n-embd", "MiB");
    ck_assert_msg(strstr(p.err, "e+") == NULL, "not for people: %s", p.err);
}
END_TEST

// The check before the start does not count the memory of the program itself. So there is a range
// of a few megabytes, between what is rejected and what works, in which memory runs out during the
// run. This test goes through all of it, from below. Models of other sizes have other ends there.
typedef struct MemoryCase {
    const char *arguments;
    const char *met[3]; // the ends that must occur
} MemoryCase;

static const MemoryCase memory_cases[] = {
    {"--n-embd 16 --n-layer 2 --block-size 5",
     {"MiB of memory", "out of memory for the graph", "out of memory for the order of the graph"}},
    // Documents of two positions pass the check, but names of sixteen do not fit. With 27 tokens,
    // few of the names that an untrained model makes end earlier.
    {"--data short --num-steps 0 --n-embd 16 --n-layer 4", {"out of memory for the graph"}},
};

START_TEST(memory_may_run_out_anywhere)
{
    const MemoryCase *c = &memory_cases[_i];
    char arguments[256];
    bool met[3] = {false};
    if (!memory_can_be_limited()) {
        return;
    }
    write_text("short",
               "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt\nu\nv\nw\nx\ny\nz\n");
    snprintf(arguments, sizeof arguments, QUICK " %s", c->arguments);
    p.status = RUN_CANNOT_EXECUTE;
    for (rlim_t limit = 4 * MEGABYTE; p.status != 0; limit += MEGABYTE / 8) {
        ck_assert_uint_lt(limit, 64 * MEGABYTE);
        limit_memory(limit);
        run(arguments);
        if (HAS_GCOV && p.status == -SIGSEGV) {
            continue;
        }
        if (p.status != 0 && p.status != RUN_CANNOT_EXECUTE) { // there is not even memory for libc
            assert_failed(1, "memory", "");
        }
        for (int i = 0; i < 3; i++) {
            met[i] |= c->met[i] == NULL || strstr(p.err, c->met[i]) != NULL;
        }
    }
    assert_done();
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(met[i], "no limit ends in '%s'", c->met[i]);
    }
}
END_TEST

// ---- standard streams ----

static const char *const printing[] = {QUICK, QUICK " --num-steps 300", "--help", "--version"};

START_TEST(a_full_disk_is_an_error)
{
    p.stdout_path = "/dev/full";
    run(printing[_i]);
    assert_failed(1, "standard output", strerror(ENOSPC));
}
END_TEST

START_TEST(a_closed_pipe_ends_in_silence)
{
    p.stdout_has_no_reader = true;
    run(printing[_i]);
    ck_assert_int_eq(p.status, 141); // as with the shell's own tools, and without a message
    ck_assert_str_eq(p.err, "");
}
END_TEST

START_TEST(a_closed_standard_output_is_an_error)
{
    p.closed[STDOUT_FILENO] = true;
    run(printing[_i]);
    assert_failed(1, "standard output", "is closed");
}
END_TEST

START_TEST(a_standard_output_only_for_reading_is_an_error)
{
    p.stdout_is_read_only = true;
    run(printing[_i]);
    assert_failed(1, "standard output", strerror(EBADF));
}
END_TEST

// The signal that comes with it would end the program without a message.
START_TEST(the_limit_of_a_file_is_an_error)
{
    p.file_size = 4096;
    run(QUICK " --num-steps 300 --log log");
    assert_failed(1, "", strerror(EFBIG));
    run(QUICK " --num-steps 300");
    assert_failed(1, "standard output", strerror(EFBIG));
}
END_TEST

START_TEST(closed_standard_input_and_error_do_no_harm)
{
    static Program expected;
    run(QUICK);
    assert_done();
    expected = p;
    p.closed[STDIN_FILENO] = true;
    run(QUICK);
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
    p.closed[STDERR_FILENO] = true;
    run(QUICK);
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
    p.closed[STDOUT_FILENO] = true;
    run(QUICK);
    ck_assert_int_eq(p.status, 1);
}
END_TEST

// If the log were opened as file descriptor 2, the message would be written to it.
START_TEST(a_message_to_closed_standard_error_goes_nowhere)
{
    char log[4096];
    p.closed[STDERR_FILENO] = true;
    run(QUICK " --learning-rate 1e308 --log log");
    ck_assert_int_eq(p.status, 1);
    read_text("log", log, sizeof log);
    ck_assert_msg(strstr(log, "microgpt") == NULL, "%s", log);
    run("--bogus");
    ck_assert_int_eq(p.status, 2);
}
END_TEST

// ---- what a run prints ----

typedef struct RunCase {
    const char *arguments; // after QUICK
    const char *expected;  // on standard output
} RunCase;

// CPython 3.11 printed each with microgpt.py, with its constants changed as the arguments say and
// with DATA as its input file. Losses of four digits and samples are the same with any libm.
static const RunCase run_cases[] = {
    {"--n-embd 6 --n-head 3 --block-size 5",
     "num docs: 6\nvocab size: 16\nnum params: 654\n"
     "step    1 /    2 | loss 2.8092\rstep    2 /    2 | loss 2.6986\r\n"
     "--- inference (new, hallucinated names) ---\n"
     "sample  1: nrb\u00fc\nsample  2: adneo\n"},
    {"--n-layer 0", "num docs: 6\nvocab size: 16\nnum params: 192\n"
                    "step    1 /    2 | loss 2.7962\rstep    2 /    2 | loss 2.7338\r\n"
                    "--- inference (new, hallucinated names) ---\n"
                    "sample  1: \u5c0f\u674ea\u00fcoJa\u5c0fcel\u674e\u9f99bJe\n"
                    "sample  2: \u9f99\u5c0fdrr\u5c0f\u00fcncca\u00fcJeJg\n"},
    {"--n-layer 2",
     "num docs: 6\nvocab size: 16\nnum params: 576\n"
     "step    1 /    2 | loss 2.7907\rstep    2 /    2 | loss 2.7360\r\n"
     "--- inference (new, hallucinated names) ---\n"
     "sample  1: \u674eodd\u9f99dg\u5c0fordgelec\nsample  2: do\u674eoncdlndgreJde\n"},
    {"--block-size 1", "num docs: 6\nvocab size: 16\nnum params: 324\n"
                       "step    1 /    2 | loss 2.7425\rstep    2 /    2 | loss 2.7158\r\n"
                       "--- inference (new, hallucinated names) ---\n"
                       "sample  1: \u674e\nsample  2: g\n"},
    {"--n-head 4", "num docs: 6\nvocab size: 16\nnum params: 384\n"
                   "step    1 /    2 | loss 2.7964\rstep    2 /    2 | loss 2.7324\r\n"
                   "--- inference (new, hallucinated names) ---\n"
                   "sample  1: b\u00fcg\u5c0fcog\u674eec\u5c0fodgrg\nsample  2: \u5c0f\n"},
    {"--n-embd 1 --n-head 1",
     "num docs: 6\nvocab size: 16\nnum params: 60\n"
     "step    1 /    2 | loss 2.7297\rstep    2 /    2 | loss 2.7900\r\n"
     "--- inference (new, hallucinated names) ---\n"
     "sample  1: ce\u5c0fJ\u5c0f\u674ega\u9f99o\u00fccl\u9f99rb\nsample  2: b\u00fcn\u00fcloe\n"},
    {"--seed 0",
     "num docs: 6\nvocab size: 16\nnum params: 384\n"
     "step    1 /    2 | loss 2.8169\rstep    2 /    2 | loss 2.7599\r\n"
     "--- inference (new, hallucinated names) ---\n"
     "sample  1: \u5c0f\u674ecoo\u674el\u5c0feo\u674e\u674erJbn\nsample  2: da\u674e\n"},
    {"--seed 18446744073709551615",
     "num docs: 6\nvocab size: 16\nnum params: 384\n"
     "step    1 /    2 | loss 2.8392\rstep    2 /    2 | loss 2.7525\r\n"
     "--- inference (new, hallucinated names) ---\n"
     "sample  1: bJ\u00fco\u00fce\nsample  2: oor\u5c0f\u9f99\u5c0feao\u00fc\u00fca\u9f99ndr\n"},
    {"--seed -7", "num docs: 6\nvocab size: 16\nnum params: 384\n"
                  "step    1 /    2 | loss 2.9401\rstep    2 /    2 | loss 2.7940\r\n"
                  "--- inference (new, hallucinated names) ---\n"
                  "sample  1: \u674egnr\nsample  2: g\u674errleaba\u5c0fdba\u674e\u674er\n"},
    {"--num-steps 0", "num docs: 6\nvocab size: 16\nnum params: 384\n\n"
                      "--- inference (new, hallucinated names) ---\n"
                      "sample  1: b\u00fcg\u5c0fcog\u674eec\u5c0fodgrg\nsample  2: \u5c0f\n"},
    {"--num-samples 0", "num docs: 6\nvocab size: 16\nnum params: 384\n"
                        "step    1 /    2 | loss 2.7964\rstep    2 /    2 | loss 2.7324\r\n"
                        "--- inference (new, hallucinated names) ---\n"},
};

START_TEST(a_run_prints_what_python_prints)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments, QUICK " %s", run_cases[_i].arguments);
    run(arguments);
    assert_done();
    ck_assert_str_eq(p.out, run_cases[_i].expected);
}
END_TEST

START_TEST(the_sign_of_the_seed_does_not_matter)
{
    static Program expected;
    run(QUICK " --seed 7");
    assert_done();
    expected = p;
    run(QUICK " --seed -7");
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
    run(QUICK " --seed 8");
    ck_assert_str_ne(p.out, expected.out);
}
END_TEST

START_TEST(run_is_the_command_where_none_is_named)
{
    static Program expected;
    run(QUICK);
    assert_done();
    expected = p;
    run("run " QUICK);
    assert_done();
    ck_assert_str_eq(p.out, expected.out);
}
END_TEST

// All tests run in a directory without a file of names. The numbers are the first of the default
// run of microgpt.py with these names.
START_TEST(the_names_are_compiled_in)
{
    static const char expected[] = "num docs: 32257\nvocab size: 27\nnum params: 4192\n"
                                   "step    1 /    1 | loss 3.4639\r\n";
    run("--num-steps 1 --num-samples 0");
    assert_done();
    ck_assert_msg(strncmp(p.out, expected, strlen(expected)) == 0, "%s", p.out);
}
END_TEST

// ---- a loss that overflows ----

typedef struct BrokenCase {
    const char *arguments;
    const char *step;   // the one in the message
    const char *advice; // the option that the message advises to change
} BrokenCase;

static const BrokenCase broken_cases[] = {
    {"--learning-rate 1e308", "step 2: the loss is ", "--learning-rate"},
    {"--learning-rate 1e100", "step 2: the loss is ", "--learning-rate"},
    {"--init-std 1e308", "step 1: the loss is ", "--init-std"},
    {"--init-std 1e100", "step 1: the loss is ", "--init-std"},
    {"--init-std 1e200", "step 1: the square of a gradient",
     "--init-std"}, // the loss is finite, but the square of its gradient is not
    {"--num-steps 0 --init-std 1e308", "probabilities", "--init-std"},
    {"--num-steps 1 --learning-rate 1e308", "probabilities", "--learning-rate"},
    {"--temperature 1e-320", "probabilities", "--temperature"},
};

START_TEST(a_number_that_is_not_finite_ends_the_run)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments, QUICK " %s", broken_cases[_i].arguments);
    run(arguments);
    assert_failed(1, broken_cases[_i].step, broken_cases[_i].advice);
    ck_assert_msg(strstr(p.err, "-nan") == NULL, "no number has that sign: %s", p.err);
}
END_TEST

START_TEST(what_was_done_before_the_loss_exploded_is_kept)
{
    char log[4096];
    run(QUICK " --learning-rate 1e308 --log log");
    assert_failed(1, "step 2", "");
    ck_assert_ptr_nonnull(strstr(p.out, "step    1 /    2 | loss 2.7964\r"));
    read_text("log", log, sizeof log);
    ck_assert_ptr_nonnull(strstr(log, "\n1\t2.796"));
    ck_assert_ptr_null(strstr(log, "\n2\t"));
}
END_TEST

// ---- the log ----

static const char LOG_HEADER[] = "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32\n";

// Compares one line of the log with the same step on standard output, to which *progress points.
static void assert_log_line(const char *line, int step, const char **progress)
{
    int logged_step;
    char loss[32];
    char loss_hex[32];
    char crc[2][9];
    char expected[128];
    int n = sscanf(line, "%d\t%31[^\t]\t%31[^\t]\t%8[0-9a-f]\t%8[0-9a-f]", &logged_step, loss,
                   loss_hex, crc[0], crc[1]);
    ck_assert_msg(n == 5, "five columns expected: %s", line);
    double value = strtod(loss_hex, NULL);
    // Formatted again as documented, the line must be the same.
    snprintf(expected, sizeof expected, "%d\t%.17g\t%.13a\t%8s\t%8s\n", step, value, value, crc[0],
             crc[1]);
    ck_assert_msg(strncmp(line, expected, strlen(expected)) == 0, "%s instead of %s", line,
                  expected);
    ck_assert_str_ne(crc[0], crc[1]);
    int size = snprintf(expected, sizeof expected, "step %4d /   12 | loss %.4f\r", step, value);
    ck_assert_msg(strncmp(*progress, expected, (size_t)size) == 0, "%s instead of %s", *progress,
                  expected);
    *progress += size;
}

START_TEST(the_log_has_a_line_for_each_step)
{
    char log[4096];
    write_text("log", "what was here before, and must be gone\n");
    run(QUICK " --num-steps 12 --log log");
    assert_done();
    read_text("log", log, sizeof log);
    const char *line = log;
    const char *progress = strstr(p.out, "step ");
    ck_assert_msg(strncmp(line, LOG_HEADER, strlen(LOG_HEADER)) == 0, "%s", log);
    for (int step = 1; step <= 12; step++) {
        line = strchr(line, '\n') + 1;
        assert_log_line(line, step, &progress);
    }
    ck_assert_str_eq(strchr(line, '\n'), "\n");
}
END_TEST

START_TEST(the_log_of_no_steps_has_its_header)
{
    run(QUICK " --num-steps 0 --log log");
    assert_done();
    assert_file_is("log", LOG_HEADER);
}
END_TEST

typedef struct LogCase {
    const char *path;
    const char *why;
} LogCase;

static const LogCase unwritable_logs[] = {
    {"folder", "Is a directory"},
    {"missing/log", "No such file"},
    {"data/log", "Not a directory"},
};

START_TEST(a_log_that_cannot_be_opened_is_refused)
{
    char arguments[256];
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    snprintf(arguments, sizeof arguments, QUICK " --log %s", unwritable_logs[_i].path);
    run(arguments);
    assert_refused(1, unwritable_logs[_i].path, unwritable_logs[_i].why);
}
END_TEST

START_TEST(a_log_on_a_full_disk_is_an_error)
{
    run(QUICK " --log /dev/full"); // noticed when it is closed
    assert_failed(1, "/dev/full", strerror(ENOSPC));
    ck_assert_ptr_null(strstr(p.out, "sample"));
    run(QUICK " --num-steps 300 --log /dev/full"); // during the run
    assert_failed(1, "/dev/full", strerror(ENOSPC));
    ck_assert_ptr_null(strstr(p.out, "step  300"));
}
END_TEST

static const char *const ways_to_the_data[] = {"data", "./data", "symlink", "hardlink"};

START_TEST(the_log_must_not_overwrite_the_data)
{
    char arguments[256];
    ck_assert_int_eq(symlink("data", "symlink"), 0);
    ck_assert_int_eq(link("data", "hardlink"), 0);
    snprintf(arguments, sizeof arguments, QUICK " --log %s", ways_to_the_data[_i]);
    run(arguments);
    assert_refused(2, ways_to_the_data[_i], "is the data file; name another one with --log");
    assert_file_is("data", DATA);
}
END_TEST

static const char *const runs_that_do_not_start[] = {
    "--log log --data missing",
    "--log log --n-embd 1048576",
    "--log log --bogus",
    "--log log --n-head 3",
};

START_TEST(a_run_that_does_not_start_leaves_an_old_log_alone)
{
    write_text("log", "old\n");
    run(runs_that_do_not_start[_i]);
    ck_assert_int_gt(p.status, 0);
    assert_file_is("log", "old\n");
}
END_TEST

// ---- random arguments ----

// Values that some option accepts, none of which makes a run long.
static const char *const values[] = {"0",    "1",     "2",    "3",   "4",      "8",      "0.5",
                                     "1e-9", "1e308", "data", "log", "scalar", "missing"};
static const char *const odd_words[] = {"run", "nodes",    "--step", "--help",   "--version",
                                        "--",  "-",        "--n",    "--=",      "-s",
                                        "",    "data",     "%s%n%",  "\xff\xfe", "a\nb",
                                        ".",   "/dev/zero"};

enum {
    MAX_RANDOM_WORDS = 6,
};

typedef struct RandomArguments {
    char quick[sizeof QUICK];
    char options[MAX_RANDOM_WORDS][64];
    char *args[RUN_MAX_ARGS + 2];
    int n_args;
} RandomArguments;

// Returns the next number of a small generator (a linear congruence), so that the arguments are the
// same on every machine.
static int next_below(uint64_t *state, int n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)(*state >> 33) % n;
}

static void add_random_word(RandomArguments *r, uint64_t *state)
{
    r->args[r->n_args] = (char *)odd_words[next_below(state, COUNT(odd_words))];
    r->n_args++;
}

// Adds a random option, often with a value that is valid for some option.
static void add_random_option(RandomArguments *r, char *option, uint64_t *state)
{
    const char *name = option_cases[next_below(state, N_OPTION_CASES)].name;
    const char *value = values[next_below(state, COUNT(values))];
    if (next_below(state, 8) == 0) {
        value = bad_reals[next_below(state, COUNT(bad_reals) - 1)];
    }
    snprintf(option, sizeof r->options[0], "--%s=%s", name, value);
    r->args[r->n_args] = option;
    r->n_args++;
}

// Makes QUICK, some options and other words after it, and sometimes a word before it.
static void make_random_arguments(RandomArguments *r, uint64_t *state)
{
    *r = (RandomArguments){.quick = QUICK, .n_args = 1};
    if (next_below(state, 4) == 0) {
        add_random_word(r, state);
    }
    char *rest = r->quick;
    while (rest != NULL) {
        r->args[r->n_args] = strsep(&rest, " ");
        r->n_args++;
    }
    for (int i = next_below(state, MAX_RANDOM_WORDS + 1) - 1; i >= 0; i--) {
        if (next_below(state, 10) == 0) {
            add_random_word(r, state);
        } else {
            add_random_option(r, r->options[i], state);
        }
    }
}

static void describe(char *const *args, char *text, size_t size)
{
    size_t n = 0;
    for (int i = 1; args[i] != NULL && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, " '%s'", args[i]);
    }
}

// For all arguments: no signal, a documented exit status, and one line if it is not 0.
START_TEST(random_arguments_never_crash)
{
    uint64_t state = (uint64_t)_i;
    for (int i = 0; i < 50; i++) {
        RandomArguments r;
        char described[1024];
        make_random_arguments(&r, &state);
        describe(r.args, described, sizeof described);
        write_text("data", DATA); // a --log may have overwritten it
        run_program_args(&p, r.args);
        ck_assert_msg(p.status >= 0 && p.status <= 2, "status %d of%s", p.status, described);
        ck_assert_msg((p.status == 0) == (p.err_size == 0), "of%s: %s", described, p.err);
        ck_assert_msg(p.status != 2 || p.out_size == 0, "prints something:%s", described);
        if (p.status != 0) {
            assert_one_line(p.err, p.err_size);
        }
    }
}
END_TEST

static void add_case(Suite *suite, TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
}

static TCase *command_line_case(void)
{
    TCase *tcase = tcase_create("command line");
    tcase_add_loop_test(tcase, a_bad_value_is_refused_and_its_option_named, 0, N_OPTION_CASES);
    tcase_add_loop_test(tcase, what_is_wrong_with_a_value_is_said, 0, COUNT(reason_cases));
    tcase_add_loop_test(tcase, a_missing_value_is_refused_and_its_option_named, 0, N_OPTION_CASES);
    tcase_add_loop_test(tcase, a_wrong_argument_is_refused_and_named, 0, COUNT(wrong_arguments));
    tcase_add_test(tcase, n_head_must_divide_n_embd);
    tcase_add_loop_test(tcase, values_at_the_edge_are_good, 0, COUNT(good_arguments));
    tcase_add_loop_test(tcase, help_names_every_option, 0, COUNT(helps));
    tcase_add_loop_test(tcase, help_names_every_command, 0, COUNT(command_names));
    tcase_add_loop_test(tcase, an_engine_is_an_option_only_where_there_is_a_choice, 0,
                        COUNT(without_engine));
    tcase_add_test(tcase, crosscheck_says_what_is_equal);
    tcase_add_test(tcase, crosscheck_answers_in_json);
    tcase_add_test(tcase, bench_has_a_line_for_each_engine);
    tcase_add_loop_test(tcase, every_command_has_help_and_version, 0, COUNT(command_names));
    tcase_add_test(tcase, what_may_be_meant_is_said);
    tcase_add_test(tcase, an_option_that_lacks_a_value_or_has_one_too_many_is_named);
    tcase_add_test(tcase, an_alias_is_the_same_option);
    tcase_add_test(tcase, an_option_without_effect_is_refused);
    tcase_add_test(tcase, a_seed_has_64_bits);
    tcase_add_test(tcase, version_is_one_line);
    tcase_add_test(tcase, control_characters_in_arguments_are_not_printed);
    tcase_add_test(tcase, a_long_file_name_leaves_room_for_the_reason);
    tcase_add_loop_test(tcase, random_arguments_never_crash, 0, 4);
    return tcase;
}

static TCase *data_case(void)
{
    TCase *tcase = tcase_create("data");
    tcase_add_test(tcase, data_must_be_a_regular_file);
    tcase_add_loop_test(tcase, data_may_come_from_a_pipe, 0, COUNT(names_of_a_pipe));
    tcase_add_test(tcase, a_pipe_without_documents_is_named);
    tcase_add_test(tcase, data_must_be_readable);
    tcase_add_test(tcase, data_must_hold_a_document);
    tcase_add_loop_test(tcase, data_must_be_utf8_and_the_byte_is_named, 0, COUNT(bad_utf8));
    tcase_add_test(tcase, a_nul_byte_is_a_letter);
    tcase_add_loop_test(tcase, ends_of_lines_and_white_space_do_not_matter, 0,
                        COUNT(same_documents));
    return tcase;
}

static TCase *memory_case(void)
{
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, a_line_of_five_gigabytes_is_refused);
    tcase_add_test(tcase, a_line_that_just_fits_works);
    tcase_add_test(tcase, a_file_that_does_not_fit_is_refused);
    tcase_add_test(tcase, too_many_documents_are_refused);
    tcase_add_loop_test(tcase, a_model_that_cannot_fit_is_refused, 0, COUNT(too_large_models));
    tcase_add_loop_test(tcase, memory_may_run_out_anywhere, 0, COUNT(memory_cases));
    return tcase;
}

static TCase *streams_case(void)
{
    TCase *tcase = tcase_create("standard streams");
    tcase_add_loop_test(tcase, a_full_disk_is_an_error, 0, COUNT(printing));
    tcase_add_loop_test(tcase, a_closed_pipe_ends_in_silence, 0, COUNT(printing));
    tcase_add_loop_test(tcase, a_closed_standard_output_is_an_error, 0, COUNT(printing));
    tcase_add_loop_test(tcase, a_standard_output_only_for_reading_is_an_error, 0, COUNT(printing));
    tcase_add_test(tcase, the_limit_of_a_file_is_an_error);
    tcase_add_test(tcase, closed_standard_input_and_error_do_no_harm);
    tcase_add_test(tcase, a_message_to_closed_standard_error_goes_nowhere);
    return tcase;
}

static TCase *run_case(void)
{
    TCase *tcase = tcase_create("run");
    tcase_add_loop_test(tcase, a_run_prints_what_python_prints, 0, COUNT(run_cases));
    tcase_add_test(tcase, the_sign_of_the_seed_does_not_matter);
    tcase_add_test(tcase, run_is_the_command_where_none_is_named);
    tcase_add_test(tcase, the_names_are_compiled_in);
    tcase_add_loop_test(tcase, a_number_that_is_not_finite_ends_the_run, 0, COUNT(broken_cases));
    tcase_add_test(tcase, what_was_done_before_the_loss_exploded_is_kept);
    return tcase;
}

static TCase *log_case(void)
{
    TCase *tcase = tcase_create("log");
    tcase_add_test(tcase, the_log_has_a_line_for_each_step);
    tcase_add_test(tcase, the_log_of_no_steps_has_its_header);
    tcase_add_loop_test(tcase, a_log_that_cannot_be_opened_is_refused, 0, COUNT(unwritable_logs));
    tcase_add_test(tcase, a_log_on_a_full_disk_is_an_error);
    tcase_add_loop_test(tcase, the_log_must_not_overwrite_the_data, 0, COUNT(ways_to_the_data));
    tcase_add_loop_test(tcase, a_run_that_does_not_start_leaves_an_old_log_alone, 0,
                        COUNT(runs_that_do_not_start));
    return tcase;
}

int main(int argc, char **argv)
{
    if (!find_program(argc, argv) || !enter_directory()) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("cli");
    add_case(suite, command_line_case());
    add_case(suite, data_case());
    add_case(suite, memory_case());
    add_case(suite, streams_case());
    add_case(suite, run_case());
    add_case(suite, log_case());
    int status = run_suite(suite);
    leave_directory();
    return status;
}
