// `microgpt sample`: new names from a checkpoint.
#include "run/run_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "run/samples_print.h"
#include "run/session.h"

typedef struct SampleOptions {
    Options list; // points into this struct, which must not move
    RunOptions run;
    const char *load;
    const char *prompt; // NULL: none
    int n_head;         // 0: not said
    bool is_seeded;     // by --seed
    bool help;
} SampleOptions;

static void print_help(const Options *options)
{
    printf("usage: microgpt sample --load FILE [OPTION ...]\n"
           "\n"
           "Makes up names with the model of a checkpoint. Draws go on where training left the\n"
           "generator, so that these are the names that microgpt run prints; --seed starts anew.\n"
           "\n");
    options_print(options);
}

static void list_options(SampleOptions *chosen)
{
    Options *list = &chosen->list;
    RunOptions *run = &chosen->run;
    options_add(list, (Option){"load", OPTION_TEXT, &chosen->load, "FILE", "the checkpoint",
                               .group = OPTION_OWN});
    run_options_add(list, run, RUN_SAMPLING);
    options_find(list, &run->temperature)->help =
        "low is likely, high is wild"; // of what, goes without saying
    options_add(list, (Option){"seed", OPTION_SEED, &run->seed, "N", "of new random numbers",
                               .group = OPTION_OWN});
    options_find(list, &run->seed)->default_text[0] = '\0'; // only of another program's file
    options_add(list, (Option){"prompt", OPTION_TEXT, &chosen->prompt, "TEXT",
                               "what every name begins with", .group = OPTION_OWN});
    options_add(list, (Option){"n-head", OPTION_SIZE, &chosen->n_head, "N",
                               "for a file that does not say it", .min = 1, .max = MODEL_MAX_SIZE});
    run_options_add(list, run, RUN_ENGINE | RUN_SIMD);
    options_add_help(list, &chosen->help);
}

static bool parse(SampleOptions *chosen, int argc, char **argv, Error *error)
{
    *chosen = (SampleOptions){.run = run_options_default()};
    list_options(chosen);
    if (!options_parse(&chosen->list, argc, argv, error)) {
        return false;
    }
    chosen->is_seeded = options_find(&chosen->list, &chosen->run.seed)->given != NULL;
    return true;
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
    return samples_print(&checkpoint->tokenizer, sampler, options->run.num_samples, error)
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
                     options->run.temperature, error)) {
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
    if (!session_check_memory("--load", options->run.engine, &checkpoint->model.config, 1, error) ||
        !engine_create(&engine, options->run.engine, &checkpoint->model, error)) {
        return EXIT_FAILED;
    }
    engine_set_simd(engine, options->run.simd);
    if (options->is_seeded || !checkpoint->can_resume) { // another's file has no generator
        random_seed(&checkpoint->random, options->run.seed);
    }
    ExitStatus status = sample_with_engine(checkpoint, options, engine, error);
    engine_free(engine);
    return status;
}

ExitStatus command_sample(int argc, char **argv, Error *error)
{
    SampleOptions chosen;
    if (!parse(&chosen, argc, argv, error)) {
        return EXIT_USAGE;
    }
    if (chosen.help) {
        print_help(&chosen.list);
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
