// The training loop of the commands: see training_loop.h.
#include "run/training_loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint_write.h"
#include "cli/command_files.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "run/step_log.h"

// ---- the start ----

static ExitStatus open_resumed(Training *training, Checkpoint *checkpoint, Error *error)
{
    TrainingOptions *options = &training->options;
    if (!checkpoint->can_resume) {
        error_set_file(error, options->resume, 0,
                       "has no training state; use microgpt sample --load");
        return EXIT_FAILED;
    }
    if (!training_options_resume(options, checkpoint, error)) {
        return EXIT_USAGE;
    }
    return session_resume(&training->session, &options->run, checkpoint, error) ? EXIT_DONE
                                                                                : EXIT_FAILED;
}

static ExitStatus open_session(Training *training, Error *error)
{
    const TrainingOptions *options = &training->options;
    if (options->resume == NULL) {
        return session_open(&training->session, &options->run, error) ? EXIT_DONE : EXIT_FAILED;
    }
    Checkpoint checkpoint;
    if (!checkpoint_load(&checkpoint, options->resume, 0, error)) {
        return EXIT_FAILED;
    }
    ExitStatus status = open_resumed(training, &checkpoint, error);
    checkpoint_free(&checkpoint);
    return status;
}

enum {
    N_FILES = 4,
};

static void list_files(const TrainingOptions *options, CommandFile files[N_FILES])
{
    const CommandFile all[N_FILES] = {
        {options->run.data, FILE_READ, "--data", "the data file"},
        {options->resume, FILE_CONTINUED, "--resume", "the checkpoint"},
        {options->save, FILE_REPLACED, "--save", "the checkpoint"},
        {options->log, FILE_APPENDED, "--log", "the log"},
    };
    memcpy(files, all, sizeof all);
}

static bool check_save(const Training *training, Error *error)
{
    const char *path = training->options.save;
    if (path == NULL) {
        return true;
    }
    Checkpoint checkpoint = session_checkpoint(&training->session);
    const char *name = out_file_is_standard_output(path) ? "standard output" : path;
    return checkpoint_check_contents(&checkpoint, name, error);
}

ExitStatus training_open(Training *training, const char *usage, const char *summary, bool samples,
                         int argc, char **argv, Error *error)
{
    TrainingOptions *options = &training->options;
    training->session = (Session){0};
    if (!training_options_parse(options, usage, summary, samples, argc, argv, error)) {
        return EXIT_USAGE;
    }
    if (options_answer(&options->list)) {
        return EXIT_DONE;
    }
    if (options->resume == NULL && !run_options_check(&options->run, error)) {
        return EXIT_USAGE;
    }
    CommandFile files[N_FILES];
    list_files(options, files);
    ExitStatus status = command_files_check(files, N_FILES, true, error);
    if (status == EXIT_DONE) {
        status = open_session(training, error);
    }
    if (status == EXIT_DONE && !check_save(training, error)) {
        session_close(&training->session);
        status = EXIT_FAILED;
    }
    return status;
}

void training_close(Training *training)
{
    session_close(&training->session);
}

// ---- the loop ----

static bool write_to_file(void *out, const void *bytes, size_t size, Error *error)
{
    return out_file_write(out, bytes, size, error);
}

static bool write_checkpoint(const Training *training, Error *error)
{
    OutFile out;
    Checkpoint checkpoint = session_checkpoint(&training->session);
    if (!out_file_open(&out, training->options.save, error)) {
        return false;
    }
    if (!checkpoint_write(&checkpoint, out.name, write_to_file, &out, error)) {
        out_file_discard(&out);
        return false;
    }
    return out_file_close(&out, error);
}

// Writes the printed lines and the log to their files before it saves, so that after a crash no
// line is missing between the output of the stopped run and that of the resumed run.
static bool save(const Training *training, Error *error)
{
    return output_flush(error) &&
           (training->log.file == NULL || out_file_flush(&training->log, error)) &&
           write_checkpoint(training, error);
}

// Returns whether to save a checkpoint now: every save_every steps, at the end, and after a signal.
static bool is_time_to_save(const Training *training)
{
    const TrainingOptions *options = &training->options;
    size_t step = training->session.trainer.step;
    bool is_round = options->save_every > 0 && step % options->save_every == 0;
    bool is_last = step == training->session.trainer.num_steps || interrupt_caught() != 0;
    return options->save != NULL && (is_round || is_last);
}

static bool log_step(const Training *training, double loss, Error *error)
{
    const OutFile *log = &training->log;
    if (log->file == NULL) {
        return true;
    }
    step_log_write(log->file, training->session.trainer.step, loss, &training->session.model);
    return out_file_check(log, error);
}

// Prints the line of microgpt.py. Truncates it to the window of a terminal, since the next line
// could not overwrite a longer one. Returns how many columns it has.
static int print_step(const Trainer *trainer, double loss, bool is_terminal)
{
    char line[128];
    int n = snprintf(line, sizeof line, "step %4zu / %4zu | loss %.4f", trainer->step,
                     trainer->num_steps, loss);
    size_t columns = is_terminal ? progress_columns(STDOUT_FILENO) : sizeof line;
    if ((size_t)n > columns) {
        n = (int)columns;
    }
    printf("%.*s\r", n, line);
    return n;
}

// Writes a step's line to the log and to standard output.
static bool show_step(Training *training, double loss, Error *error)
{
    const Trainer *trainer = &training->session.trainer;
    Progress *progress = &training->progress;
    if (!log_step(training, loss, error)) {
        return false;
    }
    int n_columns = print_step(trainer, loss, progress->shares_line);
    if (!(progress->shares_line ? output_flush(error) : output_check(error))) {
        return false;
    }
    progress_step(progress, trainer->step, loss, n_columns);
    return true;
}

// Saves the training although its output can no longer be printed.
static void save_unshown(const Training *training, Error *error)
{
    Error reason;
    if (training->options.save != NULL && !write_checkpoint(training, &reason)) {
        *error = reason;
    }
}

// Reports a training that was stopped by a signal.
static ExitStatus interrupted(const Training *training, Error *error)
{
    const Trainer *trainer = &training->session.trainer;
    const char *path = training->options.save;
    int signal_number = interrupt_caught();
    const char *name = signal_number == SIGINT    ? "SIGINT"
                       : signal_number == SIGTERM ? "SIGTERM"
                                                  : "SIGHUP";
    if (path != NULL && out_file_is_stream(path)) {
        const char *shown = out_file_is_standard_output(path) ? "standard output" : path;
        error_set(error, "%s after step %zu of %zu; saved to %s", name, trainer->step,
                  trainer->num_steps, shown);
    } else if (path != NULL) {
        error_set(error, "%s after step %zu of %zu; saved, resume with --resume %s", name,
                  trainer->step, trainer->num_steps, path);
    } else {
        error_set(error, "%s after step %zu of %zu; nothing is saved without --save", name,
                  trainer->step, trainer->num_steps);
    }
    return (ExitStatus)(128 + signal_number);
}

static ExitStatus train(Training *training, Error *error)
{
    Trainer *trainer = &training->session.trainer;
    bool saved = false;
    while (trainer->step < trainer->num_steps && interrupt_caught() == 0) {
        double loss;
        if (!trainer_step(trainer, &loss, error)) {
            return EXIT_FAILED;
        }
        if (!show_step(training, loss, error)) {
            save_unshown(training, error);
            return EXIT_FAILED;
        }
        saved = is_time_to_save(training);
        if (saved && !save(training, error)) {
            return EXIT_FAILED;
        }
    }
    // The signal came during a save, or there were no steps to do.
    if (!saved && is_time_to_save(training) && !save(training, error)) {
        return EXIT_FAILED;
    }
    return interrupt_caught() == 0 ? EXIT_DONE : interrupted(training, error);
}

// Compares the files again, because it is certain only when the log exists whether another name
// refers to the same file.
static ExitStatus open_log(Training *training, Error *error)
{
    const TrainingOptions *options = &training->options;
    const Session *session = &training->session;
    OutFile *log = &training->log;
    *log = (OutFile){0};
    if (options->log == NULL) {
        return EXIT_DONE;
    }
    if (!out_file_open_log(log, options->log, error)) {
        return EXIT_FAILED;
    }
    CommandFile files[N_FILES];
    list_files(options, files);
    ExitStatus status = command_files_are_apart(files, N_FILES, error) ? EXIT_DONE : EXIT_USAGE;
    if (status == EXIT_DONE) {
        bool ok = options->resume != NULL
                      ? step_log_continue(log, session->trainer.step, &session->model, error)
                      : step_log_begin(log, error);
        status = ok ? EXIT_DONE : EXIT_FAILED;
    }
    if (status != EXIT_DONE) {
        out_file_discard(log);
    }
    return status;
}

static void print_sizes(const Session *session)
{
    printf("num docs: %zu\n", session->dataset.n_docs);
    printf("vocab size: %d\n", session->tokenizer.vocab_size);
    printf("num params: %zu\n", session->model.n_params);
}

ExitStatus training_run(Training *training, Error *error)
{
    const TrainingOptions *options = &training->options;
    const Trainer *trainer = &training->session.trainer;
    ExitStatus status = open_log(training, error);
    if (status != EXIT_DONE) {
        return status;
    }
    if (options->resume == NULL) {
        print_sizes(&training->session);
    }
    interrupt_begin();
    progress_begin(&training->progress, trainer->step, trainer->num_steps);
    status = train(training, error);
    progress_end(&training->progress);
    interrupt_end();
    Error ignored; // the training's error is more important
    if (!out_file_close(&training->log, status == EXIT_DONE ? error : &ignored) &&
        status == EXIT_DONE) {
        status = EXIT_FAILED;
    }
    return status;
}
