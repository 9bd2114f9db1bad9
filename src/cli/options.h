// Parses the command line: options by name. Checks each value and reports the first bad one.
#ifndef MICROGPT_OPTIONS_H
#define MICROGPT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/error.h"

typedef enum OptionKind {
    OPTION_TEXT,   // const char *: not empty
    OPTION_SEED,   // uint64_t: an integer of up to 64 bits; its sign does not matter, as in Python
    OPTION_COUNT,  // size_t from min to max
    OPTION_SIZE,   // int from min to max
    OPTION_REAL,   // double, min <= x < max
    OPTION_ABOVE,  // double, min < x < max
    OPTION_ENGINE, // EngineKind by its name
    OPTION_SIMD,   // SimdLevel by its name, or auto
    OPTION_FLAG,   // bool: takes no value
} OptionKind;

enum {
    MAX_OPTIONS = 32,
    OPTION_VALUE_BYTES = 32, // enough for any double
};

// Other groups of options are defined where they are listed; this one is for the options of a
// single command.
enum {
    OPTION_OWN = 0,
};

// An option: where its value is stored, which values it may have, and its line of help.
typedef struct Option {
    const char *name;
    void *target;           // contains the default until the option is given
    const char *value_name; // in the help; NULL for a flag
    const char *help;
    OptionKind kind;
    unsigned group;
    double min;
    double max;
    char default_text[OPTION_VALUE_BYTES]; // in the help; not shown if it is empty
    const char *alias;                     // an older name of the option, or NULL
    const char
        *given; // the argument that gave it, `--seed` or `--seed=5`; NULL if it was not given
} Option;

// The options of a command, in the order of its help. Must not move after options_add_help().
typedef struct Options {
    const char *usage;   // such as `trace TEXT [OPTION ...]`
    const char *summary; // some lines
    Option list[MAX_OPTIONS];
    size_t n;
    bool help; // the values of --help and --version
    bool version;
    bool is_answered; // options_answer() has printed the help or the version, and the command is
                      // done
} Options;

// Steps and samples are also used as doubles (for the learning rate). Integers up to this are
// exact.
#define OPTION_MAX_COUNT 1e15

// Adds an option. If it has no default_text, the value in its target becomes the default_text,
// unless it is not a value that can be given.
void options_add(Options *options, Option option);

// Adds --help and --version, which are -h and -V as well.
void options_add_help(Options *options);

// Returns the option whose value is stored in target.
// Requires: there is one.
Option *options_find(Options *options, const void *target);

// Parses the arguments from argv[1] on. Prints nothing.
// Errors: an unknown option, a missing or bad value, an argument that is not an option.
bool options_parse(Options *options, int argc, char **argv, Error *error);

// The same for a command that takes files: before, after or between the options, or after `--`.
// Shapes: files [max_files].
// Errors: those, and more files than max_files.
bool options_parse_files(Options *options, int argc, char **argv, const char **files,
                         size_t max_files, size_t *n_files, Error *error);

// Writes an option's value as a user would give it. Returns false and an empty text if it cannot be
// given: a flag, no text, a number outside its limits.
// Requires: a value of kind OPTION_TEXT is shorter than OPTION_VALUE_BYTES.
// Shapes: text [OPTION_VALUE_BYTES].
bool option_format_value(const Option *option, char *text);

// Prints the help or the version if --help or --version was given, and then returns true: the
// command is done.
bool options_answer(Options *options);

#endif
