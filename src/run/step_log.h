// The file of --log: one line a step, to compare runs and ports step by step.
#ifndef MICROGPT_STEP_LOG_H
#define MICROGPT_STEP_LOG_H

#include <stddef.h>
#include <stdio.h>

#include "microgpt/model.h"

// Writes the names of the columns.
void step_log_begin(FILE *file);

// Writes step (counted from 1), loss (as decimal and as Python's float.hex()), and the CRC-32 of
// the gradients and of the updated parameters as little-endian doubles in state_dict order.
void step_log_write(FILE *file, size_t step, double loss, const Model *model);

#endif
