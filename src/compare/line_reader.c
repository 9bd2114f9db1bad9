// Text files, line by line: see line_reader.h.
#include "compare/line_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare/dump_number.h"

enum {
    READ_BYTES = 1 << 17, // how much zlib unzips at a time
    SHOWN_BYTES = 40,     // how much of a wrong word an error shows
};

bool line_fail(const LineReader *r, const char *what)
{
    return error_set_file(r->error, r->file_name, r->line, "%s", what);
}

bool line_fail_at(const LineReader *r, const char *word, size_t length, const char *what)
{
    char shown[SHOWN_BYTES + 1] = "";
    for (size_t i = 0; i < SHOWN_BYTES && i < length; i++) {
        shown[i] = (char)(word[i] >= ' ' && word[i] <= '~' ? word[i] : '?');
    }
    const char *more = length > SHOWN_BYTES ? "..." : "";
    return error_set_file(r->error, r->file_name, r->line, "'%s'%s %s", shown, more, what);
}

bool line_fail_memory(const LineReader *r, size_t n_bytes)
{
    return error_set_file(r->error, r->file_name, r->line,
                          "out of memory (%zu bytes) for so large a file", n_bytes);
}

static bool read_error(const LineReader *r)
{
    int code;
    const char *reason = gzerror(r->file, &code);
    if (code == Z_ERRNO) {
        return error_set_file(r->error, r->file_name, 0, "cannot be read: %s", strerror(errno));
    }
    size_t name_length = strlen(r->file_name);
    if (code == Z_BUF_ERROR) {
        reason = "it ends too early";
    } else if (strncmp(reason, r->file_name, name_length) == 0 &&
               strncmp(reason + name_length, ": ", 2) == 0) {
        reason += name_length + 2; // zlib names the file as well
    }
    return error_set_file(r->error, r->file_name, r->line + 1, "cannot be unzipped: %s", reason);
}

bool line_reader_open(LineReader *r, const char *file_name, const char *what, Error *error)
{
    assert(r != NULL && file_name != NULL && what != NULL && error != NULL);
    *r = (LineReader){.file_name = file_name, .what = what, .error = error};
    errno = 0;
    r->file = gzopen(file_name, "rbe");
    if (r->file == NULL) {
        return error_set_file(error, file_name, 0, "cannot be opened: %s",
                              errno != 0 ? strerror(errno) : "out of memory");
    }
    gzbuffer(r->file, READ_BYTES);
    return true;
}

void line_reader_close(LineReader *r)
{
    free(r->buffer);
    if (r->file != NULL) {
        gzclose_r(r->file);
    }
    *r = (LineReader){0};
}

// Moves the rest of the buffer to its front, and makes space after it.
static bool make_space(LineReader *r)
{
    if (r->start > 0) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->capacity - r->end >= READ_BYTES) {
        return true;
    }
    size_t capacity = 2 * r->capacity + READ_BYTES;
    char *buffer = realloc(r->buffer, capacity);
    if (buffer == NULL) {
        return line_fail_memory(r, capacity);
    }
    r->buffer = buffer;
    r->capacity = capacity;
    return true;
}

static bool read_more(LineReader *r)
{
    if (!make_space(r)) {
        return false;
    }
    errno = 0;
    int n = gzread(r->file, r->buffer + r->end, READ_BYTES);
    if (n < 0) {
        return read_error(r);
    }
    if (n < READ_BYTES) {
        int code;
        gzerror(r->file, &code);
        if (code != Z_OK && code != Z_STREAM_END) {
            return read_error(r);
        }
        r->at_end = gzeof(r->file) == 1;
    }
    r->end += (size_t)n;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void line_skip_blanks(LineReader *r)
{
    while (r->at < r->line_end && is_blank(*r->at)) {
        r->at++;
    }
}

// Returns whether the bytes are UTF-16, which has a byte order mark, or a zero byte next to each
// ASCII character.
static bool is_utf16(const char *bytes, size_t n)
{
    return n >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0 ||
                      (bytes[0] == '\0') != (bytes[1] == '\0'));
}

// Returns whether a line is text. A file that was being written while its machine stopped may be
// full of zeros.
static bool check_zeros(const LineReader *r, const char *line, size_t length)
{
    return memchr(line, '\0', length) == NULL ||
           line_fail(r, "has bytes that are 0, so it was damaged or cut off; write it again");
}

// Makes a line the current one, without blanks at both ends and without its line end.
static bool begin_line(LineReader *r, const char *line, size_t length)
{
    r->line++;
    r->at = line;
    r->line_end = line + length;
    if (r->line == 1) {
        if (length >= 4 && memcmp(line, "\xff\xfe\0\0", 4) == 0) {
            return line_fail(r, "is UTF-32; convert the file, for example with "
                                "iconv -f UTF-32 -t UTF-8");
        }
        if (is_utf16(line, length)) {
            return line_fail(r, "is UTF-16; convert the file, for example with "
                                "iconv -f UTF-16 -t UTF-8");
        }
        if (length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            r->at += 3;
        }
    }
    if (!check_zeros(r, line, length)) {
        return false;
    }
    line_skip_blanks(r);
    while (r->line_end > r->at && is_blank(r->line_end[-1])) {
        r->line_end--;
    }
    return true;
}

// Reads the next line, even if it is empty.
static bool next_line(LineReader *r, bool *found)
{
    size_t searched = 0;
    for (;;) {
        size_t n = r->end - r->start;
        char *line = n > 0 ? r->buffer + r->start : NULL; // initially there is no buffer
        char *newline = n > searched ? memchr(line + searched, '\n', n - searched) : NULL;
        size_t length = newline != NULL ? (size_t)(newline - line) : n;
        if (length > MAX_LINE_BYTES) {
            r->line++;
            return error_set_file(r->error, r->file_name, r->line,
                                  "is longer than %d bytes; is it %s?", MAX_LINE_BYTES, r->what);
        }
        if (newline != NULL) {
            r->start += length + 1;
            *found = true;
            return begin_line(r, line, length);
        }
        if (r->at_end) {
            r->line++;
            *found = false;
            return n == 0 || (check_zeros(r, line, n) &&
                              line_fail(r, "ends without a newline; is the file cut off?"));
        }
        searched = n;
        if (!read_more(r)) {
            return false;
        }
    }
}

bool line_reader_next(LineReader *r, bool *found)
{
    do {
        if (!next_line(r, found)) {
            return false;
        }
    } while (*found && r->at == r->line_end);
    return true;
}

size_t line_word_length(const LineReader *r, bool in_list)
{
    const char *end = r->at;
    while (end < r->line_end && !is_blank(*end) && !(in_list && *end == ']')) {
        end++;
    }
    return (size_t)(end - r->at);
}

static void skip_word(LineReader *r)
{
    r->at += line_word_length(r, false);
    line_skip_blanks(r);
}

bool line_take_word(LineReader *r, const char *word)
{
    size_t length = line_word_length(r, false);
    bool is_it = length == strlen(word) && memcmp(r->at, word, length) == 0;
    if (is_it) {
        skip_word(r);
    }
    return is_it;
}

bool line_find_word(LineReader *r, const char *word)
{
    bool found = false;
    while (r->at < r->line_end && !found) {
        found = line_take_word(r, word);
        if (!found) {
            skip_word(r);
        }
    }
    return found;
}

bool line_take_gap(LineReader *r, const char *missing)
{
    if (r->at >= r->line_end || !is_blank(*r->at)) {
        return line_fail(r, missing);
    }
    line_skip_blanks(r);
    return true;
}

bool line_take_number(LineReader *r, bool in_list, double *number)
{
    size_t length = line_word_length(r, in_list);
    const char *problem = dump_number_parse(r->at, length, number);
    if (problem != NULL) {
        return line_fail_at(r, r->at, length, problem);
    }
    r->at += length;
    return true;
}
