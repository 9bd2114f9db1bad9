// A training run in a file: parameters, Adam's moments, the generator's state, and the settings. A
// run that resumes from it computes the same bits as one that was never stopped.
//
// The file is in the safetensors format: see docs/checkpoint.md. Reading it trusts nothing that it
// says; saving it survives a power failure at any moment.
#ifndef MICROGPT_CHECKPOINT_H
#define MICROGPT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/adam.h"
#include "microgpt/dataset.h"
#include "microgpt/error.h"
#include "microgpt/model.h"
#include "microgpt/random.h"
#include "microgpt/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// Identifies a data set: the documents in their order after the shuffle.
typedef struct DatasetDigest {
    uint32_t crc32; // of each document's bytes and a newline
    size_t n_bytes; // of the same
    size_t n_docs;
} DatasetDigest;

// checkpoint_load() makes one that owns its parts. For checkpoint_save() its parts may be copies
// of structs that belong to others: saving only reads, and nothing is to be freed then.
typedef struct Checkpoint {
    Model model;
    Tokenizer tokenizer;
    bool can_resume; // false: another program's file, with the matrices only: what follows is 0
    Adam adam;
    Random random;
    uint64_t seed;
    double init_std;
    size_t step; // how many steps are done, of num_steps
    size_t num_steps;
    DatasetDigest dataset;
} Checkpoint;

enum {
    // The longest header that is written or read. It holds 5,000 layers, or an alphabet of all of
    // Unicode; a file that claims more could only be after our memory.
    CHECKPOINT_MAX_HEADER = 8 << 20,
};

// Source: binascii.crc32(b''.join(doc + b'\n' for doc in docs))
DatasetDigest checkpoint_digest(const Dataset *dataset);

// Checks that the checkpoint could be saved there, so that nobody trains for hours to learn that
// the folder is read-only. Leaves no trace.
// Errors: as checkpoint_save.
bool checkpoint_check(const Checkpoint *checkpoint, const char *path, Error *error);

// Replaces the file, or makes it: at every moment there is either the old file or the new one,
// whole. Follows a symbolic link, keeps the mode of the old file.
// Errors: a number that is not finite, what the system says; the old file is then untouched.
bool checkpoint_save(const Checkpoint *checkpoint, const char *path, Error *error);

// Reads a file of checkpoint_save(), or the matrices that another program has saved under their
// names in the state_dict. A pipe is read to its end; `-` is standard input. n_head is for a file
// that does not say it; 0: not known. Errors: what the system says, more memory needed than there
// is, and everything that can be wrong with a file, each with its own message.
bool checkpoint_load(Checkpoint *checkpoint, const char *path, int n_head, Error *error);

// Frees what checkpoint_load() made; a zeroed Checkpoint is fine, too.
void checkpoint_free(Checkpoint *checkpoint);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
