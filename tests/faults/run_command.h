// Runs a command of the program in a process of its own, but without starting the program, which is
// fast enough for thousands of runs.
#ifndef MICROGPT_RUN_COMMAND_H
#define MICROGPT_RUN_COMMAND_H

#include <fcntl.h>
#include <sys/wait.h>

#include "checkpoint/checkpoint_more.h"
#include "commands.h"

enum {
    RUN_COMMAND_MAX_ARGS = 32,
};

// Splits the line at its spaces and runs the command; on failure its message goes to standard
// error, as from main().
static inline ExitStatus run_command_line(Command *command, const char *line)
{
    char text[512];
    char *argv[RUN_COMMAND_MAX_ARGS + 1] = {NULL};
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    char *rest = text;
    for (char *word = strsep(&rest, " "); word != NULL && argc < RUN_COMMAND_MAX_ARGS;
         word = strsep(&rest, " ")) {
        if (word[0] != '\0') {
            argv[argc] = word;
            argc++;
        }
    }
    Error error;
    ExitStatus status = command(argc, argv, &error);
    if (status != EXIT_DONE) {
        fprintf(stderr, "%s\n", error.message);
    }
    return status;
}

// Starts the command with its output in files.
static inline pid_t start_command(Command *command, const char *line, const char *out_path,
                                  const char *err_path)
{
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        must(freopen(out_path, "w", stdout) != NULL, out_path);
        must(freopen(err_path, "w", stderr) != NULL, err_path);
        ExitStatus status = run_command_line(command, line);
        exit((int)status); // not _exit(), so that a coverage build counts this process
    }
    return pid;
}

// Returns how a process ended: its exit status, or minus the signal.
static inline int wait_for(pid_t pid)
{
    int status;
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// Runs the command to its end, and checks that it succeeds.
static inline void run_to_end(Command *command, const char *line, const char *out_path)
{
    int status = wait_for(start_command(command, line, out_path, "err"));
    if (status != EXIT_DONE) {
        Bytes err = read_bytes_of("err");
        fprintf(stderr, "%s: status %d: %.*s", line, status, (int)err.size, (char *)err.bytes);
        exit(EXIT_FAILURE);
    }
}

static inline bool same_files(const char *a, const char *b)
{
    Bytes bytes_a = read_bytes_of(a);
    Bytes bytes_b = read_bytes_of(b);
    bool same =
        bytes_a.size == bytes_b.size && memcmp(bytes_a.bytes, bytes_b.bytes, bytes_a.size) == 0;
    free(bytes_a.bytes);
    free(bytes_b.bytes);
    return same;
}

#endif
