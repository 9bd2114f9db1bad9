// The tensor engine's kernels for AVX2 with FMA.
#include "kernels/lanes_avx2.h"

#include "tensor/tensor_lanes.h"
#include "tensor/tensor_sample_lanes.h"

const WideKernels wide_kernels_avx2 = {
    .forward = document_forward,
    .backward = document_backward,
    .sample_begin = sample_begin,
    .sample_probs = sample_probs,
};
