// `microgpt run`: trains and samples, and prints what microgpt.py prints, byte for byte.
#include "run/run_commands.h"

#include <stdio.h>

#include "run/samples_print.h"
#include "run/training_loop.h"

static const char usage[] = "[run] [OPTION ...]";
static const char summary[] =
    "Trains a GPT on names with nothing but scalar Values, and prints new names.\n"
    "Prints what microgpt.py prints, byte for byte.\n";

static bool sample(Session *session, const RunOptions *options, Error *error)
{
    Sampler sampler;
    if (!sampler_init(&sampler, &session->model, session->engine, &session->random,
                      options->temperature, error)) {
        return false;
    }
    printf("\n"); // ends the line of the steps
    bool ok = samples_print(&session->tokenizer, &sampler, options->num_samples, error);
    sampler_free(&sampler);
    return ok;
}

ExitStatus command_run(int argc, char **argv, Error *error)
{
    Training training;
    ExitStatus status = training_open(&training, usage, summary, true, argc, argv, error);
    if (status == EXIT_DONE && training.options.list.help) {
        return EXIT_HELP;
    }
    if (status != EXIT_DONE || training.options.list.is_answered) {
        return status;
    }
    status = training_run(&training, error);
    if (status == EXIT_DONE && !sample(&training.session, &training.options.run, error)) {
        status = EXIT_FAILED;
    }
    training_close(&training);
    return status;
}
