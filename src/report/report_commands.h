// The command that writes a run as a page.
#ifndef MICROGPT_REPORT_COMMANDS_H
#define MICROGPT_REPORT_COMMANDS_H

#include "cli/exit_status.h"

Command command_report;

#endif
