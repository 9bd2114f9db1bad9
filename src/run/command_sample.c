// `microgpt sample`: new names from a checkpoint.
#include "run/run_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_files.h"
#include "cli/options.h"
#include "python/utf8.h"
#include "run/model_text.h"
#include "run/samples_print.h"
#include "run/session.h"

typedef struct SampleOptions {
    Options list; // points into this struct, which must not move
    RunOptions run;
    const char *load;
    const char *prompt; // NULL if there is none
    int n_head;         // 0 if it is not given
    bool is_seeded;     // whether --seed was given
} SampleOptions;

static const char usage[] = "sample --load FILE [OPTION ...]";
static const char summary[] =
    "Generates names with the model of a checkpoint. The random numbers continue where the\n"
    "training stopped: these are the names that microgpt run prints. --seed changes that.\n";

static void list_options(SampleOptions *chosen)
{
    Options *list = &chosen->list;
    RunOptions *run = &chosen->run;
    options_add(list, (Option){"load", &chosen->load, "FILE", "the checkpoint", OPTION_TEXT,
                               .group = OPTION_OWN});
    run_options_add(list, run, RUN_SAMPLING);
    options_find(list, &run->temperature)->help =
        "lower: more likely names"; // the command only samples
    options_add(list, (Option){"seed", &run->seed, "N", "seed of new random numbers", OPTION_SEED,
                               .group = OPTION_OWN});
    // The seed is used only if the file contains no generator's state.
    options_find(list, &run->seed)->default_text[0] = '\0';
    options_add(list, (Option){"prompt", &chosen->prompt, "TEXT", "what every name begins with",
                               OPTION_TEXT, .group = OPTION_OWN});
    options_add(list,
                (Option){"n-head", &chosen->n_head, "N", "for a file that does not contain it",
                         OPTION_SIZE, .min = 1, .max = MODEL_MAX_SIZE});
    run_options_add(list, run, RUN_ENGINE | RUN_SIMD);
    options_add_help(list);
}

static bool parse(SampleOptions *chosen, int argc, char **argv, Error *error)
{
    *chosen = (SampleOptions){.run = run_options_default()};
    chosen->list.usage = usage;
    chosen->list.summary = summary;
    list_options(chosen);
    if (!options_parse(&chosen->list, argc, argv, error)) {
        return false;
    }
    if (chosen->run.engine == ENGINE_SCALAR &&
        options_find(&chosen->list, &chosen->run.simd)->given != NULL) {
        return error_set(error, "--simd: has no effect on the scalar engine; leave it out, or add "
                                "--engine tensor");
    }
    const char *temperature = options_find(&chosen->list, &chosen->run.temperature)->given;
    if (chosen->run.num_samples == 0 && temperature != NULL) {
        return error_set(error, "%.100s: has no effect without samples; raise --num-samples",
                         temperature);
    }
    chosen->is_seeded = options_find(&chosen->list, &chosen->run.seed)->given != NULL;
    return true;
}

// Encodes the prompt. Returns false if it has a character that is not in the alphabet, or too many
// characters.
// Shapes: tokens [block_size].
static bool encode_prompt(const Checkpoint *checkpoint, const char *prompt, int *tokens,
                          size_t *n_tokens, Error *error)
{
    const Tokenizer *tokenizer = &checkpoint->tokenizer;
    size_t block_size = (size_t)checkpoint->model.config.block_size;
    Document text = {prompt, strlen(prompt)};
    if (!model_text_check("--prompt", text, tokenizer, n_tokens, error) ||
        !model_text_check_length("--prompt", *n_tokens, block_size, error)) {
        return false;
    }
    size_t offset = 0;
    for (size_t i = 0; i < *n_tokens; i++) {
        uint32_t code_point;
        offset += utf8_read(prompt + offset, text.size - offset, &code_point);
        tokens[i] = tokenizer_find(tokenizer, code_point);
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
    if (options->is_seeded ||
        !checkpoint->can_resume) { // a file of another program has no state of the generator
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
    if (options_answer(&chosen.list)) {
        return EXIT_DONE;
    }
    if (chosen.load == NULL) {
        error_set(error, "--load: name the checkpoint to sample from");
        return EXIT_USAGE;
    }
    const CommandFile files[] = {{chosen.load, FILE_READ, "--load", "the checkpoint"}};
    ExitStatus status = command_files_check(files, 1, true, error);
    if (status != EXIT_DONE) {
        return status;
    }
    Checkpoint checkpoint;
    if (!checkpoint_load(&checkpoint, chosen.load, chosen.n_head, error)) {
        return EXIT_FAILED;
    }
    status = sample_checkpoint(&checkpoint, &chosen, error);
    checkpoint_free(&checkpoint);
    return status;
}
