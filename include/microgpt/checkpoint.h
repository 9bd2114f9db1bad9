// Checkpoints: a file with the parameters, Adam's moments, the generator's state and the settings
// of a training run. A run that resumes from it computes the same bits as one that was never
// stopped.
//
// The file is in the safetensors format: see docs/checkpoint.md. Loading checks everything that the
// file says. A power failure while saving leaves either the old or the new file intact.
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

// checkpoint_load() makes one that owns its members. For checkpoint_save() the members may be
// shallow copies of the caller's structs: saving only reads them, and checkpoint_free() must not be
// called then.
typedef struct Checkpoint {
    Model model;
    Tokenizer tokenizer;
    bool can_resume; // false: another program's file, with matrices only; the members below are 0
    Adam adam;
    Random random;
    uint64_t seed;
    double init_std;
    size_t step; // how many of num_steps are done
    size_t num_steps;
    DatasetDigest dataset;
} Checkpoint;

enum {
    // The longest header that is written or read. It is enough for 5,000 layers, or for an alphabet
    // of all of Unicode. The limit keeps a hostile file from using up the memory.
    CHECKPOINT_MAX_HEADER = 8 << 20,
};

// Computes the digest of a data set in its current order.
// Source: binascii.crc32(b''.join(doc + b'\n' for doc in docs))
DatasetDigest checkpoint_digest(const Dataset *dataset);

// Checks that the checkpoint can be saved to path, so that a long training run does not fail at its
// end because the folder is read-only. Leaves no files behind.
// Errors: as checkpoint_save.
bool checkpoint_check(const Checkpoint *checkpoint, const char *path, Error *error);

// Creates or replaces the file atomically: at every moment path names either the complete old file
// or the complete new one. Follows a symbolic link and keeps the mode of the old file.
// Errors: a number that is not finite, errors of the system; the old file is then unchanged.
bool checkpoint_save(const Checkpoint *checkpoint, const char *path, Error *error);

// Reads a file of checkpoint_save(), or one of another program that has the matrices under their
// names in the state_dict. Reads a pipe to its end; `-` is standard input. n_head is used if the
// file does not contain it; pass 0 if it is not known.
// Errors: errors of the system; out of memory; a file that is invalid, with a message that says
// how.
bool checkpoint_load(Checkpoint *checkpoint, const char *path, int n_head, Error *error);

// Frees what checkpoint_load() made; does nothing to a zeroed Checkpoint.
void checkpoint_free(Checkpoint *checkpoint);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
