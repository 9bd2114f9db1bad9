// Reads a text file as documents, one per line, by the rules of Python's open() and str.strip().
//
// This is the first step of dataset -> tokenizer -> engine. All documents point into one text.
#ifndef MICROGPT_DATASET_H
#define MICROGPT_DATASET_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"
#include "microgpt/random.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum {
    DATASET_MAX_BYTES = 1 << 30, // a larger file is rejected before anything is allocated
};

// One line without its surrounding white space: UTF-8, not terminated, never empty.
typedef struct Document {
    const char *text;
    size_t size; // bytes
} Document;

typedef struct Dataset {
    Document *docs;
    size_t n_docs;
    char *text; // the text that the documents point into; NULL if the data set does not own it
} Dataset;

// Reads a file as Python's `[line.strip() for line in open(path) if line.strip()]`: as UTF-8; lines
// end in \n, \r or \r\n; white space is that of Unicode; NUL bytes are kept. Reads a pipe to its
// end; `-` is standard input.
// Errors: no such file, a directory, a device (which might never end), too large, invalid UTF-8
// (with the byte's offset), no document in it, out of memory.
bool dataset_read(Dataset *dataset, const char *path, Error *error);

// The same for a text in memory, which must outlive the data set. Error messages use name where
// dataset_read() uses the path.
bool dataset_parse(Dataset *dataset, const char *name, const char *text, size_t size, Error *error);

// Makes a data set of the names that are compiled into the library (data/names.txt).
// Errors: out of memory.
bool dataset_default(Dataset *dataset, Error *error);

// Shuffles the documents into the order in which training uses them.
// Source: random.shuffle(docs)
void dataset_shuffle(Dataset *dataset, Random *random);

// Frees what the data set owns; does nothing to a zeroed Dataset.
void dataset_free(Dataset *dataset);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
