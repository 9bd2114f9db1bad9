// Reads a safetensors file of any program: all tensors of floating-point numbers, by name.
//
// The file may be wrong or hostile: all offsets are checked.
#ifndef MICROGPT_TENSOR_FILE_H
#define MICROGPT_TENSOR_FILE_H

#include <stddef.h>

#include "checkpoint/safetensors.h"

typedef struct TensorFile {
    const char *path;
    Safetensors source;     // owns the names
    Tensor *tensors;        // [n_tensors] with their numbers, in the order of the header
    const Tensor **by_name; // the same, sorted
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
