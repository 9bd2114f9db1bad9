// The table of commands: see commands.h.
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/nearest.h"

// clang-format off
static const CommandEntry commands[] = {
    {"run", command_run, false, "train, then print new names; this is the default command"},
    {"train", command_train, false, "train, and save a checkpoint"},
    {"sample", command_sample, false, "print new names from a checkpoint"},
    {"inspect", command_inspect, false, "show the sizes, parameters and stages of the model"},
    {"trace", command_trace, false, "show the numbers of each stage for a text"},
    {"attention", command_attention, false, "show the attention weights of each head"},
    {"graph", command_graph, false, "draw part of the graph of Values"},
    {"nodes", command_nodes, false, "write the graph of a step, node by node"},
    {"documents", command_documents, false, "write the documents in the order of training, as tokens"},
    {"compare", command_compare, true, "find the first node that differs between two such graphs"},
    {"gradcheck", command_gradcheck, false, "compare gradients with finite differences"},
    {"report", command_report, false, "write an HTML page about a run, with its graph"},
    {"crosscheck", command_crosscheck, true, "compare the engines, bit for bit"},
    {"bench", command_bench, false, "measure the speed of the engines"},
};
// clang-format on

enum {
    N_COMMANDS = sizeof commands / sizeof commands[0],
};

const CommandEntry *command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const char *command_find_nearest(const char *name)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    return nearest_name(name, strlen(name), names, N_COMMANDS);
}

void commands_print(void)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        printf("  %-20s %s\n", commands[i].name, commands[i].summary);
    }
}
