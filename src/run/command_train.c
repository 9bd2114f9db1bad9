// `microgpt train`: the training of `microgpt run`, without the samples.
#include "run/run_commands.h"

#include <stdio.h>

#include "run/training_loop.h"

static const char usage[] = "train [OPTION ...]";
static const char summary[] =
    "Trains as microgpt run does, without sampling. Its output and that of microgpt sample --load\n"
    "with the checkpoint of --save are together the output of microgpt run.\n";

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
