// SIGINT, SIGTERM and SIGHUP at every save of a run: it saves, reports this, and ends with 130, 143
// or 129; its output and that of the resumed run together are the output of a run without signals.
// A second signal ends the run at once and leaves the old checkpoint.
//
// The process sends itself the signals just before a system call of the save (see
// syscall_faults.h), so that every step is tested and nothing depends on chance.
#include <dirent.h>
#include <signal.h>

#include "faults/run_command.h"
#include "faults/syscall_faults.h"

#define MODEL "--data names --n-embd 4 --n-head 2 --block-size 6 --num-steps 9"

static const char *const engine_names[] = {"scalar", "tensor"};

static void fail(const char *what, size_t step)
{
    fprintf(stderr, "step %zu: %s\n", step, what);
    exit(EXIT_FAILURE);
}

static void expect_text(const char *path, const char *text, size_t step)
{
    Bytes file = read_bytes_of(path);
    file.bytes[file.size] = '\0';
    if (strstr((char *)file.bytes, text) == NULL) {
        fprintf(stderr, "'%s' is not in: %s", text, (char *)file.bytes);
        fail(path, step);
    }
    free(file.bytes);
}

// Checks that the two texts together are the third one.
static void expect_together(const char *first, const char *second, const char *whole, size_t step)
{
    Bytes a = read_bytes_of(first);
    Bytes b = read_bytes_of(second);
    Bytes c = read_bytes_of(whole);
    if (a.size + b.size != c.size || memcmp(a.bytes, c.bytes, a.size) != 0 ||
        memcmp(b.bytes, c.bytes + a.size, b.size) != 0) {
        fail("stopped and resumed, it prints something else", step);
    }
    free(a.bytes);
    free(b.bytes);
    free(c.bytes);
}

static const char *name_of(int signal_number)
{
    return signal_number == SIGINT ? "SIGINT" : signal_number == SIGTERM ? "SIGTERM" : "SIGHUP";
}

static void arm(const char *only, size_t at, int signal_number)
{
    syscall_faults = (SyscallFaults){
        .at = at, .fault = FAULT_SIGNAL, .error_number = signal_number, .only = only};
}

static void stop_at(size_t step, int signal_number, const char *engine)
{
    char line[256];
    char text[64];
    snprintf(line, sizeof line, "run " MODEL " --save file --save-every 1 --engine %s", engine);
    remove("file");
    arm("renameat", step, signal_number);
    pid_t pid = start_command(command_run, line, "first", "err");
    syscall_faults.fault = FAULT_NONE;
    if (wait_for(pid) != 128 + signal_number) {
        fail("another status than 128 + the signal", step);
    }
    snprintf(text, sizeof text, "%s after step %zu of 9; saved, resume with --resume file\n",
             name_of(signal_number), step);
    expect_text("err", text, step);
    snprintf(line, sizeof line, "run --data names --resume file --engine %s", engine);
    run_to_end(command_run, line, "second");
    expect_together("first", "second", "whole", step);
}

// Starts an endless training run, and ends it with SIGTERM when it has printed something to a file.
static void stop_from_outside(const char *save, const char *printed, const char *message)
{
    char line[256];
    remove("first");
    remove("err");
    snprintf(line, sizeof line, "train " MODEL " --num-steps 100000000 %s", save);
    pid_t pid = start_command(command_train, line, "first", "err");
    struct stat status = {0};
    while (stat(printed, &status) != 0 || status.st_size == 0) {
        siginfo_t ended = {0};
        must(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0, "waitid");
        if (ended.si_pid == pid) {
            fail("ended by itself", 0);
        }
    }
    kill(pid, SIGTERM);
    if (wait_for(pid) != 143) {
        fail("another status than 143", 0);
    }
    expect_text("err", message, 0);
}

// Checks that no temporary file of a save remains.
static void expect_nothing_left(void)
{
    DIR *folder = opendir(".");
    must(folder != NULL, ".");
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strstr(entry->d_name, "microgpt-save") != NULL) {
            fail(entry->d_name, 0);
        }
    }
    closedir(folder);
}

// Sends every signal that ends a program at each system call of a command's output, except the last
// calls, after which the file exists.
static void end_by_any_signal(void)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,   SIGALRM, SIGUSR1,
                                  SIGUSR2, SIGABRT, SIGXCPU, SIGVTALRM, SIGPROF,
#ifdef __linux__ // elsewhere the first of them is ignored, and the second does not exist
                                  SIGIO,   SIGPWR
#endif
    };
    static const char *const calls[] = {"openat", "flock", "fstat", "fsync", "renameat"};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++) {
            arm(calls[k], 1, signals[i]);
            pid_t pid = start_command(command_nodes,
                                      "nodes --data names --n-embd 2 --n-head 1 "
                                      "--step 1 --output nodes.txt",
                                      "first", "err");
            syscall_faults.fault = FAULT_NONE;
            if (wait_for(pid) != -signals[i]) {
                fail("not ended by the signal", i);
            }
            expect_nothing_left();
        }
    }
    printf("%zu signals at %zu places: nothing is left behind\n",
           sizeof signals / sizeof signals[0], sizeof calls / sizeof calls[0]);
}

// The first signal comes at the first write of a save, the second at the next.
static void stop_twice(void)
{
    make_checkpoint("old", 5);
    make_checkpoint("file", 5);
    arm("write", 1, SIGINT);
    syscall_faults.for_ever = true;
    pid_t pid =
        start_command(command_train, "train " MODEL " --save file --save-every 2", "first", "err");
    syscall_faults.fault = FAULT_NONE;
    if (wait_for(pid) != 130) {
        fail("another status than 130 after two signals", 2);
    }
    if (!same_files("file", "old")) {
        fail("the old checkpoint is not intact after two signals", 2);
    }
    printf("a second SIGINT during the save: ended at once, the old checkpoint is intact\n");
    expect_nothing_left();
}

int main(void)
{
    // In the background of a script, or under nohup, signals are ignored, and a child inherits
    // this.
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    char folder[FOLDER_BYTES];
    enter_folder(folder);
    for (size_t i = 0; i < sizeof engine_names / sizeof engine_names[0]; i++) {
        EngineKind ignored;
        if (!engine_kind_find(engine_names[i], &ignored)) {
            continue;
        }
        char line[256];
        snprintf(line, sizeof line, "run " MODEL " --engine %s", engine_names[i]);
        run_to_end(command_run, line, "whole");
        for (size_t step = 1; step <= 9; step++) {
            stop_at(step, SIGINT, engine_names[i]);
            stop_at(step, SIGTERM, engine_names[i]);
            stop_at(step, SIGHUP, engine_names[i]);
        }
        printf(
            "%s: SIGINT, SIGTERM and SIGHUP after each of 9 steps: saved, and resumed to the same "
            "output\n",
            engine_names[i]);
    }
    stop_from_outside("", "first", "nothing is saved without --save");
    stop_from_outside("--save /dev/null", "first", "saved to /dev/null");
    stop_from_outside("--save -", "err", "saved to standard output");
    make_checkpoint("between", 1);
    stop_from_outside("--save between", "first", "saved, resume with --resume between");
    Checkpoint checkpoint;
    Error error;
    must_work(checkpoint_load(&checkpoint, "between", 0, &error), &error);
    if (checkpoint.num_steps != 100000000 || checkpoint.step == 0) {
        fail("stopped between two saves, and not saved", checkpoint.step);
    }
    checkpoint_free(&checkpoint);
    stop_twice();
    end_by_any_signal();
    leave_folder(folder);
    return EXIT_SUCCESS;
}
