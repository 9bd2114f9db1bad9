// All files of a command together, before it does any work: no output destroys what is read, or
// another output, and each can be written.
#ifndef MICROGPT_COMMAND_FILES_H
#define MICROGPT_COMMAND_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"

typedef enum FileUse {
    FILE_READ,
    FILE_CONTINUED, // read, and may be what an output replaces: the checkpoint of a resumed run
    FILE_REPLACED,  // an output that appears all at once
    FILE_APPENDED,  // an output that grows; opening it is its check
} FileUse;

typedef struct CommandFile {
    const char *path; // NULL: not named
    FileUse use;
    const char *option; // that names it, as `--save`
    const char *what;   // as errors call it: "the checkpoint"
} CommandFile;

// Checks the files of a command. Two names are one file whatever the spelling, through links, and
// where one is a standard stream. Files that do not exist yet are told apart by their folders and
// names, and for certain once they are open: who opens one of them then calls
// command_files_are_apart().
//
// Where the command is_printing besides, and one of the outputs is standard output, all that it
// prints goes to standard error from here on. Errors: EXIT_USAGE where an output is another file of
// the command, or standard input is read twice; EXIT_FAILED where an output cannot be written.
ExitStatus command_files_check(const CommandFile *files, size_t n_files, bool is_printing,
                               Error *error);

// The first part of it alone.
bool command_files_are_apart(const CommandFile *files, size_t n_files, Error *error);

#endif
