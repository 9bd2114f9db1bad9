// The options of `microgpt run` and `microgpt train`, and their comparison with a checkpoint.
#ifndef MICROGPT_TRAINING_OPTIONS_H
#define MICROGPT_TRAINING_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "microgpt/checkpoint.h"
#include "run/run_options.h"

typedef struct TrainingOptions {
    Options list; // points into this struct, which must not move
    RunOptions run;
    const char *log;    // a file with one line per step; NULL if there is none
    const char *save;   // the checkpoint to write; NULL if there is none
    size_t save_every;  // also save after every save_every steps; 0: only at the end
    const char *resume; // the checkpoint to resume from; NULL for a new training run
} TrainingOptions;

// Parses the command line. Options that are not given have the values of microgpt.py. The options
// of sampling exist only if samples is true.
// Errors: as options_parse; options that contradict each other.
bool training_options_parse(TrainingOptions *options, const char *usage, const char *summary,
                            bool samples, int argc, char **argv, Error *error);

// Takes the sizes, seed and settings of a resumed run from the checkpoint.
// Errors: the command line has another value for one of them.
bool training_options_resume(TrainingOptions *options, const Checkpoint *checkpoint, Error *error);

#endif
