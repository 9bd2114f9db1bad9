// The commands that show a model.
#ifndef MICROGPT_LOOK_COMMANDS_H
#define MICROGPT_LOOK_COMMANDS_H

#include "cli/exit_status.h"

Command command_inspect;
Command command_trace;
Command command_attention;
Command command_gradcheck;

#endif
