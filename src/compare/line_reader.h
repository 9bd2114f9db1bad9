// Reads a text file line by line and word by word, gzipped or not: node dumps and losses.
//
// Words are separated by any number of spaces, tabs and carriage returns, which may also be at both
// ends of a line.
// Skips a byte order mark of UTF-8, and empty lines.
#ifndef MICROGPT_LINE_READER_H
#define MICROGPT_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "microgpt/error.h"

enum {
    MAX_LINE_BYTES = 1 << 20, // a line of this program has about 200
};

// A file, and the position in its current line. The lines are in a buffer that grows to the size of
// the longest line, but at most to MAX_LINE_BYTES.
typedef struct LineReader {
    const char *file_name; // must outlive the reader
    const char *what;      // what the file should be, for error messages: "a node dump"
    Error *error;          // for all errors of the reader
    gzFile file;
    char *buffer;
    size_t capacity;
    size_t start; // of the bytes that are read but not yet returned as a line
    size_t end;
    bool at_end; // of the file
    size_t line; // its number, from 1
    const char *at;
    const char *line_end; // after the last word
} LineReader;

// Opens a file. The reader must be closed even after an error.
// Errors: the file cannot be opened.
bool line_reader_open(LineReader *r, const char *file_name, const char *what, Error *error);

void line_reader_close(LineReader *r);

// Goes to the first word of the next line that has one; *found is false at the end of the file.
// Errors: the file cannot be read or unzipped; it is UTF-16, or has zeros; a line is longer than
// MAX_LINE_BYTES; the last one has no end; out of memory.
bool line_reader_next(LineReader *r, bool *found);

// Returns how many bytes the current word has. It ends before a blank, a bracket (in a list) or the
// end of the line.
size_t line_word_length(const LineReader *r, bool in_list);

// Skips the current word if it is this one. Returns whether it is.
bool line_take_word(LineReader *r, const char *word);

// Skips all words up to this one, and it. Returns whether the line has it.
bool line_find_word(LineReader *r, const char *word);

// Skips blanks.
void line_skip_blanks(LineReader *r);

// Skips blanks up to the next word of the line. Reports what is missing if there are none.
bool line_take_gap(LineReader *r, const char *missing);

// Reads the current word as a number: see dump_number.h.
bool line_take_number(LineReader *r, bool in_list, double *number);

// Fills the error: file, line, and what is wrong. Returns false.
bool line_fail(const LineReader *r, const char *what);

// The same, and shows the wrong word, without characters that could control a terminal.
bool line_fail_at(const LineReader *r, const char *word, size_t length, const char *what);

bool line_fail_memory(const LineReader *r, size_t n_bytes);

#endif
