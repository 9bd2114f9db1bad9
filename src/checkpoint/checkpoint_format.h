// The format of checkpoints, for their writer and their reader: see docs/checkpoint.md.
#ifndef MICROGPT_CHECKPOINT_FORMAT_H
#define MICROGPT_CHECKPOINT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/checkpoint.h"

enum {
    CHECKPOINT_CRC_DIGITS = 8,
    CHECKPOINT_NUMBER_BYTES = 8, // of a double
    CHECKPOINT_NAME_BYTES = 16 + MODEL_NAME_BYTES,
    CHECKPOINT_MAX_UCHARS = UINT32_C(0x110000) - 0x800, // all of Unicode except the surrogates
};

// Exact in a double, and small enough that sums of several do not overflow.
#define CHECKPOINT_MAX_COUNT UINT64_C(1000000000000000)

// The beginning of the header of a file of this program. The CRC's digits are at a fixed place, so
// that they can be zeros while the CRC is computed, and be written last.
#define CHECKPOINT_CRC_PREFIX "{\"__metadata__\":{\"crc32\":\""

#define CHECKPOINT_FORMAT "microgpt-checkpoint"
#define CHECKPOINT_VERSION "1"

// A file has three tensors per matrix: the parameters, then Adam's moments.
typedef enum TensorPart {
    PART_PARAMS,
    PART_M,
    PART_V,
    N_TENSOR_PARTS,
} TensorPart;

// Writes the tensor's name, such as `layer0.attn_wq` or `adam.m.layer0.attn_wq`.
// Shapes: name [CHECKPOINT_NAME_BYTES].
void checkpoint_tensor_name(const Matrix *matrix, TensorPart part, char *name);

// Makes the header: without its length, padded, and with zeros as the CRC. The caller frees it.
// Errors: out of memory, longer than CHECKPOINT_MAX_HEADER.
bool checkpoint_header_make(const Checkpoint *checkpoint, char **header, size_t *size,
                            Error *error);

#endif
