// The kind of a file: see file_kind.h.
#include "compare/file_kind.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/little_endian.h"
#include "compare/line_reader.h"

enum {
    MAX_HEADER_BYTES = 100 << 20, // that safetensors allows
    LENGTH_BYTES = 8,             // of a header's length
    MAX_LOSS_WORDS = 2,           // in a line of losses: the step and its loss
};

static bool begins_as_tensors(const char *file_name)
{
    gzFile file = gzopen(file_name, "rbe");
    if (file == NULL) {
        return false;
    }
    unsigned char bytes[LENGTH_BYTES + 1];
    int n = gzread(file, bytes, sizeof bytes);
    gzclose_r(file);
    return n == sizeof bytes && bytes[LENGTH_BYTES] == '{' &&
           little_endian_get_integer(bytes) <= MAX_HEADER_BYTES;
}

static bool take_word(LineReader *lines, const char *word)
{
    size_t length = line_word_length(lines, false);
    bool is_it = length == strlen(word) && memcmp(lines->at, word, length) == 0;
    lines->at += length;
    line_skip_blanks(lines);
    return is_it;
}

// One or two numbers and no more, or the names of a log's columns.
static bool is_line_of_losses(LineReader *lines)
{
    const char *start = lines->at;
    if (take_word(lines, "step") && take_word(lines, "loss")) {
        return true;
    }
    lines->at = start;
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

static bool begins_as_losses(const char *file_name)
{
    Error ignored;
    LineReader lines;
    bool found = false;
    bool ok = line_reader_open(&lines, file_name, "a file of losses", &ignored);
    do {
        ok = ok && line_reader_next(&lines, &found);
    } while (ok && found && *lines.at == '#');
    bool is_losses = ok && found && is_line_of_losses(&lines);
    line_reader_close(&lines);
    return is_losses;
}

FileKind file_kind(const char *file_name)
{
    assert(file_name != NULL);
    struct stat status;
    if (stat(file_name, &status) != 0 || !S_ISREG(status.st_mode)) {
        return FILE_DUMP; // what a pipe brings can be read once only
    }
    if (begins_as_tensors(file_name)) {
        return FILE_TENSORS;
    }
    return begins_as_losses(file_name) ? FILE_LOSSES : FILE_DUMP;
}

const char *file_kind_name(FileKind kind)
{
    static const char *const names[] = {"a node dump", "a file of losses", "a file of tensors"};
    return names[kind];
}
