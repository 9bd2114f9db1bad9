// `microgpt run`: trains and samples, and prints what microgpt.py prints, byte for byte.
#include "command.h"

#include <stdio.h>
#include <unistd.h>

#include "options.h"
#include "out_file.h"
#include "session.h"
#include "step_log.h"
#include "version.h"

static void print_help(const Option *options, size_t n_options)
{
    printf("usage: microgpt [run] [OPTION ...]\n"
           "\n"
           "Trains a GPT on names with nothing but scalar Values, and prints new names.\n"
           "Prints what microgpt.py prints, byte for byte.\n"
           "\n");
    options_print(options, n_options);
}

static bool log_step(OutFile *log, const Session *session, double loss, Error *error)
{
    if (log->file == NULL) {
        return true;
    }
    step_log_write(log->file, session->trainer.step, loss, &session->model);
    return out_file_check(log, error);
}

static bool train(Session *session, OutFile *log, Error *error)
{
    bool interactive = isatty(STDOUT_FILENO) == 1;
    Trainer *trainer = &session->trainer;
    while (trainer->step < trainer->num_steps) {
        double loss;
        if (!trainer_step(trainer, &loss, error) || !log_step(log, session, loss, error)) {
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

static bool open_log(OutFile *log, const RunOptions *options, Error *error)
{
    *log = (OutFile){0};
    if (options->log == NULL) {
        return true;
    }
    if (!out_file_open(log, "--log", options->log, options->data, error)) {
        return false;
    }
    step_log_begin(log->file);
    return true;
}

static bool run(Session *session, const RunOptions *options, Error *error)
{
    OutFile log;
    if (!open_log(&log, options, error)) {
        return false;
    }
    printf("num docs: %zu\n", session->dataset.n_docs);
    printf("vocab size: %d\n", session->tokenizer.vocab_size);
    printf("num params: %zu\n", session->model.n_params);
    bool trained = train(session, &log, error);
    if (!trained && isatty(STDOUT_FILENO) == 1) {
        printf("\n"); // the error must not be written over the progress line
    }
    Error ignored; // training's own error comes first
    bool logged = out_file_close(&log, trained ? error : &ignored);
    return trained && logged && sample(session, options, error);
}

ExitStatus command_run(int argc, char **argv, Error *error)
{
    RunOptions run_options = run_options_default();
    bool help = false;
    bool version = false;
    Option options[N_RUN_OPTIONS + 3];
    options_for_run(&run_options, options);
    options[N_RUN_OPTIONS] = (Option){
        "log", OPTION_TEXT, &run_options.log, 0, 0, "FILE", "write one line a step, tab-separated"};
    options[N_RUN_OPTIONS + 1] = option_help(&help);
    options[N_RUN_OPTIONS + 2] =
        (Option){"version", OPTION_FLAG, &version, 0, 0, NULL, "print the version and exit"};
    if (!options_parse(argc, argv, options, N_RUN_OPTIONS + 3, error)) {
        return EXIT_USAGE;
    }
    if (help) {
        print_help(options, N_RUN_OPTIONS + 3);
        return EXIT_DONE;
    }
    if (version) {
        printf("microgpt %s\n", MICROGPT_VERSION);
        return EXIT_DONE;
    }
    if (!options_check_run(&run_options, error)) {
        return EXIT_USAGE;
    }
    Session session;
    if (!session_open(&session, &run_options, error)) {
        return EXIT_FAILED;
    }
    bool ok = run(&session, &run_options, error);
    session_close(&session);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
