// Checks whether the files of a command are different files: see command_files.h.
#include "cli/command_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/in_file.h"
#include "base/long_path.h"
#include "cli/out_file.h"
#include "cli/printable.h"

// The file that a path names.
typedef struct FileIdentity {
    bool is_known; // the file exists, or at least its folder
    bool exists;
    struct stat status; // of the file, or of its folder if the file does not exist
    const char *base;   // if the file does not exist, its name in the folder
} FileIdentity;

static bool is_output(const CommandFile *file)
{
    return file->use == FILE_REPLACED || file->use == FILE_APPENDED;
}

static bool is_standard_stream(const CommandFile *file)
{
    return is_output(file) ? out_file_is_standard_output(file->path)
                           : in_file_is_standard_input(file->path);
}

// Identifies a file that does not exist by its folder and its name.
static FileIdentity identify_new(const char *path)
{
    FileIdentity identity = {.base = path};
    char *folder = strdup(path);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    if (slash != NULL) {
        identity.base = path + (slash - folder) + 1;
        slash[1] = '\0';
    }
    const char *name = slash != NULL ? folder : ".";
    identity.is_known = folder != NULL && stat(name, &identity.status) == 0;
    free(folder);
    return identity;
}

static FileIdentity identify_stream(int fd)
{
    FileIdentity identity = {.exists = true};
    identity.is_known = fstat(fd, &identity.status) == 0;
    return identity;
}

static FileIdentity identify(const CommandFile *file)
{
    if (is_standard_stream(file)) {
        return identify_stream(is_output(file) ? output_descriptor() : STDIN_FILENO);
    }
    FileIdentity identity = {.exists = true};
    identity.is_known = stat(file->path, &identity.status) == 0;
    return identity.is_known ? identity : identify_new(file->path);
}

// Returns whether the file may be used only once. A device such as /dev/null may be used several
// times.
static bool is_exclusive(const struct stat *status)
{
    return S_ISREG(status->st_mode) || S_ISBLK(status->st_mode) || S_ISFIFO(status->st_mode) ||
           S_ISSOCK(status->st_mode);
}

static bool is_same(const FileIdentity *a, const FileIdentity *b)
{
    if (!a->is_known || !b->is_known || a->exists != b->exists ||
        a->status.st_dev != b->status.st_dev || a->status.st_ino != b->status.st_ino) {
        return false;
    }
    return a->exists ? is_exclusive(&a->status) : strcmp(a->base, b->base) == 0;
}

static bool refuse(const CommandFile *file, const char *what, Error *error)
{
    const char *dots;
    const char *end = long_path_end(file->path, &dots);
    return error_set(error, "%s: %s%s is %s; name another one with %s", file->option, dots, end,
                     what, file->option);
}

static bool check_pair(const CommandFile *a, const CommandFile *b, Error *error)
{
    if (!is_output(a) && !is_output(b)) {
        bool is_twice = is_standard_stream(a) && is_standard_stream(b);
        return !is_twice ||
               error_set(error, "%s: standard input is already read for %s; name a file", b->option,
                         a->option);
    }
    bool is_going_on = a->use == FILE_CONTINUED || b->use == FILE_CONTINUED;
    bool is_replaced = a->use == FILE_REPLACED || b->use == FILE_REPLACED;
    FileIdentity identity_a = identify(a);
    FileIdentity identity_b = identify(b);
    if ((is_going_on && is_replaced) || !is_same(&identity_a, &identity_b)) {
        return true;
    }
    return is_output(b) ? refuse(b, a->what, error) : refuse(a, b->what, error);
}

// Sends standard error to standard output, or nowhere: the message must not be written to the file.
static void spare_from_message(const FileIdentity *file)
{
    FileIdentity out = identify_stream(STDOUT_FILENO);
    int fd = is_same(file, &out) ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
    }
}

// Compares a file with a stream that the shell has opened. The path `-` means the stream itself.
static bool check_stream(const CommandFile *file, int fd, const char *what, Error *error)
{
    FileIdentity stream = identify_stream(fd);
    FileIdentity identity = identify(file);
    if (!S_ISREG(stream.status.st_mode) || (is_output(file) && is_standard_stream(file)) ||
        !is_same(&identity, &stream)) {
        return true;
    }
    FileIdentity messages = identify_stream(STDERR_FILENO);
    if (is_same(&identity, &messages)) {
        spare_from_message(&identity);
    }
    return refuse(file, what, error);
}

bool command_files_are_apart(const CommandFile *files, size_t n_files, Error *error)
{
    for (size_t i = 0; i < n_files; i++) {
        if (files[i].path == NULL) {
            continue;
        }
        if (!check_stream(&files[i], output_descriptor(), "the destination of standard output",
                          error) ||
            !check_stream(&files[i], STDERR_FILENO, "the destination of standard error", error)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (files[j].path != NULL && !check_pair(&files[j], &files[i], error)) {
                return false;
            }
        }
    }
    return true;
}

static void say_new_owner(const char *path)
{
    const char *dots;
    const char *end = long_path_end(path, &dots);
    fprintf(stderr, "microgpt: %s", dots);
    printable_write(stderr, end, strlen(end));
    fprintf(stderr, ": belongs to another user or group, and will be yours when it is saved\n");
}

// Checks whether the output can be written. Leaves no files behind.
static bool check_writable(const CommandFile *file, Error *error)
{
    OutFile out;
    if (out_file_is_stream(file->path)) {
        return access(file->path, W_OK) == 0 ||
               error_set_file(error, file->path, 0, "cannot be written: %s", strerror(errno));
    }
    if (!out_file_open(&out, file->path, error)) {
        return false;
    }
    if (out.atomic.loses_owner) {
        say_new_owner(file->path);
    }
    out_file_discard(&out);
    return true;
}

// While a file goes to standard output, the command prints to standard error. Both may go to the
// same place only if the file is a log, whose lines are text as well.
static bool check_apart_from_messages(const CommandFile *file, Error *error)
{
    FileIdentity out = identify_stream(output_descriptor());
    FileIdentity messages = identify_stream(STDERR_FILENO);
    return file->use == FILE_APPENDED || !is_same(&out, &messages) ||
           error_set(error,
                     "%s: standard output is also the destination of standard error; send one of "
                     "them elsewhere",
                     file->option);
}

ExitStatus command_files_check(const CommandFile *files, size_t n_files, bool is_printing,
                               Error *error)
{
    if (!command_files_are_apart(files, n_files, error)) {
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < n_files; i++) {
        const CommandFile *file = &files[i];
        if (file->path == NULL || !is_output(file)) {
            continue;
        }
        bool ok = true;
        if (is_standard_stream(file)) {
            if (is_printing && !check_apart_from_messages(file, error)) {
                return EXIT_USAGE;
            }
            ok = !is_printing || output_keep_for_file(file->path, error);
        } else if (file->use == FILE_REPLACED) {
            ok = check_writable(file, error);
        }
        if (!ok) {
            return EXIT_FAILED;
        }
    }
    return EXIT_DONE;
}
