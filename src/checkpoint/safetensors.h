// Reads a safetensors file of any program: the header, what it says of a tensor, and numbers.
//
// The file may be damaged or hostile: everything is checked that this file returns.
#ifndef MICROGPT_SAFETENSORS_H
#define MICROGPT_SAFETENSORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/in_file.h"
#include "microgpt/error.h"

enum {
    SAFETENSORS_LENGTH_BYTES = 8,           // of the header's length, which comes first
    SAFETENSORS_MAX_HEADER = 100 * 1000000, // that the format allows
    SAFETENSORS_MAX_DEPTH = 8, // of nested objects and arrays in a header; a good one has 3
    TENSOR_MAX_DIMENSIONS = 8,
};

typedef struct Safetensors {
    InFile file;
    char *header; // [header_size], as it is in the file
    size_t header_size;
    json_t *root;           // the header
    const json_t *metadata; // an object; NULL: the file has none
    Error *error;           // for all errors of the reader
} Safetensors;

typedef struct Tensor {
    const char *name;    // UTF-8
    const char *dtype;   // UTF-8
    size_t number_bytes; // of F64, F32 or BF16; 0: another type
    size_t n_dimensions; // more than TENSOR_MAX_DIMENSIONS: the shape is not such a list of counts
    size_t shape[TENSOR_MAX_DIMENSIONS];
    size_t n;        // how many numbers; SIZE_MAX: too many
    double *numbers; // [n] if the caller has read them
} Tensor;

// Opens a file and parses its header, of at most max_header bytes. kind is what the file should be,
// for errors.
// Errors: the file cannot be read, its header is not that of a safetensors file; out of memory.
bool safetensors_open(Safetensors *source, const char *path, const char *kind, size_t max_header,
                      Error *error);

// Closes the file and frees the header, with the tensors' names; does nothing to a zeroed struct.
void safetensors_close(Safetensors *source);

// Fill the error, with the file's name and for a tensor with its name. Return false.
bool safetensors_fail(const Safetensors *source, const char *what);
bool safetensors_fail_tensor(const Safetensors *source, const char *name, const char *what);

// Returns how many bytes a number of a tensor has, by the member dtype of its object; 0: it is
// neither F64, F32 nor BF16.
size_t safetensors_number_bytes(const json_t *object);

// Reads what the header says of a tensor.
// Errors: the object does not consist of dtype, shape and data_offsets.
bool safetensors_describe(const Safetensors *source, const char *name, const json_t *object,
                          Tensor *tensor);

// Finds where a tensor begins, in bytes from the end of the header.
// Errors: data_offsets are outside of the file, or do not fit the shape.
bool safetensors_find(const Safetensors *source, const json_t *object, const Tensor *tensor,
                      size_t *begin);

// Reads the next n numbers from a place on, and continues the CRC-32 of the bytes, if crc is not
// NULL.
// Shapes: numbers [n].
bool safetensors_read(const Safetensors *source, size_t begin, size_t number_bytes, size_t n,
                      double *numbers, unsigned long *crc);

// Checks that there is memory for four doubles for each of n numbers: data, grad, m and v.
bool safetensors_check_memory(const Safetensors *source, size_t n);

#endif
