// The file of --log: one line a step, to compare runs and ports step by step.
#ifndef MICROGPT_STEP_LOG_H
#define MICROGPT_STEP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "microgpt/error.h"
#include "microgpt/model.h"

typedef struct StepLog {
    const char *path;
    FILE *file; // NULL: no log is written
} StepLog;

// Opens the file, which is overwritten, and writes the names of the columns; a path of NULL makes a
// log that does nothing.
// Errors: the file cannot be written, or is the data file.
bool step_log_open(StepLog *log, const char *path, const char *data_path, Error *error);

// Writes step (counted from 1), loss (as decimal and as Python's float.hex()), and the CRC-32 of
// the gradients and of the updated parameters as little-endian doubles in state_dict order.
bool step_log_write(StepLog *log, size_t step, double loss, const Model *model, Error *error);

// Closes the file. Errors: what was written last did not reach it.
bool step_log_close(StepLog *log, Error *error);

#endif
