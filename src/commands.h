// The table of all commands, for main() and the tests.
#ifndef MICROGPT_COMMANDS_H
#define MICROGPT_COMMANDS_H

#include <stdbool.h>

#include "bench/bench_commands.h"
#include "cli/exit_status.h"
#include "compare/compare_commands.h"
#include "look/look_commands.h"
#include "report/report_commands.h"
#include "run/run_commands.h"

typedef struct CommandEntry {
    const char *name;
    Command *run;
    bool is_comparer; // has the exit status of diff
    const char *summary;
} CommandEntry;

// Returns the command of that name, or NULL.
const CommandEntry *command_find(const char *name);

// Returns the name that is most similar to an unknown one, or NULL.
const char *command_find_nearest(const char *name);

// Writes a line of help for each command.
void commands_print(void);

#endif
