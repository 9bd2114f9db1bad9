// The options of `microgpt run` and `microgpt train`, and what a checkpoint says about them.
#ifndef MICROGPT_TRAINING_OPTIONS_H
#define MICROGPT_TRAINING_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "run/session.h"

typedef struct TrainingOptions {
    RunOptions run;
    const char *save;   // the checkpoint to write; NULL: none
    size_t save_every;  // also after every so many steps; 0: only at the end
    const char *resume; // the checkpoint to go on from; NULL: start anew
    bool help;
    bool version;
} TrainingOptions;

// Reads the command line; what it does not name stays as it is. Options of the sampling are known
// only where samples is true.
// Errors: as options_parse; options that do not go together.
bool training_options_parse(TrainingOptions *options, int argc, char **argv, bool samples,
                            Error *error);

void training_options_print(bool samples);

// A resumed run has its sizes, seed and settings from the checkpoint.
void training_options_take(TrainingOptions *options, const Checkpoint *checkpoint);

// Checks that none of these was named on the command line with another value.
bool training_options_check(const TrainingOptions *options, const Checkpoint *checkpoint,
                            Error *error);

#endif
