// The program: runs the command, prints its error, and is the only place that decides the exit
// status.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/out_file.h"
#include "cli/printable.h"
#include "command.h"

static ExitStatus run_command(int argc, char **argv, Error *error)
{
    if (argc < 2 || argv[1][0] == '-') {
        return command_run(argc, argv, error);
    }
    Command *command = command_find(argv[1]);
    if (command == NULL) {
        error_set(error, "%.100s: no such command; see --help", argv[1]);
        return EXIT_USAGE;
    }
    return command(argc - 1, argv + 1, error);
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
    printable_clean_text(error->message);
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
