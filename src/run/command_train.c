// `microgpt train`: the first half of `microgpt run`; `microgpt sample` is the second.
#include "run/run_commands.h"

#include <stdio.h>

#include "run/training_loop.h"

static const char usage[] =
    "usage: microgpt train [OPTION ...]\n"
    "\n"
    "Trains as microgpt run does, and ends there. What it prints, and what microgpt sample --load\n"
    "prints with the checkpoint of --save, are together what microgpt run prints.\n";

ExitStatus command_train(int argc, char **argv, Error *error)
{
    Training training;
    ExitStatus status = training_open(&training, argc, argv, usage, false, error);
    if (status != EXIT_DONE || training.options.help || training.options.version) {
        return status;
    }
    status = training_run(&training, error);
    if (status == EXIT_DONE) {
        printf("\n"); // ends the line of the steps
    }
    training_close(&training);
    return status;
}
