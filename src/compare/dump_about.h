// The first line of a dump, which describes it: `# microgpt-nodes 1 {"step": 1, ...}`. The name and
// the version of the format are followed by one flat JSON object with any of: step, document, seed,
// num_steps, n_documents, n_layer, n_embd, n_head, block_size, vocab_size.
#ifndef MICROGPT_DUMP_ABOUT_H
#define MICROGPT_DUMP_ABOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "microgpt/dataset.h"
#include "microgpt/error.h"
#include "microgpt/model.h"

enum {
    ABOUT_DOCUMENT_BYTES = 128,
    MAX_ABOUT_WARNINGS = 10,
    ABOUT_WARNING_BYTES = 2 * ABOUT_DOCUMENT_BYTES + 32,
};

// The description that this program writes.
typedef struct DumpAbout {
    size_t step; // 0 if it belongs to no training step
    Document document;
    bool has_seed;
    uint64_t seed;
    size_t num_steps;   // 0 if it is not known
    size_t n_documents; // 0 if it is not known
    ModelConfig model;
} DumpAbout;

// Errors: out of memory. The caller checks the file for errors.
bool dump_about_write(FILE *file, const DumpAbout *about, Error *error);

typedef enum AboutNumber {
    ABOUT_STEP,
    ABOUT_SEED,
    ABOUT_NUM_STEPS,
    ABOUT_N_DOCUMENTS,
    ABOUT_N_LAYER,
    ABOUT_N_EMBD,
    ABOUT_N_HEAD,
    ABOUT_BLOCK_SIZE,
    ABOUT_VOCAB_SIZE,
    N_ABOUT_NUMBERS,
} AboutNumber;

// The description that was read from a dump.
typedef struct DumpSays {
    bool is_said; // whether the dump has a description
    bool has_number[N_ABOUT_NUMBERS];
    double numbers[N_ABOUT_NUMBERS];
    char document[ABOUT_DOCUMENT_BYTES]; // as JSON in ASCII, truncated; empty: not given
} DumpSays;

// Parses a comment, from its `#` to the end of the line. Ignores other comments, and a second
// description.
// Returns NULL, or what is wrong with the line.
// Shapes: comment [length].
const char *dump_about_parse(DumpSays *says, const char *comment, size_t length);

// Sets the sizes of the model that the description contains; does not change the others.
void dump_about_sizes(const DumpSays *says, ModelConfig *sizes);

// Writes in plain ASCII why two dumps are not of the same step of the same run, as far as both
// descriptions tell. Returns how many lines it wrote.
// Shapes: warnings [MAX_ABOUT_WARNINGS][ABOUT_WARNING_BYTES].
size_t dump_about_warn(const DumpSays *a, const DumpSays *b, char warnings[][ABOUT_WARNING_BYTES]);

#endif
