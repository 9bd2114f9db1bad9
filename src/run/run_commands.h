// The commands that train and sample.
#ifndef MICROGPT_RUN_COMMANDS_H
#define MICROGPT_RUN_COMMANDS_H

#include "cli/exit_status.h"

Command command_run;
Command command_train;
Command command_sample;

#endif
