// `microgpt run`: trains and samples, and prints what microgpt.py prints, byte for byte.
#include "command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "session.h"
#include "step_log.h"

static void print_help(const Option *options, size_t n_options)
{
    printf("usage: microgpt [run] [OPTION ...]\n"
           "\n"
           "Trains a GPT on names with nothing but scalar Values, and prints new names.\n"
           "Prints what microgpt.py prints, byte for byte.\n"
           "\n");
    options_print(options, n_options);
}

static bool train(Session *session, StepLog *log, Error *error)
{
    bool interactive = isatty(STDOUT_FILENO) == 1;
    Trainer *trainer = &session->trainer;
    while (trainer->step < trainer->num_steps) {
        double loss;
        if (!trainer_step(trainer, &loss, error) ||
            !step_log_write(log, trainer->step, loss, &session->model, error)) {
            return false;
        }
        printf("step %4zu / %4zu | loss %.4f\r", trainer->step, trainer->num_steps, loss);
        if (!(interactive ? output_flush(error) : output_check(error))) {
            return false;
        }
    }
    return true;
}

static void print_sample(const Tokenizer *tokenizer, const Sampler *sampler, size_t sample_id)
{
    printf("sample %2zu: ", sample_id + 1);
    for (size_t i = 0; i < sampler->n_tokens; i++) {
        char text[UTF8_MAX_BYTES];
        size_t n = tokenizer_decode(tokenizer, sampler->tokens[i], text);
        fwrite(text, 1, n, stdout);
    }
    printf("\n");
}

static bool sample(Session *session, const RunOptions *options, Error *error)
{
    Sampler sampler;
    if (!sampler_init(&sampler, &session->model, session->engine, &session->random,
                      options->temperature, error)) {
        return false;
    }
    printf("\n--- inference (new, hallucinated names) ---\n");
    bool ok = true;
    for (size_t sample_id = 0; ok && sample_id < options->num_samples; sample_id++) {
        ok = sampler_next(&sampler, error);
        if (ok) {
            print_sample(&session->tokenizer, &sampler, sample_id);
            ok = output_check(error);
        }
    }
    sampler_free(&sampler);
    return ok;
}

static bool run(Session *session, const RunOptions *options, Error *error)
{
    StepLog log;
    if (!step_log_open(&log, options->log, options->data, error)) {
        return false;
    }
    printf("num docs: %zu\n", session->dataset.n_docs);
    printf("vocab size: %d\n", session->tokenizer.vocab_size);
    printf("num params: %zu\n", session->model.n_params);
    bool ok = train(session, &log, error);
    Error close_error;
    if (!step_log_close(&log, &close_error) && ok) {
        *error = close_error;
        ok = false;
    }
    return ok && sample(session, options, error);
}

ExitStatus command_run(int argc, char **argv, Error *error)
{
    RunOptions run_options = run_options_default;
    bool help = false;
    Option options[N_RUN_OPTIONS + 1];
    options_for_run(&run_options, options);
    options[N_RUN_OPTIONS] = (Option){
        .name = "help", .kind = OPTION_FLAG, .target = &help, .help = "print this and exit"};
    if (!options_parse(argc, argv, options, N_RUN_OPTIONS + 1, error)) {
        return EXIT_USAGE;
    }
    if (help) {
        print_help(options, N_RUN_OPTIONS + 1);
        return EXIT_DONE;
    }
    Session session;
    if (!session_open(&session, &run_options, error)) {
        return EXIT_FAILED;
    }
    bool ok = run(&session, &run_options, error);
    session_close(&session);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
