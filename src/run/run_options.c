// The table of a run's options: see run_options.h.
#include "run/run_options.h"

#include <math.h>

RunOptions run_options_default(void)
{
    return (RunOptions){
        .seed = 42,
        .num_steps = 1000,
        .num_samples = 20,
        .temperature = 0.5,
        .init_std = 0.08,
        .adam = {.learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8},
        .model = {.n_layer = DEFAULT_N_LAYER,
                  .n_embd = DEFAULT_N_EMBD,
                  .n_head = DEFAULT_N_HEAD,
                  .block_size = DEFAULT_BLOCK_SIZE},
        .engine = ENGINE_SCALAR,
        .simd = simd_best(),
    };
}

void run_options_add(Options *options, RunOptions *run, unsigned groups)
{
    AdamConfig *adam = &run->adam;
    ModelConfig *model = &run->model;
    const Option all[] = {
        {"data", &run->data, "FILE", "documents, one per line", OPTION_TEXT, .group = RUN_DATA,
         .default_text = "names"},
        {"seed", &run->seed, "N", "seed of the random numbers", OPTION_SEED, .group = RUN_TRAINING},
        {"num-steps", &run->num_steps, "N", "documents to train on", OPTION_COUNT,
         .max = OPTION_MAX_COUNT, .group = RUN_STEPS, .alias = "steps"},
        {"num-samples", &run->num_samples, "N", "names to generate", OPTION_COUNT,
         .max = OPTION_MAX_COUNT, .group = RUN_SAMPLING, .alias = "samples"},
        {"temperature", &run->temperature, "X", "of sampling; lower: more likely names",
         OPTION_ABOVE, .max = INFINITY, .group = RUN_SAMPLING},
        {"learning-rate", &adam->learning_rate, "X", "at the start; falls to 0", OPTION_ABOVE,
         .max = INFINITY, .group = RUN_TRAINING},
        {"beta1", &adam->beta1, "X", "decay rate of Adam's first moment", OPTION_REAL, .max = 1,
         .group = RUN_TRAINING},
        {"beta2", &adam->beta2, "X", "decay rate of Adam's second moment", OPTION_REAL, .max = 1,
         .group = RUN_TRAINING},
        {"eps-adam", &adam->eps_adam, "X", "added to Adam's divisor", OPTION_ABOVE, .max = INFINITY,
         .group = RUN_TRAINING},
        {"n-layer", &model->n_layer, "N", "layers", OPTION_SIZE, .max = MODEL_MAX_SIZE,
         .group = RUN_SIZES},
        {"n-embd", &model->n_embd, "N", "width of the network", OPTION_SIZE, .min = 1,
         .max = MODEL_MAX_SIZE, .group = RUN_SIZES},
        {"n-head", &model->n_head, "N", "attention heads; divides n-embd", OPTION_SIZE, .min = 1,
         .max = MODEL_MAX_SIZE, .group = RUN_SIZES},
        {"block-size", &model->block_size, "N", "longest context", OPTION_SIZE, .min = 1,
         .max = MODEL_MAX_SIZE, .group = RUN_SIZES},
        {"init-std", &run->init_std, "X", "std of the initial parameters", OPTION_ABOVE,
         .max = INFINITY, .group = RUN_TRAINING},
        {"engine", &run->engine, "NAME", "scalar: a graph of Values; tensor: fast", OPTION_ENGINE,
         .group = RUN_ENGINE},
        {"simd", &run->simd, "NAME", "auto, none, neon, avx2 or avx512; all the same bits",
         OPTION_SIMD, .group = RUN_SIMD, .default_text = "auto"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((all[i].group & groups) != 0) {
            options_add(options, all[i]);
        }
    }
}

bool run_options_check(const RunOptions *run, Error *error)
{
    if (run->model.n_embd % run->model.n_head != 0) {
        return error_set(error, "--n-embd: %d must be a multiple of --n-head %d", run->model.n_embd,
                         run->model.n_head);
    }
    return true;
}
