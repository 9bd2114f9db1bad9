// The commands that write node dumps and other data for ports, draw graphs, and compare them.
#ifndef MICROGPT_COMPARE_COMMANDS_H
#define MICROGPT_COMPARE_COMMANDS_H

#include "cli/exit_status.h"

Command command_nodes;
Command command_documents;
Command command_compare;
Command command_graph;

#endif
