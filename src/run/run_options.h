// The options of a run: the constants of microgpt.py as command-line options.
#ifndef MICROGPT_RUN_OPTIONS_H
#define MICROGPT_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"
#include "microgpt/adam.h"
#include "microgpt/engine.h"
#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/simd.h"

// The default sizes of the model, which are those of microgpt.py.
enum {
    DEFAULT_N_LAYER = 1,
    DEFAULT_N_EMBD = 16,
    DEFAULT_N_HEAD = 4,
    DEFAULT_BLOCK_SIZE = 16,
};

// The values of the options.
typedef struct RunOptions {
    const char *data; // a text file; NULL: the built-in names
    uint64_t seed;
    size_t num_steps;
    size_t num_samples;
    double temperature;
    double init_std;
    AdamConfig adam;
    ModelConfig model; // except vocab_size, which depends on the data
    EngineKind engine;
    SimdLevel simd; // the kernels of the tensor engine and of Adam
} RunOptions;

// Groups of options. A command lists some of the groups.
enum {
    RUN_DATA = 1 << 0,
    RUN_TRAINING =
        1
        << 1, // settings that, together with steps and sizes, determine the bits of a training run
    RUN_SIZES = 1 << 2, // of the model
    RUN_SAMPLING = 1 << 3,
    RUN_ENGINE = 1 << 4,
    RUN_SIMD = 1 << 5,
    RUN_STEPS = 1 << 6, // of the training run
};

// Returns microgpt.py's constants, the scalar engine, and the best kernels for the processor.
RunOptions run_options_default(void);

// Adds the options of the groups; their defaults are the values in run.
void run_options_add(Options *options, RunOptions *run, unsigned groups);

// Checks that the options are consistent.
// Errors: n_embd is not divisible by n_head.
bool run_options_check(const RunOptions *run, Error *error);

#endif
