// `microgpt train`: the first half of `microgpt run`; `microgpt sample` is the second.
#include "run/run_commands.h"

#include <stdio.h>

#include "run/training_loop.h"

static const char usage[] = "train [OPTION ...]";
static const char summary[] =
    "Trains as microgpt run does, and ends there. What it prints, and what microgpt sample --load\n"
    "prints with the checkpoint of --save, are together what microgpt run prints.\n";

ExitStatus command_train(int argc, char **argv, Error *error)
{
    Training training;
    ExitStatus status = training_open(&training, usage, summary, false, argc, argv, error);
    if (status != EXIT_DONE || training.options.list.is_answered) {
        return status;
    }
    status = training_run(&training, error);
    if (status == EXIT_DONE) {
        printf("\n"); // ends the line of the steps
    }
    training_close(&training);
    return status;
}
