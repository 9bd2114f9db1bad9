// The commands that time the engines and compare them with each other.
#ifndef MICROGPT_BENCH_COMMANDS_H
#define MICROGPT_BENCH_COMMANDS_H

#include "cli/exit_status.h"

Command command_bench;
Command command_crosscheck;

#endif
