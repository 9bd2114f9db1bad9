// The command line: options by name, each value checked, one line of error for the first bad one.
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
    OPTION_VALUE_BYTES = 32, // the longest is a double
};

// A group of options is a number of those who list them; this one is the command's own.
enum {
    OPTION_OWN = 0,
};

// One option: where its value goes, what it may be, and its line of help.
typedef struct Option {
    const char *name;
    void *target;           // has the default until the option is given
    const char *value_name; // as the help calls it; NULL for a flag
    const char *help;
    OptionKind kind;
    unsigned group;
    double min;
    double max;
    char default_text[OPTION_VALUE_BYTES]; // as the help calls it; empty: the help is silent
    const char *alias;                     // another name, which the option had before; NULL: none
    const char *given; // the argument that named it, as `--seed` or `--seed=5`; NULL: none did
} Option;

// The options of a command, in the order of its help. Must not move once it has its help.
typedef struct Options {
    const char *usage;   // as `trace TEXT [OPTION ...]`
    const char *summary; // some lines
    Option list[MAX_OPTIONS];
    size_t n;
    bool help; // these were given
    bool version;
    bool is_answered; // by options_answer(): the command is done
} Options;

// Steps and samples are counted in doubles, too (the learning rate's decay): exact up to here.
#define OPTION_MAX_COUNT 1e15

// Adds an option. Where it has no default_text, the value in its target is the default, if it is
// one that could be given.
void options_add(Options *options, Option option);

// Adds --help and --version, which are -h and -V as well.
void options_add_help(Options *options);

// The option whose value goes there.
// Requires: there is one.
Option *options_find(Options *options, const void *target);

// Reads the arguments from argv[1] on; argv[0] is not looked at. Nothing is printed.
// Errors: an unknown option, a value missing or bad, an argument that is no option.
bool options_parse(Options *options, int argc, char **argv, Error *error);

// The same for a command that takes files, before, behind or between the options, or after `--`.
// Shapes: files [max_files].
// Errors: also more files than max_files.
bool options_parse_files(Options *options, int argc, char **argv, const char **files,
                         size_t max_files, size_t *n_files, Error *error);

// Writes an option's value as it could be given; it reads back as the same. Returns false, and an
// empty text, where it could not be given: a flag, no text, a number beyond its limits. Requires: a
// text is shorter than OPTION_VALUE_BYTES. Shapes: text [OPTION_VALUE_BYTES].
bool option_format_value(const Option *option, char *text);

// Where the help or the version is asked for, prints that and returns true: the command is done.
bool options_answer(Options *options);

#endif
