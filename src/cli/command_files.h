// Checks all files of a command before it does any work: no output overwrites an input or another
// output, and each output can be written.
#ifndef MICROGPT_COMMAND_FILES_H
#define MICROGPT_COMMAND_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"

typedef enum FileUse {
    FILE_READ,
    FILE_CONTINUED, // an input that an output may replace: the checkpoint of a resumed run
    FILE_REPLACED,  // an output that is replaced atomically
    FILE_APPENDED,  // an output that grows; it is checked when it is opened
} FileUse;

typedef struct CommandFile {
    const char *path; // NULL: the file is not used
    FileUse use;
    const char *option; // the option that names the file, such as `--save`
    const char *what;   // what error messages call it: "the checkpoint"
} CommandFile;

// Checks the files of a command. It compares the files and not their names, so it also recognises a
// file that is named by a link, by another spelling or as a standard stream. Files that do not
// exist yet are compared by folder and name; after opening one, the caller calls
// command_files_are_apart() to be certain.
//
// If is_printing is set, because the command also prints, and one of the outputs is standard
// output, everything that is printed from then on goes to standard error.
// Errors: EXIT_USAGE if an output is another file of the command, or standard input is read twice;
// EXIT_FAILED if an output cannot be written.
ExitStatus command_files_check(const CommandFile *files, size_t n_files, bool is_printing,
                               Error *error);

// Checks only that the files are different.
bool command_files_are_apart(const CommandFile *files, size_t n_files, Error *error);

#endif
