// The program: runs the command and prints its error. Only this file decides the exit status.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/advice.h"
#include "cli/out_file.h"
#include "cli/printable.h"
#include "commands.h"

// Prints the rest of the help: `microgpt --help` is the help of `microgpt run`, and the commands.
static void print_commands(void)
{
    printf("\nCommands; microgpt help COMMAND shows the options of each:\n\n");
    commands_print();
    printf("\n%s\n", DEBUGGER_HELP);
}

// If the caller has closed a standard stream, a file that is opened later must not get its
// descriptor, because the program would then print into this file.
static bool check_standard_streams(Error *error)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            int flags = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
            if (fd == STDOUT_FILENO || open("/dev/null", flags) != fd) {
                return error_set_file(error, "standard output", 0,
                                      "is closed; send it to a file or a terminal");
            }
        }
    }
    return true;
}

// Prints the error as one line. Replaces control characters, which a name in it may contain.
static void print_error(Error *error)
{
    advice_name_options(error);
    printable_clean_text(error->message);
    fprintf(stderr, "microgpt: %s\n", error->message);
}

// Checks at the start that the result can be written.
static bool check_standard_output(Error *error)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    return (flags & O_ACCMODE) != O_RDONLY ||
           error_set_file(error, "standard output", 0, "cannot be written: %s", strerror(EBADF));
}

static ExitStatus run_command(const CommandEntry *command, int argc, char **argv, Error *error)
{
    ExitStatus trouble = command->is_comparer ? EXIT_TROUBLE : EXIT_FAILED;
    if (!check_standard_streams(error) || !check_standard_output(error)) {
        return trouble;
    }
    ExitStatus status = command->run(argc, argv, error);
    if (status == EXIT_HELP) {
        print_commands();
        status = EXIT_DONE;
    }
    bool is_answer = status == EXIT_DONE || (command->is_comparer && status == EXIT_DIFFERS);
    if (is_answer && !output_flush(error)) {
        status = trouble;
    }
    return out_file_pipe_is_closed() ? EXIT_PIPE_CLOSED : status;
}

// Reports an unknown command.
static ExitStatus refuse_command(const char *name, Error *error)
{
    const char *meant = command_find_nearest(name);
    if (meant != NULL) {
        error_set_file(error, name, 0, "no such command; did you mean %s?", meant);
    } else {
        error_set_file(error, name, 0, "no such command; see microgpt --help");
    }
    return EXIT_USAGE;
}

// `help` is `--help`, and `help train` is `train --help`.
static ExitStatus run_help(int argc, char **argv, Error *error)
{
    char *help[] = {argv[0], "--help", NULL};
    if (argc > 3) {
        error_set_file(error, argv[3], 0, "is one argument too many; see microgpt --help");
        return EXIT_USAGE;
    }
    const char *name = argc == 3 && argv[2][0] != '-' ? argv[2] : "run";
    const CommandEntry *command = command_find(name);
    return command != NULL ? run_command(command, 2, help, error) : refuse_command(name, error);
}

static ExitStatus run_named(int argc, char **argv, Error *error)
{
    bool is_named = argc >= 2 && argv[1][0] != '-';
    if (is_named && strcmp(argv[1], "help") == 0) {
        return run_help(argc, argv, error);
    }
    const char *name = is_named ? argv[1] : "run";
    const CommandEntry *command = command_find(name);
    return command != NULL ? run_command(command, argc - is_named, argv + is_named, error)
                           : refuse_command(name, error);
}

int main(int argc, char **argv)
{
    Error error = {{0}};
    // Then writing to a closed pipe or beyond a file's limit is an error of write(), with a
    // message.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    ExitStatus status = run_named(argc, argv, &error);
    if (error.message[0] != '\0') {
        fflush(stdout);
        print_error(&error);
    }
    return (int)status;
}
