// The command line: options by name, each value checked, one line of error for the first bad one.
#ifndef MICROGPT_OPTIONS_H
#define MICROGPT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/error.h"
#include "run/session.h"

typedef enum OptionKind {
    OPTION_TEXT, // const char *: not empty
    OPTION_SEED, // uint64_t: an integer of up to 64 bits; its sign does not matter, as in Python
    OPTION_GIVEN_SEED, // GivenSeed: the same, for where there is another default than a number
    OPTION_COUNT,      // size_t from min to max
    OPTION_SIZE,       // int from min to max
    OPTION_REAL,       // double, min <= x < max
    OPTION_ABOVE,      // double, min < x < max
    OPTION_ENGINE,     // EngineKind by its name
    OPTION_SIMD,       // SimdLevel by its name, or auto
    OPTION_FLAG,       // bool: takes no value
} OptionKind;

typedef struct GivenSeed {
    bool is_given;
    uint64_t seed;
} GivenSeed;

// One option: where its value goes, what it may be, and its line of help.
typedef struct Option {
    const char *name;
    OptionKind kind;
    void *target;
    double min;
    double max;
    const char *value_name; // as the help calls it; NULL for a flag
    const char *help;
} Option;

// Steps and samples are counted in doubles, too (the learning rate's decay): exact up to here.
#define OPTION_MAX_COUNT 1e15

enum {
    N_RUN_OPTIONS = 14,
};

// The options that every training command has, to be written into run: all but the engine and its
// kernels, which are not everywhere to be chosen.
// Shapes: options [N_RUN_OPTIONS].
void options_for_run(RunOptions *run, Option *options);

// Reads the arguments from argv[1] on; argv[0] is not looked at. Nothing is printed.
// Errors: an unknown option, a value missing or bad, an argument that is no option.
bool options_parse(int argc, char **argv, const Option *options, size_t n_options, Error *error);

// The same for a command that takes files, before, behind or between the options, or after `--`.
// Shapes: files [max_files].
// Errors: also more files than max_files.
bool options_parse_files(int argc, char **argv, const Option *options, size_t n_options,
                         const char **files, size_t max_files, size_t *n_files, Error *error);

// Whether the options fit together.
// Errors: n_embd is not divisible by n_head.
bool options_check_run(const RunOptions *run, Error *error);

// Options that commands without the others of a run have, too.
Option option_num_samples(size_t *num_samples);
Option option_temperature(double *temperature);
Option option_engine(EngineKind *engine);
Option option_simd(SimdLevel *simd);

// The option --help, which sets *help.
Option option_help(bool *help);

// Writes the help lines of the options.
void options_print(const Option *options, size_t n_options);

#endif
