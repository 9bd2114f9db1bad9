// The commands of the program, one file each, and how they end.
#ifndef MICROGPT_COMMAND_H
#define MICROGPT_COMMAND_H

#include "microgpt/error.h"

typedef enum ExitStatus {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,        // the world: a file, memory, a loss that is not finite
    EXIT_USAGE = 2,         // the command line
    EXIT_INTERRUPTED = 130, // SIGINT or SIGTERM, and the step was finished: 128 + the signal
    EXIT_TERMINATED = 143,
} ExitStatus;

// A command gets its own name as argv[0], prints to standard output, and returns how it ended; the
// Error is filled in unless that is EXIT_DONE.
typedef ExitStatus Command(int argc, char **argv, Error *error);

Command command_run;
Command command_train;
Command command_sample;
Command command_nodes;

#endif
