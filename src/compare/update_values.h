// The numbers of one update, parameter by parameter: from the dumps of two steps, or from a dump
// and the checkpoint that was saved after it.
#ifndef MICROGPT_UPDATE_VALUES_H
#define MICROGPT_UPDATE_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/dump_reader.h"
#include "compare/tensor_file.h"
#include "microgpt/error.h"

// The parameters of one program before and after a step.
typedef struct SideValues {
    double *data; // [n_params] before the update
    double *grad;
    double *m; // the moments before the update
    double *v;
    double *next;      // the data after the update
    double *next_grad; // the gradients of the next step
} SideValues;

typedef struct UpdateValues {
    size_t step;      // counted from 1
    double num_steps; // 0 if it is not known
    size_t n_params;
    const char **paths; // [n_params] of A's dump
    SideValues sides[2];
    bool has_moments;     // false: they are not known, and are 0
    bool borrows_moments; // B's moments are not known, and A's are used instead
    bool has_next_grads;  // false: they are not known on both sides
} UpdateValues;

// The files of both sides: the dump of a step, and a dump or a checkpoint after its update.
typedef struct UpdateFiles {
    const NodeDump *dumps[2];      // with names
    const NodeDump *next_dumps[2]; // NULL if the file is a checkpoint
    const TensorFile *next_tensors[2];
} UpdateFiles;

// Collects the parameters that all four files have, with gradients on both sides. The files must
// outlive the result.
// Errors: a dump that does not say its step; no parameter in common; out of memory.
bool update_values_init(UpdateValues *values, const UpdateFiles *files, Error *error);

// Frees the values; does nothing to zeroed ones.
void update_values_free(UpdateValues *values);

// Returns whether B's gradients after the update are A's plus those that B had before it, so that B
// does not set them to 0 between the steps, in the parameters from begin up to end. The parameters
// may differ a little. Returns false if the gradients after the update are not known.
bool left_over_is_found(const UpdateValues *values, size_t begin, size_t end);

#endif
