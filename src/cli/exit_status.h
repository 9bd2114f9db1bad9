// How a command of the program ends.
#ifndef MICROGPT_EXIT_STATUS_H
#define MICROGPT_EXIT_STATUS_H

#include "microgpt/error.h"

typedef enum ExitStatus {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,   // the world: a file, memory, a loss that is not finite
    EXIT_USAGE = 2,    // the command line
    EXIT_HANGUP = 129, // SIGHUP, SIGINT or SIGTERM, and the step was finished: 128 + the signal
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
    EXIT_PIPE_CLOSED = 141, // nobody reads the output any more: as the shell's own tools end

    // A command that compares answers as diff does; EXIT_DONE is: the same.
    EXIT_DIFFERS = 1,
    EXIT_TROUBLE = 2, // the world or the command line

    // Done, of the command that runs when none is named: it has printed its help, to which main()
    // adds the list of commands, which only main() knows.
    EXIT_HELP = -1,
} ExitStatus;

// A command gets its own name as argv[0], prints to standard output, and returns how it ended. The
// Error, empty before, is filled in where something went wrong.
typedef ExitStatus Command(int argc, char **argv, Error *error);

#endif
