// Trains, saves, loads and samples from eight models in eight threads at once: each result is that
// of a single thread. In a build with -Db_sanitize=thread, this also shows that there are no data
// races.
#include <pthread.h>

#include "check_more.h"
#include "checkpoint/checkpoint_more.h"

enum {
    N_THREADS = 8,
    N_STEPS = 12,
};

typedef struct Job {
    int id;
    RunOptions options;
    uint64_t samples; // the tokens of some names, combined into one number
    uint32_t crc;     // of the checkpoint's bytes
    bool ok;
    Error error;
} Job;

static uint64_t sample_tokens(Sampler *sampler, Error *error)
{
    uint64_t sum = 0;
    for (int i = 0; i < 3 && sampler_next(sampler, error); i++) {
        for (size_t j = 0; j < sampler->n_tokens; j++) {
            sum = sum * 31 + (uint64_t)sampler->tokens[j] + 1;
        }
    }
    return sum;
}

// Does half of the training, saves it, and does the other half from the saved file.
static bool train(Job *job, Session *session, const char *path)
{
    double loss;
    Checkpoint checkpoint;
    while (session->trainer.step < N_STEPS / 2) {
        if (!trainer_step(&session->trainer, &loss, &job->error)) {
            return false;
        }
    }
    checkpoint = session_checkpoint(session);
    if (!checkpoint_save(&checkpoint, path, &job->error) ||
        !checkpoint_load(&checkpoint, path, 0, &job->error)) {
        return false;
    }
    session_close(session);
    bool ok = session_resume(session, &job->options, &checkpoint, &job->error);
    checkpoint_free(&checkpoint);
    while (ok && session->trainer.step < N_STEPS) {
        ok = trainer_step(&session->trainer, &loss, &job->error);
    }
    checkpoint = session_checkpoint(session);
    return ok && checkpoint_save(&checkpoint, path, &job->error);
}

static void *work(void *argument)
{
    Job *job = argument;
    Session session;
    Sampler sampler;
    char path[16];
    snprintf(path, sizeof path, "file%d", job->id);
    job->ok = session_open(&session, &job->options, &job->error);
    if (!job->ok) {
        return NULL;
    }
    job->ok = train(job, &session, path) && sampler_init(&sampler, &session.model, session.engine,
                                                         &session.random, 0.5, &job->error);
    if (job->ok) {
        job->samples = sample_tokens(&sampler, &job->error);
        sampler_free(&sampler);
        Bytes file = read_bytes_of(path);
        job->crc = (uint32_t)crc32(0, file.bytes, (uInt)file.size);
        free(file.bytes);
    }
    session_close(&session);
    return NULL;
}

static Job make_job(int id, EngineKind engine)
{
    Job job = {.id = id, .options = tiny_options()};
    job.options.seed = 100 + (uint64_t)id;
    job.options.model.n_layer = id % 3;
    job.options.engine = engine;
    return job;
}

START_TEST(eight_threads_do_what_each_does_alone)
{
    static const char *const engine_names[] = {"scalar", "tensor"};
    char folder[FOLDER_BYTES];
    Job jobs[N_THREADS];
    pthread_t threads[N_THREADS];
    EngineKind engine;
    if (!engine_kind_find(engine_names[_i], &engine)) {
        return;
    }
    enter_folder(folder);
    for (int i = 0; i < N_THREADS; i++) {
        jobs[i] = make_job(i, engine);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < N_THREADS; i++) {
        Job alone = make_job(i, engine);
        work(&alone);
        ck_assert_msg(jobs[i].ok && alone.ok, "%s", jobs[i].error.message);
        ck_assert_uint_eq(jobs[i].crc, alone.crc);
        ck_assert_uint_eq(jobs[i].samples, alone.samples);
    }
    leave_folder(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("threads");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, eight_threads_do_what_each_does_alone, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
