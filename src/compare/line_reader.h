// Reads a text file line by line and word by word, gzipped or not: node dumps and losses.
//
// Spaces and tabs stand between words, in any number, and may stand at both ends of a line. A byte
// order mark of UTF-8 is skipped, and so are lines with nothing in them.
#ifndef MICROGPT_LINE_READER_H
#define MICROGPT_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "microgpt/error.h"

enum {
    MAX_LINE_BYTES = 1 << 20, // a line of our own has some 200
};

// A file, and where in its current line we stand. The lines lie in a buffer that grows to the
// longest of them and not beyond MAX_LINE_BYTES.
typedef struct LineReader {
    const char *file_name; // must outlive the reader
    const char *what;      // that the file should be, for errors: "a node dump"
    Error *error;          // where all that goes wrong is said
    gzFile file;
    char *buffer;
    size_t capacity;
    size_t start; // of what is read but not yet handed out as a line
    size_t end;
    bool at_end; // of the file
    size_t line; // its number, from 1
    const char *at;
    const char *line_end; // behind the last word
} LineReader;

// Errors: the file cannot be opened. The reader is to be closed all the same.
bool line_reader_open(LineReader *r, const char *file_name, const char *what, Error *error);

void line_reader_close(LineReader *r);

// Goes to the first word of the next line that has one; *found is false at the end of the file.
// Errors: the file cannot be read or unzipped; it is UTF-16; a line is longer than MAX_LINE_BYTES;
// the last one has no end; out of memory.
bool line_reader_next(LineReader *r, bool *found);

// How many bytes the word at hand has: up to a blank, a bracket (in a list) or the end of the line.
size_t line_word_length(const LineReader *r, bool in_list);

// Goes past blanks.
void line_skip_blanks(LineReader *r);

// Goes past blanks to the next word of the line, or says what is missing there.
bool line_take_gap(LineReader *r, const char *missing);

// Reads the word at hand as a number: see dump_number.h.
bool line_take_number(LineReader *r, bool in_list, double *number);

// Fills the error: file, line, and what is wrong. Returns false.
bool line_fail(const LineReader *r, const char *what);

// The same, and shows the word at fault, made harmless for a terminal.
bool line_fail_at(const LineReader *r, const char *word, size_t length, const char *what);

bool line_fail_memory(const LineReader *r, size_t n_bytes);

#endif
