// Training as a command does it: see training_loop.h.
#include "run/training_loop.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "cli/progress.h"
#include "run/step_log.h"
#include "version.h"

// ---- the start ----

static ExitStatus open_resumed(Training *training, Checkpoint *checkpoint, Error *error)
{
    TrainingOptions *options = &training->options;
    if (!checkpoint->can_resume) {
        error_set_file(error, options->resume, 0,
                       "has no state of a training; microgpt sample --load can use it");
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

// A name too many is soon typed: no output may destroy what the run reads, or another output.
static bool check_files(const TrainingOptions *options, Error *error)
{
    const char *log = options->log;
    if (log != NULL && options->save != NULL && out_file_is_same(log, options->save)) {
        return error_set(error, "--log: %s is the checkpoint; write to another file", log);
    }
    if (log != NULL && options->resume != NULL && out_file_is_same(log, options->resume)) {
        return error_set(error, "--log: %s is the checkpoint; write to another file", log);
    }
    if (options->save != NULL && options->run.data != NULL &&
        out_file_is_same(options->save, options->run.data)) {
        return error_set(error, "--save: %s is the data file; write to another one", options->save);
    }
    return true;
}

static bool check_save(const Training *training, Error *error)
{
    if (training->options.save == NULL) {
        return true;
    }
    Checkpoint checkpoint = session_checkpoint(&training->session);
    return checkpoint_check(&checkpoint, training->options.save, error);
}

ExitStatus training_open(Training *training, int argc, char **argv, const char *usage, bool samples,
                         Error *error)
{
    TrainingOptions *options = &training->options;
    training->session = (Session){0};
    if (!training_options_parse(options, argc, argv, samples, error)) {
        return EXIT_USAGE;
    }
    if (options->help) {
        printf("%s\n", usage);
        options_print(&options->list);
        return EXIT_DONE;
    }
    if (options->version) {
        printf("microgpt %s\n", MICROGPT_VERSION);
        return EXIT_DONE;
    }
    if (options->resume == NULL && !run_options_check(&options->run, error)) {
        return EXIT_USAGE;
    }
    if (!check_files(options, error)) {
        return EXIT_FAILED;
    }
    ExitStatus status = open_session(training, error);
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

// What is saved is printed first: after a crash, nothing is missing between the stopped run's
// output and the resumed one's.
static bool save(const Training *training, Error *error)
{
    Checkpoint checkpoint = session_checkpoint(&training->session);
    return output_flush(error) && checkpoint_save(&checkpoint, training->options.save, error);
}

// Whether there is a checkpoint to be written now: every so often, at the end, and when a signal
// has come.
static bool is_time_to_save(const Training *training)
{
    const TrainingOptions *options = &training->options;
    size_t step = training->session.trainer.step;
    bool is_round = options->save_every > 0 && step % options->save_every == 0;
    bool is_last = step == training->session.trainer.num_steps || interrupt_caught() != 0;
    return options->save != NULL && (is_round || is_last);
}

static bool log_step(OutFile *log, const Session *session, double loss, Error *error)
{
    if (log->file == NULL) {
        return true;
    }
    step_log_write(log->file, session->trainer.step, loss, &session->model);
    return out_file_check(log, error);
}

// One step, with its line on standard output.
static bool run_step(Training *training, OutFile *log, Progress *progress, Error *error)
{
    Trainer *trainer = &training->session.trainer;
    double loss;
    if (!trainer_step(trainer, &loss, error) || !log_step(log, &training->session, loss, error)) {
        return false;
    }
    int n_columns = printf("step %4zu / %4zu | loss %.4f", trainer->step, trainer->num_steps, loss);
    printf("\r");
    if (!(progress->shares_line ? output_flush(error) : output_check(error))) {
        return false;
    }
    progress_step(progress, trainer->step, loss, n_columns);
    return true;
}

// After the training's last step for now.
static ExitStatus interrupted(const Training *training, Error *error)
{
    const Trainer *trainer = &training->session.trainer;
    const char *path = training->options.save;
    int signal_number = interrupt_caught();
    const char *name = signal_number == SIGINT ? "SIGINT" : "SIGTERM";
    if (path != NULL) {
        error_set(error, "%s after step %zu of %zu; saved, go on with --resume %s", name,
                  trainer->step, trainer->num_steps, path);
    } else {
        error_set(error, "%s after step %zu of %zu; nothing is saved without --save", name,
                  trainer->step, trainer->num_steps);
    }
    return (ExitStatus)(128 + signal_number);
}

static ExitStatus train(Training *training, OutFile *log, Progress *progress, Error *error)
{
    const Trainer *trainer = &training->session.trainer;
    bool saved = false;
    while (trainer->step < trainer->num_steps && interrupt_caught() == 0) {
        if (!run_step(training, log, progress, error)) {
            return EXIT_FAILED;
        }
        saved = is_time_to_save(training);
        if (saved && !save(training, error)) {
            return EXIT_FAILED;
        }
    }
    // A signal during the saving, or no step to do at all.
    if (!saved && is_time_to_save(training) && !save(training, error)) {
        return EXIT_FAILED;
    }
    return interrupt_caught() == 0 ? EXIT_DONE : interrupted(training, error);
}

static bool open_log(OutFile *log, const TrainingOptions *options, Error *error)
{
    *log = (OutFile){0};
    if (options->log == NULL) {
        return true;
    }
    if (!out_file_open(log, "--log", options->log, options->run.data, error)) {
        return false;
    }
    step_log_begin(log->file);
    return true;
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
    OutFile log;
    Progress progress;
    if (!open_log(&log, options, error)) {
        return EXIT_FAILED;
    }
    if (options->resume == NULL) {
        print_sizes(&training->session);
    }
    interrupt_begin();
    progress_begin(&progress, trainer->step, trainer->num_steps);
    ExitStatus status = train(training, &log, &progress, error);
    progress_end(&progress);
    interrupt_end();
    Error ignored; // training's own error comes first
    if (!out_file_close(&log, status == EXIT_DONE ? error : &ignored) && status == EXIT_DONE) {
        status = EXIT_FAILED;
    }
    return status;
}
