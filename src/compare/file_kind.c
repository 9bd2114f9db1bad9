// The kind of a file: see file_kind.h.
#include "compare/file_kind.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/in_file.h"
#include "base/little_endian.h"
#include "checkpoint/safetensors.h"
#include "compare/line_reader.h"

enum {
    MAX_LOSS_WORDS = 2, // in a line of losses: the step and its loss
};

// Returns whether a file begins like safetensors. Other errors are reported later, by the reader of
// this kind. Allocates nothing.
static bool begins_as_tensors(const char *file_name)
{
    InFile file;
    Error ignored;
    if (!in_file_open(&file, file_name, "file", &ignored)) {
        return false;
    }
    unsigned char bytes[SAFETENSORS_LENGTH_BYTES + 1];
    size_t n = sizeof bytes;
    bool ok = in_file_read(&file, 0, bytes, &n, &ignored);
    in_file_close(&file);
    return ok && n == sizeof bytes && bytes[SAFETENSORS_LENGTH_BYTES] == '{' &&
           little_endian_get_integer(bytes) <= SAFETENSORS_MAX_HEADER;
}

// Returns whether a line has only one or two numbers, the names of a log's columns, or a step and
// its loss as microgpt.py prints them; or begins microgpt.py's output.
static bool is_line_of_losses(LineReader *lines)
{
    if (line_take_word(lines, "num")) {
        return line_take_word(lines, "docs:");
    }
    if (line_take_word(lines, "step")) {
        return line_find_word(lines, "loss");
    }
    int n_words = 0;
    while (lines->at < lines->line_end) {
        double ignored;
        if (n_words == MAX_LOSS_WORDS || !line_take_number(lines, false, &ignored)) {
            return false;
        }
        line_skip_blanks(lines);
        n_words++;
    }
    return true;
}

// Finds out whether a file begins like losses. Other errors are reported later, by the reader of
// this kind.
static bool begins_as_losses(const char *file_name, bool *begins, Error *error)
{
    LineReader lines;
    bool found = false;
    bool ok = line_reader_open(&lines, file_name, "a file of losses", error);
    do {
        ok = ok && line_reader_next(&lines, &found);
    } while (ok && found && *lines.at == '#');
    *begins = ok && found && is_line_of_losses(&lines);
    bool out_of_memory = !ok && lines.file != NULL && lines.buffer == NULL;
    line_reader_close(&lines);
    return !out_of_memory;
}

bool file_kind(const char *file_name, FileKind *kind, Error *error)
{
    assert(file_name != NULL && kind != NULL && error != NULL);
    *kind = FILE_DUMP;
    struct stat status;
    if (stat(file_name, &status) != 0 || !S_ISREG(status.st_mode)) {
        return true; // a pipe can be read only once
    }
    if (begins_as_tensors(file_name)) {
        *kind = FILE_TENSORS;
        return true;
    }
    Error reason;
    bool is_losses;
    if (!begins_as_losses(file_name, &is_losses, &reason)) {
        return error_set(error, "%s", reason.message);
    }
    *kind = is_losses ? FILE_LOSSES : FILE_DUMP;
    return true;
}

const char *file_kind_name(FileKind kind)
{
    static const char *const names[] = {
        "a node dump", "a file of losses (in each line one, or a step and its loss)",
        "a file of tensors"};
    return names[kind];
}
