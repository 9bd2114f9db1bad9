// The commands of the program, one file each, and how they end.
#ifndef MICROGPT_COMMAND_H
#define MICROGPT_COMMAND_H

#include <stdbool.h>

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
} ExitStatus;

// A command gets its own name as argv[0], prints to standard output, and returns how it ended. The
// Error, empty before, is filled in where something went wrong.
typedef ExitStatus Command(int argc, char **argv, Error *error);

Command command_run;
Command command_train;
Command command_sample;
Command command_nodes;
Command command_bench;
Command command_crosscheck;
Command command_compare;
Command command_inspect;
Command command_trace;
Command command_attention;
Command command_graph;
Command command_gradcheck;
Command command_report;

typedef struct CommandEntry {
    const char *name;
    Command *run;
    bool is_comparer; // answers as diff does
    const char *summary;
} CommandEntry;

// The command of that name; NULL: there is none.
const CommandEntry *command_find(const char *name);

// Writes a line of help for each command.
void commands_print(void);

#endif
