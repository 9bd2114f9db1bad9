// Runs the same training several times in parallel, with different engines or SIMD levels, and
// compares all bits after every step.
//
// This shows that the tensor engine computes the same as the scalar engine. A comparison with a
// tolerance would not: a sum in the wrong order makes a difference of 2e-15 after a thousand steps.
#ifndef MICROGPT_LOCKSTEP_H
#define MICROGPT_LOCKSTEP_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "run/session.h"

enum {
    LOCKSTEP_MAX_RUNS = 1 + N_SIMD_LEVELS, // the scalar engine, all levels of the tensor engine
    LOCKSTEP_WHAT_BYTES = MODEL_NAME_BYTES + 32,
};

typedef struct Lockstep {
    Session sessions[LOCKSTEP_MAX_RUNS];
    size_t n_runs;
} Lockstep;

// The first number in which a run differs from run 0.
typedef struct LockstepDifference {
    bool found;
    size_t run;                     // the run that differs
    size_t step;                    // counted from 1
    char what[LOCKSTEP_WHAT_BYTES]; // `loss`, `gradient of wte[3,7]`, `parameter wte[3,7]`
    double numbers[2];              // of run 0, and of the other run
} LockstepDifference;

// Opens the runs. Their options may differ only in the engine and the SIMD level.
// Shapes: runs [n_runs]. Requires: 2 <= n_runs <= LOCKSTEP_MAX_RUNS.
// Errors: as session_open.
bool lockstep_open(Lockstep *lockstep, const RunOptions *runs, size_t n_runs, Error *error);

void lockstep_close(Lockstep *lockstep);

// Does one training step of all runs, then compares each with run 0: loss, gradients, parameters,
// in this order.
// Requires: fewer than num_steps steps so far.
// Errors: as trainer_step; the runs after the one that failed have not done the step.
bool lockstep_step(Lockstep *lockstep, LockstepDifference *difference, Error *error);

// Generates one sample with each run. A difference names the first token that differs.
// Errors: as sampler_next.
bool lockstep_sample(Lockstep *lockstep, double temperature, LockstepDifference *difference,
                     Error *error);

#endif
