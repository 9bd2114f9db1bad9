// Reads options with getopt_long and checks their values: see options.h.
#include "cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OPTIONS = 32,
    FIRST_OPTION_CODE = 256, // above any character, so that no option has a one-letter form
};

Option option_num_samples(size_t *num_samples)
{
    return (Option){"num-samples",
                    OPTION_COUNT,
                    num_samples,
                    0,
                    OPTION_MAX_COUNT,
                    "N",
                    "names to make up (default: 20)"};
}

Option option_temperature(double *temperature)
{
    return (Option){"temperature",
                    OPTION_ABOVE,
                    temperature,
                    0,
                    INFINITY,
                    "X",
                    "of the sampling: low is likely, high is wild (default: 0.5)"};
}

Option option_engine(EngineKind *engine)
{
    return (Option){"engine",
                    OPTION_ENGINE,
                    engine,
                    0,
                    0,
                    "NAME",
                    "scalar: a graph of Values; tensor: fast (default: scalar)"};
}

Option option_simd(SimdLevel *simd)
{
    return (Option){"simd",
                    OPTION_SIMD,
                    simd,
                    0,
                    0,
                    "NAME",
                    "auto, none, avx2 or avx512; all the same bits (default: auto)"};
}

void options_for_run(RunOptions *run, Option *options)
{
    AdamConfig *adam = &run->adam;
    ModelConfig *model = &run->model;
    const Option all[] = {
        {"data", OPTION_TEXT, &run->data, 0, 0, "FILE", "documents, one a line (default: names)"},
        {"seed", OPTION_SEED, &run->seed, 0, 0, "N", "of the random numbers (default: 42)"},
        {"num-steps", OPTION_COUNT, &run->num_steps, 0, OPTION_MAX_COUNT, "N",
         "documents to train on (default: 1000)"},
        option_num_samples(&run->num_samples),
        option_temperature(&run->temperature),
        {"learning-rate", OPTION_ABOVE, &adam->learning_rate, 0, INFINITY, "X",
         "at the start; falls to 0 (default: 0.01)"},
        {"beta1", OPTION_REAL, &adam->beta1, 0, 1, "X", "decay of Adam's mean (default: 0.85)"},
        {"beta2", OPTION_REAL, &adam->beta2, 0, 1, "X", "decay of Adam's square (default: 0.99)"},
        {"eps-adam", OPTION_ABOVE, &adam->eps_adam, 0, INFINITY, "X",
         "added to Adam's divisor (default: 1e-8)"},
        {"n-layer", OPTION_SIZE, &model->n_layer, 0, MODEL_MAX_SIZE, "N", "layers (default: 1)"},
        {"n-embd", OPTION_SIZE, &model->n_embd, 1, MODEL_MAX_SIZE, "N",
         "width of the network (default: 16)"},
        {"n-head", OPTION_SIZE, &model->n_head, 1, MODEL_MAX_SIZE, "N",
         "attention heads; divides n-embd (default: 4)"},
        {"block-size", OPTION_SIZE, &model->block_size, 1, MODEL_MAX_SIZE, "N",
         "longest context (default: 16)"},
        {"init-std", OPTION_ABOVE, &run->init_std, 0, INFINITY, "X",
         "spread of the initial parameters (default: 0.08)"},
    };
    _Static_assert(sizeof all / sizeof all[0] == N_RUN_OPTIONS, "N_RUN_OPTIONS must be its size");
    memcpy(options, all, sizeof all);
}

static bool bad_value(const Option *option, const char *text, const char *what, Error *error)
{
    return error_set(error, "--%s: '%.100s' %s", option->name, text, what);
}

static bool is_seed(const Option *option)
{
    return option->kind == OPTION_SEED || option->kind == OPTION_GIVEN_SEED;
}

// An integer in decimal digits and nothing else, but for a sign where that is allowed.
static bool parse_integer(const Option *option, const char *text, uint64_t *value, Error *error)
{
    const char *digits = text;
    if (is_seed(option) && (*digits == '-' || *digits == '+')) {
        digits++;
    }
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return bad_value(option, text, "is not a whole number", error);
    }
    errno = 0;
    *value = strtoull(digits, NULL, 10);
    if (errno == ERANGE) {
        return bad_value(option, text, "is too large", error);
    }
    return true;
}

static bool parse_count(const Option *option, const char *text, uint64_t *value, Error *error)
{
    if (text[0] == '-' && strpbrk(text, "123456789") != NULL) {
        return error_set(error, "--%s: '%.100s' must be at least %.0f", option->name, text,
                         option->min);
    }
    if (!parse_integer(option, text, value, error)) {
        return false;
    }
    if ((double)*value < option->min || (double)*value > option->max) {
        return error_set(error, "--%s: '%.100s' must be from %.0f to %.0f", option->name, text,
                         option->min, option->max);
    }
    return true;
}

static bool parse_real(const Option *option, const char *text, double *value, Error *error)
{
    char *end;
    double parsed = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)text[0])) {
        return bad_value(option, text, "is not a number", error);
    }
    if (!isfinite(parsed)) {
        return bad_value(option, text, "is not a finite number", error);
    }
    bool above = option->kind == OPTION_ABOVE ? parsed > option->min : parsed >= option->min;
    if (!above || parsed >= option->max) {
        const char *what = option->kind == OPTION_ABOVE ? "must be greater than 0"
                                                        : "must be from 0 to less than 1";
        return bad_value(option, text, what, error);
    }
    *value = parsed;
    return true;
}

static bool set_integer(const Option *option, const char *text, Error *error)
{
    uint64_t value = 0;
    bool ok = is_seed(option) ? parse_integer(option, text, &value, error)
                              : parse_count(option, text, &value, error);
    if (!ok) {
        return false;
    }
    if (option->kind == OPTION_SEED) {
        *(uint64_t *)option->target = value;
    } else if (option->kind == OPTION_GIVEN_SEED) {
        *(GivenSeed *)option->target = (GivenSeed){true, value};
    } else if (option->kind == OPTION_COUNT) {
        *(size_t *)option->target = (size_t)value;
    } else {
        *(int *)option->target = (int)value;
    }
    return true;
}

static bool set_simd(const Option *option, const char *text, Error *error)
{
    if (strcmp(text, "auto") == 0) {
        *(SimdLevel *)option->target = simd_best();
        return true;
    }
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (strcmp(text, simd_name(level)) == 0) {
            *(SimdLevel *)option->target = level;
            return simd_has(level) ||
                   bad_value(option, text, "is not in this processor; choose auto", error);
        }
    }
    return bad_value(option, text, "is no SIMD level; choose auto, none, avx2 or avx512", error);
}

static bool set_option(const Option *option, char *text, Error *error)
{
    switch (option->kind) {
    case OPTION_TEXT:
        if (text[0] == '\0') {
            return error_set(error, "--%s: needs a %s, not an empty text", option->name,
                             option->value_name);
        }
        *(char **)option->target = text;
        return true;
    case OPTION_SEED:
    case OPTION_GIVEN_SEED:
    case OPTION_COUNT:
    case OPTION_SIZE:
        return set_integer(option, text, error);
    case OPTION_REAL:
    case OPTION_ABOVE:
        return parse_real(option, text, option->target, error);
    case OPTION_ENGINE:
        if (!engine_kind_find(text, option->target)) {
            return bad_value(option, text, "is no engine; choose scalar or tensor", error);
        }
        return true;
    case OPTION_SIMD:
        return set_simd(option, text, error);
    case OPTION_FLAG:
        *(bool *)option->target = true;
        return true;
    }
    assert(false); // every kind is handled above
    return false;
}

// Whether `--text` begins the names of several options.
static bool is_ambiguous(const char *text, const Option *options, size_t n_options)
{
    const char *name = text + strspn(text, "-");
    size_t n_begun = 0;
    for (size_t i = 0; i < n_options; i++) {
        n_begun += strncmp(options[i].name, name, strcspn(name, "=")) == 0;
    }
    return n_begun > 1;
}

// What getopt_long stumbled on. It has already stepped over it, so argv[optind - 1] is the culprit.
static bool bad_option(int code, char **argv, const Option *options, size_t n_options, Error *error)
{
    const char *text = argv[optind - 1];
    if (code == ':') {
        return error_set(error, "%.100s: needs a value; see --help", text);
    }
    if (optopt >= FIRST_OPTION_CODE) {
        return error_set(error, "%.100s: takes no value; see --help", text);
    }
    if (optopt != 0) {
        return error_set(error, "-%c: no such option; see --help", isprint(optopt) ? optopt : '?');
    }
    const char *what =
        is_ambiguous(text, options, n_options) ? "is short for several options" : "no such option";
    return error_set(error, "%.100s: %s; see --help", text, what);
}

// Takes an argument that is no option.
static bool add_file(const char *text, const char **files, size_t max_files, size_t *n_files,
                     Error *error)
{
    if (*n_files >= max_files) {
        return error_set(error, "%.100s: is %s; see --help", text,
                         max_files > 0 ? "one argument too many" : "not an option");
    }
    assert(files != NULL);
    files[*n_files] = text;
    *n_files += 1;
    return true;
}

bool options_parse_files(int argc, char **argv, const Option *options, size_t n_options,
                         const char **files, size_t max_files, size_t *n_files, Error *error)
{
    assert(n_options <= MAX_OPTIONS);
    struct option long_options[MAX_OPTIONS + 1] = {{0}};
    for (size_t i = 0; i < n_options; i++) {
        int has_arg = options[i].kind == OPTION_FLAG ? no_argument : required_argument;
        int code = FIRST_OPTION_CODE + (int)i;
        long_options[i] = (struct option){options[i].name, has_arg, NULL, code};
    }
    opterr = 0;
    optind = 0; // glibc: start anew
    *n_files = 0;
    bool ok = true;
    for (int code = 0; ok && code != -1;) {
        code = getopt_long(argc, argv, "-:", long_options, NULL); // -: files in their place, as 1
        if (code == 1) {
            ok = add_file(optarg, files, max_files, n_files, error);
        } else if (code == '?' || code == ':') {
            ok = bad_option(code, argv, options, n_options, error);
        } else if (code != -1) {
            ok = set_option(&options[code - FIRST_OPTION_CODE], optarg, error);
        }
    }
    for (; ok && optind < argc; optind++) { // behind `--`
        ok = add_file(argv[optind], files, max_files, n_files, error);
    }
    return ok;
}

bool options_parse(int argc, char **argv, const Option *options, size_t n_options, Error *error)
{
    size_t n_files;
    return options_parse_files(argc, argv, options, n_options, NULL, 0, &n_files, error);
}

bool options_check_run(const RunOptions *run, Error *error)
{
    if (run->model.n_embd % run->model.n_head != 0) {
        return error_set(error, "--n-embd: %d must be a multiple of --n-head %d", run->model.n_embd,
                         run->model.n_head);
    }
    return true;
}

Option option_help(bool *help)
{
    return (Option){"help", OPTION_FLAG, help, 0, 0, NULL, "print this and exit"};
}

void options_print(const Option *options, size_t n_options)
{
    for (size_t i = 0; i < n_options; i++) {
        char synopsis[64];
        const char *value_name = options[i].value_name != NULL ? options[i].value_name : "";
        snprintf(synopsis, sizeof synopsis, "--%s %s", options[i].name, value_name);
        printf("  %-20s %s\n", synopsis, options[i].help);
    }
}
