// Two runs of the same options, side by side, each with an engine of its own: after every step all
// their bits must be equal.
//
// This is the proof that the tensor engine computes what the scalar graph computes. A tolerance
// would prove nothing: a sum in the wrong order is worth 2e-15 after a thousand steps.
#ifndef MICROGPT_LOCKSTEP_H
#define MICROGPT_LOCKSTEP_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "session.h"

typedef struct Lockstep {
    Session sessions[2];
} Lockstep;

enum {
    LOCKSTEP_WHAT_BYTES = MODEL_NAME_BYTES + 32,
};

// The first number in which the two differ.
typedef struct LockstepDifference {
    bool found;
    size_t step;                    // counted from 1
    char what[LOCKSTEP_WHAT_BYTES]; // `loss`, `gradient of wte[3,7]`, `parameter wte[3,7]`
    double numbers[2];
} LockstepDifference;

// Opens both runs; they may differ in nothing but engine and SIMD level.
// Errors: as session_open.
bool lockstep_open(Lockstep *lockstep, const RunOptions *first, const RunOptions *second,
                   Error *error);

void lockstep_close(Lockstep *lockstep);

// One training step of both, then all is compared: loss, gradients, parameters, in this order.
// Requires: fewer than num_steps steps so far.
// Errors: as trainer_step.
bool lockstep_step(Lockstep *lockstep, LockstepDifference *difference, Error *error);

// One sample of both. A difference is in the token at the first place where the samples part.
// Errors: as sampler_next.
bool lockstep_sample(Lockstep *lockstep, double temperature, LockstepDifference *difference,
                     Error *error);

#endif
