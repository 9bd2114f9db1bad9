// Two processes save to one checkpoint as fast as they can, and a third one loads it as fast as it
// can. It always reads one of the two completely.
//
// `fault_race` runs for 5 seconds, `fault_race N` for N seconds.
#include <signal.h>
#include <time.h>

#include "faults/run_command.h"

static pid_t start_writer(const Session *session)
{
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        for (;;) {
            save_session(session, "file");
        }
    }
    return pid;
}

static void check_model(const Session *session, const Checkpoint *checkpoint)
{
    size_t size = session->model.n_params * sizeof(double);
    if (memcmp(session->model.data, checkpoint->model.data, size) != 0 ||
        memcmp(session->adam.m, checkpoint->adam.m, size) != 0) {
        fprintf(stderr, "a checkpoint made of two\n");
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    time_t seconds = argc > 1 ? (time_t)strtol(argv[1], NULL, 10) : 5;
    char folder[FOLDER_BYTES];
    Error error;
    Session sessions[2];
    pid_t writers[2];
    size_t n_loaded[2] = {0, 0};
    enter_folder(folder);
    for (int i = 0; i < 2; i++) {
        RunOptions options = tiny_options();
        must_work(session_open(&sessions[i], &options, &error), &error);
        train_to(&sessions[i], 3 + (size_t)i);
    }
    save_session(&sessions[0], "file");
    for (int i = 0; i < 2; i++) {
        writers[i] = start_writer(&sessions[i]);
    }
    time_t end = time(NULL) + seconds;
    while (time(NULL) < end) {
        Checkpoint checkpoint;
        must_work(checkpoint_load(&checkpoint, "file", 0, &error), &error);
        size_t which = checkpoint.step - 3;
        check_model(&sessions[which], &checkpoint);
        n_loaded[which]++;
        checkpoint_free(&checkpoint);
    }
    for (int i = 0; i < 2; i++) {
        kill(writers[i], SIGKILL);
        wait_for(writers[i]);
        session_close(&sessions[i]);
    }
    printf("two writers, one reader, %ld s: loaded %zu times from the one, %zu times from the "
           "other, whole each time\n",
           (long)seconds, n_loaded[0], n_loaded[1]);
    leave_folder(folder);
    return n_loaded[0] > 0 && n_loaded[1] > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
