// `microgpt compare`: finds where two node dumps differ, of any ports in any languages. The exit
// status is that of diff: 0 for the same, 1 for different, 2 for trouble.
#include "compare/compare_commands.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/command_files.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "cli/spooled_input.h"
#include "compare/diff_report.h"
#include "compare/dump_names.h"
#include "compare/dump_reader.h"
#include "compare/dump_start.h"
#include "compare/file_kind.h"
#include "compare/graph_diff.h"
#include "compare/loss_diff.h"
#include "compare/tensor_diff.h"
#include "compare/update_diff.h"
#include "run/run_options.h"

enum {
    MAX_FILES = 4,
};

typedef struct CompareOptions {
    Options list;                 // points into this struct, which must not move
    const char *files[MAX_FILES]; // A and B, and with --next those of the next step
    const char *names[MAX_FILES]; // of the same, for messages
    bool next;
    RunOptions run; // used for the model's sizes
    size_t max_ulp;
    const char *only;
    bool unexplained;
    bool all;
    bool json;
} CompareOptions;

static const char usage[] = "compare A B [--next A2 B2] [OPTION ...]";
static const char summary[] =
    "Compares two node dumps, gzipped or not: see docs/node-format.md. Finds the first node\n"
    "that differs although all of its children agree, and the differences that follow from it.\n"
    "Also compares two files of losses, or two checkpoints or other safetensors files.\n"
    "Exit status: 0 the same, 1 different, 2 trouble. The sizes of the model are used to name\n"
    "the nodes of dumps without names.\n";

// Returns the exit status after a report, which was printed if ok is set.
static ExitStatus answer(const CompareOptions *options, bool ok, bool is_same, bool is_explained,
                         Error *error)
{
    if (!ok || !output_flush(error)) {
        return EXIT_TROUBLE;
    }
    return is_same || (options->unexplained && is_explained) ? EXIT_DONE : EXIT_DIFFERS;
}

// If one of two full dumps has names, both use them, index by index.
static bool name_nodes(NodeDump *dumps, const ModelConfig *sizes, Error *error)
{
    bool has_names =
        (!dumps[0].is_sparse && dumps[0].has_names) || (!dumps[1].is_sparse && dumps[1].has_names);
    for (int side = 0; side < 2 && !has_names; side++) {
        ModelConfig its_own = dump_sizes(&dumps[side], sizes);
        if (!dumps[side].is_sparse && !dump_name_by_model(&dumps[side], &its_own, error)) {
            return false;
        }
        has_names = !dumps[side].is_sparse && dumps[side].has_names;
    }
    return true;
}

// Reads a dump whose nodes have names, from the dump itself or from the model.
static bool read_named_dump(NodeDump *dump, const char *file_name, const ModelConfig *sizes,
                            Error *error)
{
    if (!dump_read(dump, file_name, error)) {
        return false;
    }
    ModelConfig its_own = dump_sizes(dump, sizes);
    if (dump->has_names) {
        return true;
    }
    return dump_name_by_model(dump, &its_own, error) &&
           (dump->has_names ||
            error_set_file(error, file_name, 0, "has no names, and " DUMP_OTHER_SIZES));
}

// Returns whether the first line of a dump states the size that an option sets.
static bool is_stated(const CompareOptions *options, const NodeDump *dump, const Option *option)
{
    ModelConfig stated = {0};
    dump_about_sizes(&dump->says, &stated);
    const ModelConfig *chosen = &options->run.model;
    return (option->target == &chosen->n_layer && stated.n_layer > 0) ||
           (option->target == &chosen->n_embd && stated.n_embd > 0) ||
           (option->target == &chosen->n_head && stated.n_head > 0) ||
           (option->target == &chosen->block_size && stated.block_size > 0);
}

// Refuses a size that the dumps state, unless there is a dump that needs names and does not.
static bool check_sizes(const CompareOptions *options, const NodeDump *const *dumps, size_t n,
                        Error *error)
{
    for (size_t i = 0; i < options->list.n; i++) {
        const Option *option = &options->list.list[i];
        bool is_needed = option->given == NULL;
        bool is_known = false;
        for (size_t k = 0; k < n; k++) {
            bool has_names = dumps[k]->has_names && !dumps[k]->named_by_us;
            bool states = is_stated(options, dumps[k], option);
            is_known = is_known || states;
            is_needed = is_needed || (!states && !has_names && !dumps[k]->is_sparse);
        }
        if (is_known && !is_needed) {
            return error_set(error,
                             "%.100s: has no effect on dumps that state their sizes; leave it out",
                             option->given);
        }
    }
    return true;
}

// Warns on the terminal that the dumps are of different steps or runs, before the differences that
// follow from it.
static bool warn(const CompareOptions *options, const NodeDump *a, const NodeDump *b, Error *error)
{
    DumpWarnings warnings;
    if (!dump_warnings_find(&warnings, a, b, error)) {
        return false;
    }
    for (size_t i = 0; i < warnings.n; i++) {
        fprintf(options->json ? stderr : stdout, "warning: %s\n", warnings.lines[i]);
    }
    return true;
}

static ExitStatus compare_dumps(const CompareOptions *options, NodeDump *dumps, Error *error)
{
    if (!dump_read(&dumps[0], options->files[0], error) ||
        !dump_read(&dumps[1], options->files[1], error) ||
        !name_nodes(dumps, &options->run.model, error) ||
        !check_sizes(options, (const NodeDump *[]){&dumps[0], &dumps[1]}, 2, error)) {
        return EXIT_TROUBLE;
    }
    dumps[0].file_name = options->names[0];
    dumps[1].file_name = options->names[1];
    if (!warn(options, &dumps[0], &dumps[1], error)) {
        return EXIT_TROUBLE;
    }
    DiffRules rules = {options->max_ulp, options->only};
    GraphDiff diff;
    if (!graph_diff(&diff, &dumps[0], &dumps[1], &rules, error)) {
        return EXIT_TROUBLE;
    }
    bool is_same = graph_diff_is_same(&diff);
    Judgement judgement = {.diff = NULL};
    bool ok = judgement_init(&judgement, &diff, error) &&
              (options->json ? diff_print_json(stdout, &judgement, error)
                             : diff_print_text(stdout, &judgement, options->all, error));
    bool is_explained = ok && judgement_explains_all(&judgement);
    judgement_free(&judgement);
    graph_diff_free(&diff);
    return answer(options, ok, is_same, is_explained, error);
}

static ExitStatus compare_losses(const CompareOptions *options, Error *error)
{
    Losses losses[2] = {{0}, {0}};
    LossDiff diff = {.pairs = NULL};
    bool ok = losses_read(&losses[0], options->files[0], error) &&
              losses_read(&losses[1], options->files[1], error);
    losses[0].file_name = options->names[0];
    losses[1].file_name = options->names[1];
    ok = ok && loss_diff(&diff, &losses[0], &losses[1], error);
    if (ok && options->json) {
        ok = loss_diff_print_json(stdout, &diff, error);
    } else if (ok) {
        loss_diff_print_text(stdout, &diff);
    }
    bool is_same = diff.verdict == LOSSES_SAME;
    bool is_explained = diff.verdict != LOSSES_BUG;
    loss_diff_free(&diff);
    losses_free(&losses[0]);
    losses_free(&losses[1]);
    return answer(options, ok, is_same, is_explained, error);
}

static ExitStatus compare_tensors(const CompareOptions *options, Error *error)
{
    TensorFile files[2] = {{0}, {0}};
    TensorDiff diff = {.findings = NULL};
    bool ok = tensor_file_read(&files[0], options->files[0], error) &&
              tensor_file_read(&files[1], options->files[1], error);
    files[0].path = options->names[0];
    files[1].path = options->names[1];
    ok = ok && tensor_diff(&diff, &files[0], &files[1], error);
    if (ok && options->json) {
        ok = tensor_diff_print_json(stdout, &diff, error);
    } else if (ok) {
        tensor_diff_print_text(stdout, &diff);
    }
    bool is_same = diff.n_not_same == 0;
    bool is_explained = diff.is_same_as_float;
    tensor_diff_free(&diff);
    tensor_file_free(&files[0]);
    tensor_file_free(&files[1]);
    return answer(options, ok, is_same, is_explained, error);
}

// The file with the state after the update: the dump of the next step, or a checkpoint.
typedef struct NextFile {
    NodeDump dump;
    TensorFile tensors;
    bool is_tensors;
} NextFile;

static bool read_next(NextFile *next, const char *file_name, const ModelConfig *sizes, Error *error)
{
    FileKind kind;
    if (!file_kind(file_name, &kind, error)) {
        return false;
    }
    next->is_tensors = kind == FILE_TENSORS;
    return next->is_tensors ? tensor_file_read(&next->tensors, file_name, error)
                            : read_named_dump(&next->dump, file_name, sizes, error);
}

static ExitStatus judge_update(const CompareOptions *options, const UpdateFiles *files,
                               Error *error)
{
    UpdateValues values;
    UpdateDiff diff = {.values = NULL};
    if (!update_values_init(&values, files, error)) {
        return EXIT_TROUBLE;
    }
    bool ok = warn(options, files->dumps[0], files->dumps[1], error) &&
              update_diff(&diff, &values, error);
    if (ok && options->json) {
        ok = update_diff_print_json(stdout, &diff, error);
    } else if (ok) {
        update_diff_print_text(stdout, &diff);
    }
    bool keeps_state = !diff.is_left_over && !diff.has_no_memory;
    bool is_same = diff.verdict == UPDATE_SAME && keeps_state;
    bool is_right = diff.verdict == UPDATE_ROUNDING || diff.verdict == UPDATE_FOLLOWS;
    update_values_free(&values);
    return answer(options, ok, is_same, is_right && keeps_state, error);
}

static ExitStatus compare_updates(const CompareOptions *options, Error *error)
{
    NodeDump dumps[2] = {{0}, {0}};
    NextFile next[2] = {{.is_tensors = false}, {.is_tensors = false}};
    UpdateFiles files;
    bool ok = true;
    for (int side = 0; side < 2 && ok; side++) {
        const ModelConfig *sizes = &options->run.model;
        ok = read_named_dump(&dumps[side], options->files[side], sizes, error) &&
             read_next(&next[side], options->files[2 + side], sizes, error);
        files.dumps[side] = &dumps[side];
        files.next_dumps[side] = next[side].is_tensors ? NULL : &next[side].dump;
        files.next_tensors[side] = next[side].is_tensors ? &next[side].tensors : NULL;
    }
    const NodeDump *all[] = {&dumps[0], &dumps[1], &next[0].dump, &next[1].dump};
    ok = ok && check_sizes(options, all, MAX_FILES, error);
    ExitStatus status = ok ? judge_update(options, &files, error) : EXIT_TROUBLE;
    for (int side = 0; side < 2; side++) {
        dump_free(&dumps[side]);
        dump_free(&next[side].dump);
        tensor_file_free(&next[side].tensors);
    }
    return status;
}

static ExitStatus compare_node_dumps(const CompareOptions *options, Error *error)
{
    NodeDump dumps[2] = {{0}, {0}};
    ExitStatus status = compare_dumps(options, dumps, error);
    dump_free(&dumps[0]);
    dump_free(&dumps[1]);
    return status;
}

// Refuses --all beside --json, which has no list of all differences.
static bool check_all(const CompareOptions *options, Error *error)
{
    return !options->all || !options->json ||
           error_set(error, "--all: has an effect only without --json; leave it out");
}

static bool is_of_graphs(const CompareOptions *options, const Option *option)
{
    return option->target == &options->max_ulp || option->target == &options->only ||
           option->target == &options->all;
}

// Refuses the options that have no effect unless two graphs are compared.
static bool check_effect(const CompareOptions *options, Error *error)
{
    for (size_t i = 0; i < options->list.n; i++) {
        const Option *option = &options->list.list[i];
        bool is_size = (option->group & RUN_SIZES) != 0 && !options->next;
        if (option->given != NULL && (is_size || is_of_graphs(options, option))) {
            return error_set(error, "%.100s: has an effect only %s; leave it out", option->given,
                             options->next ? "without --next" : "on node dumps");
        }
    }
    return true;
}

// Compares the files by their kind, which must be the same.
static ExitStatus compare_files(const CompareOptions *options, Error *error)
{
    FileKind kinds[2];
    if (!file_kind(options->files[0], &kinds[0], error) ||
        !file_kind(options->files[1], &kinds[1], error)) {
        return EXIT_TROUBLE;
    }
    if (kinds[0] != kinds[1]) {
        int known = kinds[0] != FILE_DUMP ? 0 : 1;
        if (access(options->files[1 - known], R_OK) == 0) {
            error_set(error, "compare: %.200s is %s, and %.200s is not; compare two of a kind",
                      options->names[known], file_kind_name(kinds[known]),
                      options->names[1 - known]);
            return EXIT_TROUBLE;
        }
    }
    FileKind kind = kinds[0] != FILE_DUMP ? kinds[0] : kinds[1];
    if (kind != FILE_DUMP && !check_effect(options, error)) {
        return EXIT_TROUBLE;
    }
    switch (kind) {
    case FILE_LOSSES:
        return compare_losses(options, error);
    case FILE_TENSORS:
        return compare_tensors(options, error);
    case FILE_DUMP:
        break;
    }
    return compare_node_dumps(options, error);
}

// Copies pipes to files, because finding out the kind of a file reads it, and a pipe can be read
// only once.
static ExitStatus compare_inputs(CompareOptions *options, size_t n_files, Error *error)
{
    SpooledInput inputs[MAX_FILES] = {{0}};
    bool ok = true;
    for (size_t i = 0; i < n_files && ok; i++) {
        ok = spooled_input_open(&inputs[i], options->files[i], "node dump", error);
        options->files[i] = inputs[i].path;
        options->names[i] = inputs[i].name;
    }
    ExitStatus status = EXIT_TROUBLE;
    if (ok) {
        status = options->next ? compare_updates(options, error) : compare_files(options, error);
    }
    for (size_t i = 0; i < n_files; i++) {
        spooled_input_close(&inputs[i], error);
    }
    return status;
}

static bool check_number_of_files(const CompareOptions *options, size_t n_files, Error *error)
{
    if (options->next && n_files != MAX_FILES) {
        return error_set(error,
                         "--next: needs the files of the next step: compare A B --next A2 B2");
    }
    if (!options->next && n_files > 2) {
        return error_set_file(error, options->files[2], 0,
                              "is one argument too many; see microgpt compare --help");
    }
    return n_files >= 2 ||
           error_set(error, "compare: needs two files to compare; see microgpt compare --help");
}

ExitStatus command_compare(int argc, char **argv, Error *error)
{
    CompareOptions chosen = {.run = run_options_default()};
    Options *options = &chosen.list;
    options->usage = usage;
    options->summary = summary;
    options_add(options,
                (Option){"max-ulp", &chosen.max_ulp, "N", "accept differences of up to N ULP",
                         OPTION_COUNT, .max = OPTION_MAX_COUNT});
    options_add(options, (Option){"only", &chosen.only, "PATTERN",
                                  "compare only paths like this; * and ? as in the shell",
                                  OPTION_TEXT, .group = OPTION_OWN});
    options_add(options, (Option){"next", &chosen.next, NULL,
                                  "compare the updates: A2 and B2 are of the next step",
                                  OPTION_FLAG, .group = OPTION_OWN});
    options_add(options, (Option){"unexplained", &chosen.unexplained, NULL,
                                  "exit with 0 if rounding explains all differences", OPTION_FLAG,
                                  .group = OPTION_OWN});
    options_add(options, (Option){"all", &chosen.all, NULL, "list every difference", OPTION_FLAG,
                                  .group = OPTION_OWN});
    options_add(options, (Option){"json", &chosen.json, NULL, "print one JSON object", OPTION_FLAG,
                                  .group = OPTION_OWN});
    options_add_help(options);
    run_options_add(options, &chosen.run, RUN_SIZES);
    size_t n_files;
    if (!options_parse_files(options, argc, argv, chosen.files, MAX_FILES, &n_files, error)) {
        return EXIT_TROUBLE;
    }
    if (options_answer(options)) {
        return EXIT_DONE;
    }
    if (!check_number_of_files(&chosen, n_files, error) || !check_all(&chosen, error) ||
        (chosen.next && !check_effect(&chosen, error))) {
        return EXIT_TROUBLE;
    }
    if (!run_options_check(&chosen.run, error)) {
        return EXIT_TROUBLE;
    }
    const CommandFile files[MAX_FILES] = {
        {chosen.files[0], FILE_READ, "A", "the first file"},
        {chosen.files[1], FILE_READ, "B", "the second file"},
        {chosen.files[2], FILE_READ, "A2", "the third file"},
        {chosen.files[3], FILE_READ, "B2", "the fourth file"},
    };
    if (command_files_check(files, MAX_FILES, true, error) != EXIT_DONE) {
        return EXIT_TROUBLE;
    }
    return compare_inputs(&chosen, n_files, error);
}
