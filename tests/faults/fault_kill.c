// Kills a training run that saves after every step at a random moment, and resumes its checkpoint.
// The result is the same checkpoint and the same names as those of a run that was not killed.
//
// `fault_kill` does it 200 times, `fault_kill N [SEED]` N times.
#include <signal.h>
#include <time.h>

#include "faults/run_command.h"

#define MODEL "--data names --n-embd 4 --n-head 2 --block-size 6 --num-steps 40"

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double run_undisturbed(void)
{
    double start = now_seconds();
    run_to_end(command_train, "train " MODEL " --save undisturbed --save-every 1", "out");
    double seconds = now_seconds() - start;
    run_to_end(command_sample, "sample --load undisturbed", "expected");
    return seconds;
}

static void kill_after(double seconds)
{
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    pid_t pid =
        start_command(command_train, "train " MODEL " --save file --save-every 1", "out", "err");
    nanosleep(&pause, NULL);
    kill(pid, SIGKILL);
    wait_for(pid);
}

// The program prints a step before it saves it, so that no step is missing from both outputs.
static void check_printed(size_t step)
{
    char text[32];
    Bytes out = read_bytes_of("out");
    out.bytes[out.size] = '\0';
    snprintf(text, sizeof text, "step %4zu /", step);
    if (step > 0 && strstr((char *)out.bytes, text) == NULL) {
        fprintf(stderr, "step %zu is saved, but not printed\n", step);
        exit(EXIT_FAILURE);
    }
    free(out.bytes);
}

// Returns whether the run was killed between its first checkpoint and its last one.
static bool kill_and_resume(double seconds)
{
    remove("file");
    kill_after(seconds);
    if (access("file", F_OK) != 0) {
        return false;
    }
    Checkpoint checkpoint;
    Error error;
    must_work(checkpoint_load(&checkpoint, "file", 0, &error), &error);
    check_printed(checkpoint.step);
    bool in_the_middle = checkpoint.step < checkpoint.num_steps;
    checkpoint_free(&checkpoint);
    run_to_end(command_train, "train --data names --resume file --save file", "out");
    run_to_end(command_sample, "sample --load file", "actual");
    if (!same_files("file", "undisturbed") || !same_files("actual", "expected")) {
        fprintf(stderr, "killed after %f s: resumed to other bits\n", seconds);
        exit(EXIT_FAILURE);
    }
    return in_the_middle;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    char folder[FOLDER_BYTES];
    Random chance;
    random_seed(&chance, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    enter_folder(folder);
    double seconds = run_undisturbed();
    size_t n_in_the_middle = 0;
    for (size_t i = 0; i < n; i++) {
        n_in_the_middle += kill_and_resume(random_random(&chance) * seconds);
    }
    printf("killed at %zu random moments, %zu of them between the first checkpoint and the last: "
           "each resumed to the same bits\n",
           n, n_in_the_middle);
    leave_folder(folder);
    return n_in_the_middle > n / 10 ? EXIT_SUCCESS : EXIT_FAILURE;
}
