// Lists, reads and compares options: see training_options.h.
#include "run/training_options.h"

#include <inttypes.h>
#include <string.h>

#include "cli/options.h"

enum {
    N_OWN_OPTIONS = 8,
    MAX_TRAINING_OPTIONS = N_RUN_OPTIONS + N_OWN_OPTIONS,
};

static bool is_of_sampling(const char *name)
{
    return strcmp(name, "num-samples") == 0 || strcmp(name, "temperature") == 0;
}

// Fills the array and returns how many there are.
// Shapes: options [MAX_TRAINING_OPTIONS].
static size_t list_options(TrainingOptions *chosen, bool samples, Option *options)
{
    const Option own[N_OWN_OPTIONS] = {
        option_engine(&chosen->run.engine),
        option_simd(&chosen->run.simd),
        {"log", OPTION_TEXT, &chosen->run.log, 0, 0, "FILE",
         "write one line a step, tab-separated"},
        {"save", OPTION_TEXT, &chosen->save, 0, 0, "FILE", "write a checkpoint at the end"},
        {"save-every", OPTION_COUNT, &chosen->save_every, 1, OPTION_MAX_COUNT, "N",
         "and after every N steps"},
        {"resume", OPTION_TEXT, &chosen->resume, 0, 0, "FILE",
         "go on from a checkpoint, with its settings"},
        option_help(&chosen->help),
        {"version", OPTION_FLAG, &chosen->version, 0, 0, NULL, "print the version and exit"},
    };
    Option of_run[N_RUN_OPTIONS];
    size_t n = 0;
    options_for_run(&chosen->run, of_run);
    for (size_t i = 0; i < N_RUN_OPTIONS; i++) {
        if (samples || !is_of_sampling(of_run[i].name)) {
            options[n] = of_run[i];
            n++;
        }
    }
    memcpy(options + n, own, sizeof own);
    return n + N_OWN_OPTIONS;
}

bool training_options_parse(TrainingOptions *options, int argc, char **argv, bool samples,
                            Error *error)
{
    Option list[MAX_TRAINING_OPTIONS];
    size_t n_options = list_options(options, samples, list);
    if (!options_parse(argc, argv, list, n_options, error)) {
        return false;
    }
    if (options->save_every > 0 && options->save == NULL) {
        return error_set(error, "--save-every: needs --save FILE, too");
    }
    return true;
}

void training_options_print(bool samples)
{
    TrainingOptions options;
    Option list[MAX_TRAINING_OPTIONS];
    options_print(list, list_options(&options, samples, list));
}

void training_options_take(TrainingOptions *options, const Checkpoint *checkpoint)
{
    RunOptions *run = &options->run;
    run->seed = checkpoint->seed;
    run->num_steps = checkpoint->num_steps;
    run->init_std = checkpoint->init_std;
    run->adam = checkpoint->adam.config;
    run->model = checkpoint->model.config;
}

static bool check_count(const char *name, uint64_t here, uint64_t there, Error *error)
{
    if (here != there) {
        return error_set(error,
                         "--%s: %" PRIu64 " contradicts the checkpoint, which has %" PRIu64
                         "; leave the option out",
                         name, here, there);
    }
    return true;
}

static bool check_real(const char *name, double here, double there, Error *error)
{
    if (here != there) {
        return error_set(error,
                         "--%s: %.17g contradicts the checkpoint, which has %.17g; leave the "
                         "option out",
                         name, here, there);
    }
    return true;
}

static bool check_model(const ModelConfig *here, const ModelConfig *there, Error *error)
{
    return check_count("n-layer", (uint64_t)here->n_layer, (uint64_t)there->n_layer, error) &&
           check_count("n-embd", (uint64_t)here->n_embd, (uint64_t)there->n_embd, error) &&
           check_count("n-head", (uint64_t)here->n_head, (uint64_t)there->n_head, error) &&
           check_count("block-size", (uint64_t)here->block_size, (uint64_t)there->block_size,
                       error);
}

bool training_options_check(const TrainingOptions *options, const Checkpoint *checkpoint,
                            Error *error)
{
    const RunOptions *run = &options->run;
    const AdamConfig *adam = &checkpoint->adam.config;
    return check_count("seed", run->seed, checkpoint->seed, error) &&
           check_count("num-steps", run->num_steps, checkpoint->num_steps, error) &&
           check_model(&run->model, &checkpoint->model.config, error) &&
           check_real("learning-rate", run->adam.learning_rate, adam->learning_rate, error) &&
           check_real("beta1", run->adam.beta1, adam->beta1, error) &&
           check_real("beta2", run->adam.beta2, adam->beta2, error) &&
           check_real("eps-adam", run->adam.eps_adam, adam->eps_adam, error) &&
           check_real("init-std", run->init_std, checkpoint->init_std, error);
}
