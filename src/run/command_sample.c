// `microgpt sample`: new names from a checkpoint.
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "run/samples_print.h"
#include "run/session.h"

typedef struct SampleOptions {
    const char *load;
    size_t num_samples;
    double temperature;
    GivenSeed seed;
    const char *prompt; // NULL: none
    int n_head;         // 0: not said
    EngineKind engine;
    SimdLevel simd;
    bool help;
} SampleOptions;

enum {
    N_SAMPLE_OPTIONS = 9,
};

static void print_help(const Option *options)
{
    printf("usage: microgpt sample --load FILE [OPTION ...]\n"
           "\n"
           "Makes up names with the model of a checkpoint. Draws go on where training left the\n"
           "generator, so that these are the names that microgpt run prints; --seed starts anew.\n"
           "\n");
    options_print(options, N_SAMPLE_OPTIONS);
}

static bool parse(SampleOptions *chosen, Option *options, int argc, char **argv, Error *error)
{
    Option temperature = option_temperature(&chosen->temperature);
    temperature.help = "low is likely, high is wild (default: 0.5)"; // of what, goes without saying
    const Option all[N_SAMPLE_OPTIONS] = {
        {"load", OPTION_TEXT, &chosen->load, 0, 0, "FILE", "the checkpoint"},
        option_num_samples(&chosen->num_samples),
        temperature,
        {"seed", OPTION_GIVEN_SEED, &chosen->seed, 0, 0, "N", "of new random numbers"},
        {"prompt", OPTION_TEXT, &chosen->prompt, 0, 0, "TEXT", "what every name begins with"},
        {"n-head", OPTION_SIZE, &chosen->n_head, 1, MODEL_MAX_SIZE, "N",
         "for a file that does not say it"},
        option_engine(&chosen->engine),
        option_simd(&chosen->simd),
        option_help(&chosen->help),
    };
    memcpy(options, all, sizeof all);
    return options_parse(argc, argv, options, N_SAMPLE_OPTIONS, error);
}

// The prompt's tokens. Returns false where it has a character that the model does not know, or too
// many.
// Shapes: tokens [block_size].
static bool encode_prompt(const Checkpoint *checkpoint, const char *prompt, int *tokens,
                          size_t *n_tokens, Error *error)
{
    size_t block_size = (size_t)checkpoint->model.config.block_size;
    size_t size = strlen(prompt);
    size_t offset = 0;
    *n_tokens = 0;
    while (offset < size) {
        uint32_t code_point;
        size_t n_bytes = utf8_decode(prompt + offset, size - offset, &code_point);
        int token_id = n_bytes > 0 ? tokenizer_find(&checkpoint->tokenizer, code_point) : -1;
        if (token_id < 0) {
            return error_set(error, "--prompt: character %zu is not one of those trained on",
                             *n_tokens + 1);
        }
        if (*n_tokens + 1 == block_size) {
            return error_set(error,
                             "--prompt: is too long; it must have fewer than %zu "
                             "characters",
                             block_size);
        }
        tokens[*n_tokens] = token_id;
        ++*n_tokens;
        offset += n_bytes;
    }
    return true;
}

static ExitStatus sample(Checkpoint *checkpoint, const SampleOptions *options, Sampler *sampler,
                         int *prompt, Error *error)
{
    if (options->prompt != NULL) {
        if (!encode_prompt(checkpoint, options->prompt, prompt, &sampler->n_prompt, error)) {
            return EXIT_USAGE;
        }
        sampler->prompt = prompt;
    }
    return samples_print(&checkpoint->tokenizer, sampler, options->num_samples, error)
               ? EXIT_DONE
               : EXIT_FAILED;
}

static ExitStatus sample_with_engine(Checkpoint *checkpoint, const SampleOptions *options,
                                     Engine *engine, Error *error)
{
    size_t block_size = (size_t)checkpoint->model.config.block_size;
    int *prompt = calloc(block_size, sizeof *prompt);
    if (prompt == NULL) {
        error_out_of_memory(error, "the prompt", block_size * sizeof *prompt);
        return EXIT_FAILED;
    }
    Sampler sampler;
    ExitStatus status = EXIT_FAILED;
    if (sampler_init(&sampler, &checkpoint->model, engine, &checkpoint->random,
                     options->temperature, error)) {
        status = sample(checkpoint, options, &sampler, prompt, error);
        sampler_free(&sampler);
    }
    free(prompt);
    return status;
}

static ExitStatus sample_checkpoint(Checkpoint *checkpoint, const SampleOptions *options,
                                    Error *error)
{
    Engine *engine;
    if (!session_check_memory("--load", options->engine, &checkpoint->model.config, 1, error) ||
        !engine_create(&engine, options->engine, &checkpoint->model, error)) {
        return EXIT_FAILED;
    }
    engine_set_simd(engine, options->simd);
    if (options->seed.is_given || !checkpoint->can_resume) { // another's file has no generator
        random_seed(&checkpoint->random, options->seed.seed);
    }
    ExitStatus status = sample_with_engine(checkpoint, options, engine, error);
    engine_free(engine);
    return status;
}

ExitStatus command_sample(int argc, char **argv, Error *error)
{
    const RunOptions defaults = run_options_default();
    SampleOptions chosen = {
        .num_samples = defaults.num_samples,
        .temperature = defaults.temperature,
        .seed.seed = defaults.seed,
        .engine = defaults.engine,
        .simd = defaults.simd,
    };
    Option options[N_SAMPLE_OPTIONS];
    if (!parse(&chosen, options, argc, argv, error)) {
        return EXIT_USAGE;
    }
    if (chosen.help) {
        print_help(options);
        return EXIT_DONE;
    }
    if (chosen.load == NULL) {
        error_set(error, "--load: name the checkpoint to sample from");
        return EXIT_USAGE;
    }
    Checkpoint checkpoint;
    if (!checkpoint_load(&checkpoint, chosen.load, chosen.n_head, error)) {
        return EXIT_FAILED;
    }
    ExitStatus status = sample_checkpoint(&checkpoint, &chosen, error);
    checkpoint_free(&checkpoint);
    return status;
}
