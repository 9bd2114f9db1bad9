// A checkpoint's __metadata__: texts by name, each checked before anybody computes with it.
#ifndef MICROGPT_CHECKPOINT_METADATA_H
#define MICROGPT_CHECKPOINT_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "microgpt/checkpoint.h"

// Where texts are read from, and whose errors they make.
typedef struct Metadata {
    const char *path;
    const json_t *object; // NULL: there is none
    Error *error;
} Metadata;

bool metadata_has(const Metadata *metadata, const char *key);

// A whole number in decimal digits, no more than max; a CRC in 8 hexadecimal digits.
// Errors: missing, or not such a text.
bool metadata_count(const Metadata *metadata, const char *key, uint64_t max, uint64_t *count);
bool metadata_size(const Metadata *metadata, const char *key, int max, int *size);
bool metadata_crc32(const Metadata *metadata, const char *key, uint32_t *crc);

// The alphabet in rising order.
// Errors: as those; out of memory.
bool metadata_tokenizer(const Metadata *metadata, Tokenizer *tokenizer);

// All that a resumed run needs, apart from the numbers: the members of the Checkpoint from
// adam.config on.
bool metadata_training(const Metadata *metadata, Checkpoint *checkpoint);

#endif
