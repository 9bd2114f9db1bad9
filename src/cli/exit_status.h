// The exit status of the program's commands.
#ifndef MICROGPT_EXIT_STATUS_H
#define MICROGPT_EXIT_STATUS_H

#include "microgpt/error.h"

typedef enum ExitStatus {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,   // the cause is a file, the memory, or a loss that is not finite
    EXIT_USAGE = 2,    // the command line has a mistake
    EXIT_HANGUP = 129, // after the step in which SIGHUP, SIGINT or SIGTERM came: 128 + signal
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
    EXIT_PIPE_CLOSED = 141, // the reader of the output has closed the pipe: 128 + SIGPIPE

    // Commands that compare have the exit status of diff. EXIT_DONE means that both sides are the
    // same.
    EXIT_DIFFERS = 1,
    EXIT_TROUBLE = 2, // any failure, or a mistake in the command line

    // The default command has printed its help; main() then adds the list of commands.
    EXIT_HELP = -1,
} ExitStatus;

// A command gets its own name as argv[0], prints to standard output, and returns its exit status.
// The Error is empty before; the command fills it in if it fails.
typedef ExitStatus Command(int argc, char **argv, Error *error);

#endif
