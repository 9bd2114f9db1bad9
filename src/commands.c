// The table of commands: see command.h.
#include "command.h"

#include <stdio.h>
#include <string.h>

typedef struct CommandEntry {
    const char *name;
    Command *command;
    const char *summary;
} CommandEntry;

// clang-format off
static const CommandEntry commands[] = {
    {"run", command_run, "train, then print new names; the command if none is named"},
    {"train", command_train, "train, and save a checkpoint"},
    {"sample", command_sample, "print new names from a checkpoint"},
    {"inspect", command_inspect, "show what the model is made of"},
    {"trace", command_trace, "show the numbers of each stage for a text"},
    {"attention", command_attention, "show where each head looks"},
    {"graph", command_graph, "draw part of the graph of Values"},
    {"nodes", command_nodes, "write the graph of a step, node by node"},
    {"compare", command_compare, "find the first node that differs between two such graphs"},
    {"gradcheck", command_gradcheck, "compare gradients with measured slopes"},
    {"report", command_report, "write a run as a page, with a graph to walk through"},
    {"crosscheck", command_crosscheck, "compare the engines, bit for bit"},
    {"bench", command_bench, "measure the speed of the engines"},
};
// clang-format on

enum {
    N_COMMANDS = sizeof commands / sizeof commands[0],
};

Command *command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].command;
        }
    }
    return NULL;
}

void commands_print(void)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        printf("  %-20s %s\n", commands[i].name, commands[i].summary);
    }
}
