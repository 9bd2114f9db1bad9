// Reads and checks a checkpoint's __metadata__, an object whose members are strings.
#ifndef MICROGPT_CHECKPOINT_METADATA_H
#define MICROGPT_CHECKPOINT_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "microgpt/checkpoint.h"

// The metadata, and where to report errors.
typedef struct Metadata {
    const char *path;
    const json_t *object; // NULL: the file has no metadata
    Error *error;
} Metadata;

bool metadata_has(const Metadata *metadata, const char *key);

// Read a whole number in decimal digits, at most max; a CRC in 8 hexadecimal digits.
// Errors: missing, or not of this form.
bool metadata_size(const Metadata *metadata, const char *key, int max, int *size);
bool metadata_crc32(const Metadata *metadata, const char *key, uint32_t *crc);

// Reads the alphabet, in ascending order of the code points.
// Errors: the same; out of memory.
bool metadata_tokenizer(const Metadata *metadata, Tokenizer *tokenizer);

// Reads everything that a resumed run needs except the tensors: the members of Checkpoint from adam
// on, without Adam's moments.
bool metadata_training(const Metadata *metadata, Checkpoint *checkpoint);

#endif
