// All commands of the program: only main() knows them, and the tests.
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
    bool is_comparer; // answers as diff does
    const char *summary;
} CommandEntry;

// The command of that name; NULL: there is none.
const CommandEntry *command_find(const char *name);

// The name that somebody may have meant; NULL: none is near.
const char *command_find_nearest(const char *name);

// Writes a line of help for each command.
void commands_print(void);

#endif
