// The tensor engine's kernels, compiled once for each SIMD level.
#include "kernels/lanes.h"

#include "tensor/tensor_lanes.h"
#include "tensor/tensor_sample_lanes.h"

const WideKernels AT_LEVEL(wide_kernels) = {
    .forward = document_forward,
    .backward = document_backward,
    .sample_begin = sample_begin,
    .sample_probs = sample_probs,
};
