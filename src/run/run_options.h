// The options of a run: microgpt.py's constants, and their table for the command line.
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

// The sizes of the model, in microgpt.py and unless an option says otherwise.
enum {
    DEFAULT_N_LAYER = 1,
    DEFAULT_N_EMBD = 16,
    DEFAULT_N_HEAD = 4,
    DEFAULT_BLOCK_SIZE = 16,
};

// The options of a run, with the values that microgpt.py has as constants.
typedef struct RunOptions {
    const char *data; // a text file; NULL: the names compiled in
    uint64_t seed;
    size_t num_steps;
    size_t num_samples;
    double temperature;
    double init_std;
    AdamConfig adam;
    ModelConfig model; // vocab_size is the data's
    EngineKind engine;
    SimdLevel simd; // the kernels of the tensor engine and of Adam
} RunOptions;

// Which options: a command lists some of these groups.
enum {
    RUN_DATA = 1 << 0,
    RUN_TRAINING = 1 << 1, // with steps and sizes, what decides the bits of a training on that data
    RUN_SIZES = 1 << 2,    // of the model
    RUN_SAMPLING = 1 << 3,
    RUN_ENGINE = 1 << 4,
    RUN_SIMD = 1 << 5,
    RUN_STEPS = 1 << 6, // of the training
};

// microgpt.py's constants, the scalar engine, and the best kernels that the processor has.
RunOptions run_options_default(void);

// Adds the options of the groups; their defaults are what run has.
void run_options_add(Options *options, RunOptions *run, unsigned groups);

// Whether the options fit together.
// Errors: n_embd is not divisible by n_head.
bool run_options_check(const RunOptions *run, Error *error);

#endif
