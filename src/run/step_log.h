// The file of --log: one line per step, to compare runs and ports step by step.
#ifndef MICROGPT_STEP_LOG_H
#define MICROGPT_STEP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/out_file.h"
#include "microgpt/error.h"
#include "microgpt/model.h"

// Begins a new log, with the names of the columns.
bool step_log_begin(OutFile *log, Error *error);

// Continues the log of a run that was stopped after this step, with these parameters. Begins a new
// log if the file is empty.
// Errors: the log does not end with this step.
bool step_log_continue(OutFile *log, size_t step, const Model *model, Error *error);

// Writes the step (counted from 1), the loss (in decimal and in the notation of Python's
// float.hex()), and the CRC-32 of the gradients and of the updated parameters, as little-endian
// doubles in state_dict order.
void step_log_write(FILE *file, size_t step, double loss, const Model *model);

#endif
