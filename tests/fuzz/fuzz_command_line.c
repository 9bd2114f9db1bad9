// Parses any bytes as a command line, one argument per line: rejects it with one line, or prints
// help.
//
// The last two arguments are always --help (the first may be taken as a value), so that all
// arguments before them are read and checked, but no command opens, writes or trains anything.
#include <string.h>

#include "commands.h"
#include "fuzz/fuzz_file.h"

enum {
    MAX_ARGS = 32,
};

static Command *const commands[] = {command_run, command_train, command_sample, command_nodes,
                                    command_compare};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *argv[MAX_ARGS + 4];
    int argc = 1;
    if (size == 0) {
        return 0;
    }
    char *text = calloc(size + 1, 1);
    if (text == NULL || freopen("/dev/null", "w", stdout) == NULL) {
        abort();
    }
    memcpy(text, bytes + 1, size - 1);
    argv[0] = (char *)"microgpt";
    char *rest = text;
    while (rest != NULL && argc <= MAX_ARGS) {
        argv[argc] = strsep(&rest, "\n");
        argc++;
    }
    argv[argc] = (char *)"--help";
    argv[argc + 1] = (char *)"--help";
    argc += 2;
    argv[argc] = NULL;
    Error error = {""};
    ExitStatus status =
        commands[bytes[0] % (sizeof commands / sizeof commands[0])](argc, argv, &error);
    if (status != EXIT_DONE && status != EXIT_HELP && status != EXIT_USAGE) {
        abort();
    }
    if (status == EXIT_USAGE && error.message[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
