// Copies input that can be read only once: see spooled_input.h.
#include "cli/spooled_input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/in_file.h"
#include "base/long_path.h"
#include "cli/temporary_file.h"

static bool copy_stream(const InFile *file, FILE *copy, Error *error)
{
    errno = 0;
    if (file->size > 0 && fwrite(file->stream, 1, file->size, copy) != file->size) {
        return error_set_file(error, file->name, 0, "cannot be copied to a temporary file: %s",
                              strerror(errno));
    }
    return fflush(copy) == 0 ||
           error_set_file(error, file->name, 0, "cannot be copied to a temporary file: %s",
                          strerror(errno));
}

static bool spool(SpooledInput *input, const char *kind, Error *error)
{
    InFile file;
    if (!in_file_open(&file, input->path, kind, error)) {
        return false;
    }
    input->name = file.name;
    bool ok = temporary_file_open(&input->copy, error) && copy_stream(&file, input->copy, error);
    in_file_close(&file);
    if (!ok) {
        spooled_input_close(input, error);
        return false;
    }
    snprintf(input->copy_path, sizeof input->copy_path, "/dev/fd/%d", fileno(input->copy));
    input->path = input->copy_path;
    return true;
}

bool spooled_input_open(SpooledInput *input, const char *path, const char *kind, Error *error)
{
    struct stat status;
    *input = (SpooledInput){.path = path, .name = path};
    bool can_be_read_again =
        !in_file_is_standard_input(path) && stat(path, &status) == 0 && S_ISREG(status.st_mode);
    return can_be_read_again || spool(input, kind, error);
}

// If the message begins with the name of the copy, replaces it.
static void name_original(const SpooledInput *input, Error *error)
{
    size_t length = strlen(input->copy_path);
    if (strncmp(error->message, input->copy_path, length) != 0 || error->message[length] != ':') {
        return;
    }
    Error about_copy = *error;
    const char *dots;
    const char *end = long_path_end(input->name, &dots);
    error_set(error, "%s%s%s", dots, end, about_copy.message + length);
}

void spooled_input_close(SpooledInput *input, Error *error)
{
    if (input->copy != NULL) {
        name_original(input, error);
        fclose(input->copy);
    }
    *input = (SpooledInput){0};
}
