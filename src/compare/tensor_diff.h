// Compares two safetensors files, tensor by tensor.
#ifndef MICROGPT_TENSOR_DIFF_H
#define MICROGPT_TENSOR_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compare/tensor_file.h"
#include "microgpt/error.h"

typedef enum TensorVerdict {
    TENSOR_SAME,
    TENSOR_SAME_AS_FLOAT, // one side has the other's numbers, rounded to a type with fewer bits
    TENSOR_DIFFERS,
    TENSOR_TRANSPOSED, // B's rows are A's columns
    TENSOR_OTHER_SHAPE,
    TENSOR_ONLY_A,
    TENSOR_ONLY_B,
} TensorVerdict;

// A tensor's name, with the tensor of each file.
typedef struct TensorFinding {
    const Tensor *sides[2]; // NULL if the file has no tensor of this name
    TensorVerdict verdict;
    bool is_transposed; // whether A is compared with the transpose of B
    size_t n_differ;
    size_t first; // the index in A of the first number that differs
    double max_relative;
} TensorFinding;

typedef struct TensorDiff {
    const TensorFile *files[2];
    TensorFinding *findings; // [n] the tensors of A in their order, then those that only B has
    size_t n;
    size_t n_not_same;     // how many of them are not the same
    bool is_same_as_float; // whether all are the same, or are the same after rounding to the
                           // narrower type
} TensorDiff;

// Errors: no name in common; out of memory. The files must outlive the result.
bool tensor_diff(TensorDiff *diff, const TensorFile *a, const TensorFile *b, Error *error);

void tensor_diff_free(TensorDiff *diff);

void tensor_diff_print_text(FILE *file, const TensorDiff *diff);

// Errors: out of memory.
bool tensor_diff_print_json(FILE *file, const TensorDiff *diff, Error *error);

#endif
