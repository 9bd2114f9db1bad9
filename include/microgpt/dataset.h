// Reads a text file as documents, one per line, by the rules of Python's open() and str.strip().
//
// The first step of dataset -> tokenizer -> engine. Documents point into one text.
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
    DATASET_MAX_BYTES = 1 << 30, // a larger file is refused before anything is allocated
};

// One line without its surrounding white space: UTF-8, not terminated, never empty.
typedef struct Document {
    const char *text;
    size_t size; // bytes
} Document;

typedef struct Dataset {
    Document *docs;
    size_t n_docs;
    char *text; // what the documents point into, where the data set owns it; NULL otherwise
} Dataset;

// Reads a file as `[line.strip() for line in open(path) if line.strip()]`: UTF-8; lines end in \n,
// \r or \r\n; white space is Unicode's; NUL bytes stay. A pipe is read to its end; `-` is standard
// input.
// Errors: no such file, a directory, a device (which could never end), too large, invalid UTF-8
// (with the byte's offset), no document in it, out of memory.
bool dataset_read(Dataset *dataset, const char *path, Error *error);

// The same for a text in memory, which must outlive the data set; name stands for it in errors.
bool dataset_parse(Dataset *dataset, const char *name, const char *text, size_t size, Error *error);

// The names compiled into the library (data/names.txt).
bool dataset_default(Dataset *dataset, Error *error);

// Puts the documents in the order in which training takes them.
// Source: random.shuffle(docs)
void dataset_shuffle(Dataset *dataset, Random *random);

// Frees what the data set owns; a zeroed Dataset is fine, too.
void dataset_free(Dataset *dataset);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
