// Reads a safetensors file of any program: all tensors of floating-point numbers, by name.
//
// The file may be wrong or hostile: all offsets are checked.
#ifndef MICROGPT_TENSOR_FILE_H
#define MICROGPT_TENSOR_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/in_file.h"
#include "microgpt/error.h"

enum {
    TENSOR_MAX_DIMENSIONS = 8,
};

typedef struct Tensor {
    const char *name;  // UTF-8
    const char *dtype; // F64, F32 or BF16
    size_t n_dimensions;
    size_t shape[TENSOR_MAX_DIMENSIONS];
    size_t n;        // how many numbers
    double *numbers; // [n]
} Tensor;

typedef struct TensorFile {
    const char *path;
    InFile file;
    json_t *root;           // owns the names
    const json_t *metadata; // NULL if the file has none
    Tensor *tensors;        // [n_tensors], in the order of the header
    size_t n_tensors;
    size_t n_others; // how many tensors have other types and are skipped
} TensorFile;

// The path must outlive the result.
// Errors: the file cannot be read, is not a safetensors file, or has offsets outside of it; out of
// memory.
bool tensor_file_read(TensorFile *file, const char *path, Error *error);

// Frees the tensors; does nothing to a zeroed struct.
void tensor_file_free(TensorFile *file);

// Returns the tensor of this name, or NULL.
const Tensor *tensor_file_find(const TensorFile *file, const char *name);

#endif
