// Lists and reads options, and compares them with a checkpoint: see training_options.h.
#include "run/training_options.h"

#include <string.h>

#include "cli/out_file.h"

static void list_options(TrainingOptions *chosen, bool samples)
{
    const Option own[] = {
        {"log", &chosen->log, "FILE", "write one line per step, tab-separated", OPTION_TEXT,
         .group = OPTION_OWN},
        {"save", &chosen->save, "FILE", "write a checkpoint at the end", OPTION_TEXT,
         .group = OPTION_OWN},
        {"save-every", &chosen->save_every, "N", "also save after every N steps", OPTION_COUNT,
         .min = 1, .max = OPTION_MAX_COUNT},
        {"resume", &chosen->resume, "FILE", "resume from a checkpoint, with its settings",
         OPTION_TEXT, .group = OPTION_OWN},
    };
    unsigned groups = RUN_DATA | RUN_TRAINING | RUN_STEPS | RUN_SIZES | RUN_ENGINE | RUN_SIMD;
    run_options_add(&chosen->list, &chosen->run, samples ? groups | RUN_SAMPLING : groups);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        options_add(&chosen->list, own[i]);
    }
    options_add_help(&chosen->list);
}

bool training_options_parse(TrainingOptions *options, const char *usage, const char *summary,
                            bool samples, int argc, char **argv, Error *error)
{
    *options = (TrainingOptions){.run = run_options_default()};
    options->list.usage = usage;
    options->list.summary = summary;
    list_options(options, samples);
    if (!options_parse(&options->list, argc, argv, error)) {
        return false;
    }
    if (options->save_every > 0 && options->save == NULL) {
        return error_set(error, "--save-every: needs --save FILE as well");
    }
    if (options->save_every > 0 && out_file_is_stream(options->save)) {
        return error_set(
            error, "--save-every: only one checkpoint can be written to standard output, a pipe "
                   "or a device; name a file with --save");
    }
    return true;
}

static bool check_given(const Option *option, const char *saved, Error *error)
{
    char here[OPTION_VALUE_BYTES];
    option_format_value(option, here);
    if (option->given != NULL && strcmp(here, saved) != 0) {
        return error_set(error,
                         "--%s: %s contradicts the checkpoint, which has %s; leave the option out",
                         option->name, here, saved);
    }
    return true;
}

bool training_options_resume(TrainingOptions *options, const Checkpoint *checkpoint, Error *error)
{
    const unsigned decided = RUN_TRAINING | RUN_STEPS | RUN_SIZES;
    RunOptions run = options->run;
    Options saved = {.n = 0};
    run.seed = checkpoint->seed;
    run.num_steps = checkpoint->num_steps;
    run.init_std = checkpoint->init_std;
    run.adam = checkpoint->adam.config;
    run.model = checkpoint->model.config;
    run_options_add(&saved, &run, decided);
    size_t n_checked = 0;
    for (size_t i = 0; i < options->list.n; i++) {
        const Option *option = &options->list.list[i];
        if ((option->group & decided) == 0) {
            continue;
        }
        if (!check_given(option, saved.list[n_checked].default_text, error)) {
            return false;
        }
        n_checked++;
    }
    options->run = run;
    return true;
}
