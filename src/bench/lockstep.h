// Several runs of the same options, side by side, each with an engine or a SIMD level of its own:
// after every step all their bits must be equal.
//
// This is the proof that the tensor engine computes what the scalar graph computes. A tolerance
// would prove nothing: a sum in the wrong order is worth 2e-15 after a thousand steps.
#ifndef MICROGPT_LOCKSTEP_H
#define MICROGPT_LOCKSTEP_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "run/session.h"

enum {
    LOCKSTEP_MAX_RUNS = 1 + N_SIMD_LEVELS, // the scalar engine, and every level of the other
    LOCKSTEP_WHAT_BYTES = MODEL_NAME_BYTES + 32,
};

typedef struct Lockstep {
    Session sessions[LOCKSTEP_MAX_RUNS];
    size_t n_runs;
} Lockstep;

// The first number in which a run differs from run 0, the one that all others must follow.
typedef struct LockstepDifference {
    bool found;
    size_t run;                     // which one differs
    size_t step;                    // counted from 1
    char what[LOCKSTEP_WHAT_BYTES]; // `loss`, `gradient of wte[3,7]`, `parameter wte[3,7]`
    double numbers[2];              // run 0's, and the other's
} LockstepDifference;

// Opens the runs; they may differ in nothing but engine and SIMD level.
// Shapes: runs [n_runs]. Requires: 2 <= n_runs <= LOCKSTEP_MAX_RUNS.
// Errors: as session_open.
bool lockstep_open(Lockstep *lockstep, const RunOptions *runs, size_t n_runs, Error *error);

void lockstep_close(Lockstep *lockstep);

// One training step of all, then each is compared with run 0: loss, gradients, parameters, in this
// order.
// Requires: fewer than num_steps steps so far.
// Errors: as trainer_step; the runs that come after the one that failed have not made their step.
bool lockstep_step(Lockstep *lockstep, LockstepDifference *difference, Error *error);

// One sample of all. A difference is in the token at the first place where two samples part.
// Errors: as sampler_next.
bool lockstep_sample(Lockstep *lockstep, double temperature, LockstepDifference *difference,
                     Error *error);

#endif
