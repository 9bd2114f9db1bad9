// The common part of `microgpt run` and `microgpt train`: starting or resuming, and the loop of
// training steps with its output, checkpoints and signals.
#ifndef MICROGPT_TRAINING_LOOP_H
#define MICROGPT_TRAINING_LOOP_H

#include <stdbool.h>

#include "cli/exit_status.h"
#include "cli/out_file.h"
#include "cli/progress.h"
#include "run/session.h"
#include "run/training_options.h"

typedef struct Training {
    TrainingOptions options;
    Session session;
    OutFile log; // its file is NULL if there is no log
    Progress progress;
} Training;

// Reads the command line and sets up the session. If the help or the version is requested, prints
// that instead (usage and summary are part of the help), and there is nothing more to do.
ExitStatus training_open(Training *training, const char *usage, const char *summary, bool samples,
                         int argc, char **argv, Error *error);

// Trains until the last step or a signal, and saves. Prints what microgpt.py prints until the end
// of training. A resumed run omits what the stopped run has printed: together, their outputs are
// that of a run that was never stopped.
ExitStatus training_run(Training *training, Error *error);

void training_close(Training *training);

#endif
