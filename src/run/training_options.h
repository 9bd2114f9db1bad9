// The options of `microgpt run` and `microgpt train`, and what a checkpoint says about them.
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
    const char *log;    // a file for one line a step; NULL: none
    const char *save;   // the checkpoint to write; NULL: none
    size_t save_every;  // also after every so many steps; 0: only at the end
    const char *resume; // the checkpoint to go on from; NULL: start anew
} TrainingOptions;

// Reads the command line; what it does not name has microgpt.py's value. Options of the sampling
// are known only where samples is true. Errors: as options_parse; options that do not go together.
bool training_options_parse(TrainingOptions *options, const char *usage, const char *summary,
                            bool samples, int argc, char **argv, Error *error);

// A resumed run has its sizes, seed and settings from the checkpoint.
// Errors: one of these was given on the command line, with another value.
bool training_options_resume(TrainingOptions *options, const Checkpoint *checkpoint, Error *error);

#endif
