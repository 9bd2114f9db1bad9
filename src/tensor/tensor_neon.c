// The tensor engine's kernels for NEON.
#include "kernels/lanes_neon.h"

#include "tensor/tensor_lanes.h"
#include "tensor/tensor_sample_lanes.h"

const WideKernels wide_kernels_neon = {
    .forward = document_forward,
    .backward = document_backward,
    .sample_begin = sample_begin,
    .sample_probs = sample_probs,
};
