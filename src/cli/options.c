// Reads options with getopt_long and checks their values: see options.h.
#include "cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"
#include "microgpt/engine.h"
#include "microgpt/simd.h"
#include "microgpt/version.h"

enum {
    FIRST_OPTION_CODE = 256, // above any character, so that no option has a one-letter form
};

static bool format_count(const Option *option, uint64_t count, char *text)
{
    if ((double)count < option->min || (double)count > option->max) {
        return false;
    }
    snprintf(text, OPTION_VALUE_BYTES, "%" PRIu64, count);
    return true;
}

static bool is_in_limits(const Option *option, double value)
{
    bool above = option->kind == OPTION_ABOVE ? value > option->min : value >= option->min;
    return above && value < option->max;
}

// Uses 15 digits if they identify the double: 0.07 and not 0.070000000000000007.
static bool format_real(const Option *option, double value, char *text)
{
    if (!is_in_limits(option, value)) {
        return false;
    }
    snprintf(text, OPTION_VALUE_BYTES, "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, OPTION_VALUE_BYTES, "%.17g", value);
    }
    char *exponent = strstr(text, "e-0"); // 1e-08 becomes 1e-8
    if (exponent != NULL) {
        memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
    }
    return true;
}

bool option_format_value(const Option *option, char *text)
{
    const char *name = NULL;
    text[0] = '\0';
    switch (option->kind) {
    case OPTION_SEED:
        snprintf(text, OPTION_VALUE_BYTES, "%" PRIu64, *(uint64_t *)option->target);
        return true;
    case OPTION_COUNT:
        return format_count(option, *(size_t *)option->target, text);
    case OPTION_SIZE:
        return format_count(option, (uint64_t) * (int *)option->target, text);
    case OPTION_REAL:
    case OPTION_ABOVE:
        return format_real(option, *(double *)option->target, text);
    case OPTION_TEXT:
        name = *(const char **)option->target;
        break;
    case OPTION_ENGINE:
        name = engine_kind_name(*(EngineKind *)option->target);
        break;
    case OPTION_SIMD:
        name = simd_name(*(SimdLevel *)option->target);
        break;
    case OPTION_FLAG:
        break;
    }
    if (name == NULL) {
        return false;
    }
    assert(strlen(name) < OPTION_VALUE_BYTES);
    snprintf(text, OPTION_VALUE_BYTES, "%s", name);
    return true;
}

void options_add(Options *options, Option option)
{
    assert(options->n < MAX_OPTIONS);
    if (option.default_text[0] == '\0') {
        option_format_value(&option, option.default_text);
    }
    options->list[options->n] = option;
    options->n++;
}

void options_add_help(Options *options)
{
    options_add(options, (Option){"help", &options->help, NULL, "print this and exit", OPTION_FLAG,
                                  .group = OPTION_OWN});
    options_add(options, (Option){"version", &options->version, NULL, "print the version and exit",
                                  OPTION_FLAG, .group = OPTION_OWN});
}

Option *options_find(Options *options, const void *target)
{
    size_t i = 0;
    while (options->list[i].target != target) {
        i++;
        assert(i < options->n);
    }
    return &options->list[i];
}

static bool bad_value(const Option *option, const char *text, const char *what, Error *error)
{
    return error_set(error, "--%s: '%.100s' %s", option->name, text, what);
}

// Parses an integer in decimal digits, with a sign only if the option allows it.
static bool parse_integer(const Option *option, const char *text, uint64_t *value, Error *error)
{
    const char *digits = text;
    if (option->kind == OPTION_SEED && (*digits == '-' || *digits == '+')) {
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

static bool refuse_real(const Option *option, const char *text, Error *error)
{
    char what[64];
    int n = snprintf(what, sizeof what,
                     option->kind == OPTION_ABOVE ? "must be greater than %g" : "must be from %g",
                     option->min);
    if (isfinite(option->max)) {
        snprintf(what + n, sizeof what - (size_t)n,
                 option->kind == OPTION_ABOVE ? " and less than %g" : " to less than %g",
                 option->max);
    }
    return bad_value(option, text, what, error);
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
    if (!is_in_limits(option, parsed)) {
        return refuse_real(option, text, error);
    }
    *value = parsed;
    return true;
}

static bool set_integer(const Option *option, const char *text, Error *error)
{
    uint64_t value = 0;
    bool ok = option->kind == OPTION_SEED ? parse_integer(option, text, &value, error)
                                          : parse_count(option, text, &value, error);
    if (!ok) {
        return false;
    }
    if (option->kind == OPTION_SEED) {
        *(uint64_t *)option->target = value;
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
                   bad_value(option, text, "is not supported by this processor; choose auto",
                             error);
        }
    }
    return bad_value(option, text, "is not a SIMD level; choose auto, none, neon, avx2 or avx512",
                     error);
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
    case OPTION_COUNT:
    case OPTION_SIZE:
        return set_integer(option, text, error);
    case OPTION_REAL:
    case OPTION_ABOVE:
        return parse_real(option, text, option->target, error);
    case OPTION_ENGINE:
        if (!engine_kind_find(text, option->target)) {
            return bad_value(option, text, "is not an engine; choose scalar or tensor", error);
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

// Returns whether `--text` is a prefix of several options.
static bool is_ambiguous(const char *text, const Options *options)
{
    const char *name = text + strspn(text, "-");
    size_t n_begun = 0;
    for (size_t i = 0; i < options->n; i++) {
        n_begun += strncmp(options->list[i].name, name, strcspn(name, "=")) == 0;
    }
    return n_begun > 1;
}

enum {
    HINT_BYTES = 80,
};

// Writes a reference to the help of the command, which is the first word of its usage.
static void format_hint(const Options *options, char hint[HINT_BYTES])
{
    int n = options->usage[0] != '[' ? (int)strcspn(options->usage, " ") : 0;
    snprintf(hint, HINT_BYTES, "see microgpt %.*s%s--help", n, options->usage, n > 0 ? " " : "");
}

// Writes the advice for an unknown option.
static void format_meant(const char *text, const Options *options, char hint[HINT_BYTES])
{
    const char *names[MAX_OPTIONS];
    const char *name = text + strspn(text, "-");
    for (size_t i = 0; i < options->n; i++) {
        names[i] = options->list[i].name;
    }
    const char *meant = nearest_name(name, strcspn(name, "="), names, options->n);
    if (meant != NULL) {
        snprintf(hint, HINT_BYTES, "did you mean --%s?", meant);
    }
}

// Reports an option that getopt_long has rejected: argv[optind - 1], since it has advanced optind.
static bool bad_option(int code, char **argv, const Options *options, Error *error)
{
    const char *text = argv[optind - 1];
    char hint[HINT_BYTES];
    format_hint(options, hint);
    if (code == ':') {
        return error_set(error, "%.100s: needs a value; %s", text, hint);
    }
    if (optopt >= FIRST_OPTION_CODE) {
        return error_set(error, "%.100s: takes no value; %s", text, hint);
    }
    if (optopt != 0) {
        return error_set(error, "-%c: no such option; %s", isprint(optopt) ? optopt : '?', hint);
    }
    if (is_ambiguous(text, options)) {
        return error_set(error, "%.100s: is ambiguous; %s", text, hint);
    }
    format_meant(text, options, hint);
    return error_set(error, "%.100s: no such option; %s", text, hint);
}

// Stores an argument that is not an option.
static bool add_file(const char *text, const Options *options, const char **files, size_t max_files,
                     size_t *n_files, Error *error)
{
    if (*n_files >= max_files) {
        char hint[HINT_BYTES];
        format_hint(options, hint);
        return error_set_file(error, text, 0, "is %s; %s",
                              max_files > 0 ? "one argument too many" : "not an option", hint);
    }
    assert(files != NULL);
    files[*n_files] = text;
    *n_files += 1;
    return true;
}

// Sets an option that getopt_long has just read, and records its argument.
static bool take_option(Option *option, char **argv, Error *error)
{
    bool has_own_argument = optarg == argv[optind - 1]; // false for `--seed=5`
    option->given = argv[has_own_argument ? optind - 2 : optind - 1];
    return set_option(option, optarg, error);
}

// An option and its alias have the same code, so that getopt_long does not reject a prefix of both
// as ambiguous. Shapes: long_options [2 * MAX_OPTIONS + 1], zeroed.
static void list_long_options(const Options *options, struct option *long_options)
{
    size_t n = 0;
    for (size_t i = 0; i < options->n; i++) {
        const Option *option = &options->list[i];
        const char *const names[] = {option->name, option->alias};
        int has_arg = option->kind == OPTION_FLAG ? no_argument : required_argument;
        for (size_t k = 0; k < 2 && names[k] != NULL; k++) {
            int code = FIRST_OPTION_CODE + (int)i;
            long_options[n] = (struct option){names[k], has_arg, NULL, code};
            n++;
        }
    }
}

bool options_parse_files(Options *options, int argc, char **argv, const char **files,
                         size_t max_files, size_t *n_files, Error *error)
{
    struct option long_options[2 * MAX_OPTIONS + 1] = {{0}};
    list_long_options(options, long_options);
    opterr = 0;
    optind = 0; // makes glibc reset its state
    *n_files = 0;
    bool ok = true;
    for (int code = 0; ok && code != -1;) {
        code = getopt_long(argc, argv, "-:hV", long_options,
                           NULL); // `-`: files are returned in their place, as code 1
        if (code == 1) {
            ok = add_file(optarg, options, files, max_files, n_files, error);
        } else if (code == '?' || code == ':') {
            ok = bad_option(code, argv, options, error);
        } else if (code == 'h') {
            options->help = true;
        } else if (code == 'V') {
            options->version = true;
        } else if (code != -1) {
            ok = take_option(&options->list[code - FIRST_OPTION_CODE], argv, error);
        }
    }
    for (; ok && optind < argc; optind++) { // the arguments after `--`
        ok = add_file(argv[optind], options, files, max_files, n_files, error);
    }
    return ok;
}

bool options_parse(Options *options, int argc, char **argv, Error *error)
{
    size_t n_files;
    return options_parse_files(options, argc, argv, NULL, 0, &n_files, error);
}

static void print_option(const Option *option)
{
    char synopsis[64];
    const char *value_name = option->value_name != NULL ? option->value_name : "";
    snprintf(synopsis, sizeof synopsis, "--%s %s", option->name, value_name);
    printf("  %-20s %s", synopsis, option->help);
    if (option->default_text[0] != '\0') {
        printf(" (default: %s)", option->default_text);
    }
    if (option->alias != NULL) {
        printf(", also --%s", option->alias);
    }
    printf("\n");
}

bool options_answer(Options *options)
{
    if (options->help) {
        printf("usage: microgpt %s\n\n%s\n", options->usage, options->summary);
        for (size_t i = 0; i < options->n; i++) {
            print_option(&options->list[i]);
        }
    } else if (options->version) {
        printf("microgpt %s\n", MICROGPT_VERSION);
    }
    options->is_answered = options->help || options->version;
    return options->is_answered;
}
