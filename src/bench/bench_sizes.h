// `microgpt bench --sizes`: times models of many sizes.
#ifndef MICROGPT_BENCH_SIZES_H
#define MICROGPT_BENCH_SIZES_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "run/run_options.h"

// Trains each model on n_documents at every SIMD level, and prints a row for each of them, or JSON.
// Ignores the sizes in run.
// Errors: those of training.
bool bench_sizes(const RunOptions *run, size_t n_documents, bool json, Error *error);

#endif
