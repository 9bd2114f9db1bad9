// The program: finds the command, prints its error, and is the only place that decides the exit
// status.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "out_file.h"

typedef struct CommandName {
    const char *name;
    Command *command;
} CommandName;

// clang-format off
static const CommandName commands[] = {
    {"run", command_run},
    {"train", command_train},
    {"sample", command_sample},
    {"nodes", command_nodes},
    {"compare", command_compare},
    {"bench", command_bench},
    {"crosscheck", command_crosscheck},
    {"inspect", command_inspect},
    {"trace", command_trace},
    {"attention", command_attention},
    {"graph", command_graph},
    {"gradcheck", command_gradcheck},
};
// clang-format on

static ExitStatus run_command(int argc, char **argv, Error *error)
{
    if (argc < 2 || argv[1][0] == '-') {
        return command_run(argc, argv, error);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].command(argc - 1, argv + 1, error);
        }
    }
    error_set(error, "%.100s: no such command; see --help", argv[1]);
    return EXIT_USAGE;
}

// A file opened later must never get the number of a standard stream that the caller has closed:
// what is printed would land in it.
static bool check_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            int flags = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
            if (fd == STDOUT_FILENO || open("/dev/null", flags) != fd) {
                return false;
            }
        }
    }
    return true;
}

// One line, whatever the names in it: a control character could end it, or change the terminal.
static void print_error(Error *error)
{
    for (char *c = error->message; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            *c = '?';
        }
    }
    fprintf(stderr, "microgpt: %s\n", error->message);
}

int main(int argc, char **argv)
{
    Error error = {{0}};
    if (!check_standard_streams()) {
        fprintf(stderr, "microgpt: standard output: is closed; send it to a file or a terminal\n");
        return EXIT_FAILED;
    }
    // A closed pipe and a file at its limit are errors of write(), which have a message.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    ExitStatus status = run_command(argc, argv, &error);
    if (status == EXIT_DONE && !output_flush(&error)) {
        status = EXIT_FAILED;
    }
    if (error.message[0] != '\0') {
        fflush(stdout);
        print_error(&error);
    }
    return (int)status;
}
