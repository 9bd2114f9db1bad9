// The tensor engine: chooses between plain loops and vector kernels, and owns their memory.
#include "tensor/tensor_gpt.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "tensor/tensor_plain.h"
#include "tensor/tensor_wide.h"

struct TensorGpt {
    Model *model;
    SimdLevel level;
    Plain plain; // not allocated until needed; the same holds for the next two
    Wide wide;
    WideSample sample;
    int *tokens; // [max_tokens], of the last forward pass
    size_t max_tokens;
    size_t n_positions; // of the last forward pass
    bool is_wide;       // whether the kernels did the last forward pass
    bool sample_is_wide;
};

// NULL for a level without kernels, which uses the plain loops.
static const WideKernels *const kernels_of_levels[N_SIMD_LEVELS] = {
#ifdef __aarch64__
    [SIMD_NEON] = &wide_kernels_neon,
#endif
#ifdef __x86_64__
    [SIMD_AVX2] = &wide_kernels_avx2,
    [SIMD_AVX512] = &wide_kernels_avx512,
#endif
};

size_t tensor_gpt_count_bytes(const ModelConfig *config, size_t n_positions)
{
    size_t sizes[] = {plain_count_bytes(config, n_positions), wide_count_bytes(config, n_positions),
                      wide_sample_count_bytes(config, n_positions),
                      n_positions * sizeof(int) + sizeof(TensorGpt)};
    size_t sum = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sum = count_add(sum, sizes[i]);
    }
    return sum;
}

bool tensor_gpt_create(TensorGpt **gpt, Model *model, Error *error)
{
    TensorGpt *new = calloc(1, sizeof *new);
    if (new == NULL) {
        return error_out_of_memory(error, "the tensor engine", sizeof *new);
    }
    new->model = model;
    new->level = simd_best();
    *gpt = new;
    return true;
}

void tensor_gpt_free(TensorGpt *gpt)
{
    if (gpt == NULL) {
        return;
    }
    plain_free(&gpt->plain);
    wide_free(&gpt->wide);
    wide_sample_free(&gpt->sample);
    free(gpt->tokens);
    free(gpt);
}

void tensor_gpt_set_simd(TensorGpt *gpt, SimdLevel level)
{
    assert(simd_has(level));
    gpt->level = level;
}

static bool keep_tokens(TensorGpt *gpt, const int *tokens, size_t n_positions, Error *error)
{
    size_t n_tokens = n_positions + 1;
    if (n_tokens > gpt->max_tokens) {
        int *new = realloc(gpt->tokens, n_tokens * sizeof *new);
        if (new == NULL) {
            return error_out_of_memory(error, "tokens", n_tokens * sizeof *new);
        }
        gpt->tokens = new;
        gpt->max_tokens = n_tokens;
    }
    memcpy(gpt->tokens, tokens, n_tokens * sizeof *tokens);
    gpt->n_positions = n_positions;
    return true;
}

bool tensor_gpt_forward(TensorGpt *gpt, const int *tokens, size_t n_positions, double *loss,
                        Error *error)
{
    const WideKernels *kernels = kernels_of_levels[gpt->level];
    assert(n_positions >= 1 && n_positions <= (size_t)gpt->model->config.block_size);
    if (!keep_tokens(gpt, tokens, n_positions, error)) {
        return false;
    }
    gpt->is_wide = false;
    if (kernels != NULL) {
        if (!wide_grow(&gpt->wide, &gpt->model->config, n_positions, error)) {
            return false;
        }
        gpt->is_wide = kernels->forward(&gpt->wide, gpt->model, tokens, n_positions, loss);
    }
    if (!gpt->is_wide) {
        if (!plain_grow(&gpt->plain, &gpt->model->config, n_positions, error)) {
            return false;
        }
        *loss = plain_forward(&gpt->plain, gpt->model, tokens, n_positions);
    }
    return true;
}

bool tensor_gpt_backward(TensorGpt *gpt, Error *error)
{
    assert(gpt->n_positions > 0);
    if (gpt->is_wide) {
        const WideKernels *kernels = kernels_of_levels[gpt->level];
        assert(kernels != NULL);
        if (kernels->backward(&gpt->wide, gpt->model, gpt->tokens, gpt->n_positions)) {
            return true;
        }
        if (!plain_grow(&gpt->plain, &gpt->model->config, gpt->n_positions, error)) {
            return false;
        }
        plain_forward(&gpt->plain, gpt->model, gpt->tokens, gpt->n_positions);
    }
    plain_backward(&gpt->plain, gpt->model, gpt->tokens, gpt->n_positions);
    return true;
}

// Returns the number of positions to allocate for pos_id: twice as many as before, but at most
// block_size, so that the cache of a growing sample is moved only a few times.
static size_t sample_capacity(const TensorGpt *gpt, size_t pos_id)
{
    size_t capacity = pos_id < WIDEST ? WIDEST : 2 * pos_id;
    size_t block_size = (size_t)gpt->model->config.block_size;
    return capacity < block_size ? capacity : block_size;
}

static bool need_sample(TensorGpt *gpt, size_t pos_id, Error *error)
{
    return pos_id < gpt->sample.max_positions ||
           wide_sample_grow(&gpt->sample, &gpt->model->config, sample_capacity(gpt, pos_id), error);
}

// Does the same as the kernels' sample_probs().
static void plain_probs(TensorGpt *gpt, int token_id, size_t pos_id, double temperature,
                        double *probs)
{
    size_t vocab_size = (size_t)gpt->model->config.vocab_size;
    double inverse_temperature = pow(temperature, -1);
    Softmax softmax;
    plain_gpt(&gpt->plain, gpt->model, token_id, pos_id, probs);
    for (size_t i = 0; i < vocab_size; i++) {
        probs[i] *= inverse_temperature;
    }
    softmax_forward(probs, probs, &softmax, vocab_size);
    for (size_t i = 0; i < vocab_size; i++) {
        probs[i] *= softmax.inverse;
    }
}

bool tensor_gpt_probs(TensorGpt *gpt, int token_id, size_t pos_id, double temperature,
                      double *probs, Error *error)
{
    const WideKernels *kernels = kernels_of_levels[gpt->level];
    assert(pos_id < (size_t)gpt->model->config.block_size);
    if (pos_id == 0) {
        gpt->sample_is_wide = false;
        if (kernels != NULL) {
            if (!need_sample(gpt, pos_id, error)) {
                return false;
            }
            gpt->sample_is_wide = kernels->sample_begin(&gpt->sample, gpt->model);
        }
    }
    if (gpt->sample_is_wide) {
        if (!need_sample(gpt, pos_id, error)) {
            return false;
        }
        assert(kernels != NULL);
        kernels->sample_probs(&gpt->sample, gpt->model, token_id, pos_id, temperature, probs);
        return true;
    }
    if (pos_id >= gpt->plain.max_positions &&
        !plain_grow(&gpt->plain, &gpt->model->config, sample_capacity(gpt, pos_id), error)) {
        return false;
    }
    plain_probs(gpt, token_id, pos_id, temperature, probs);
    return true;
}

// The memory grows, and never shrinks.
size_t tensor_gpt_peak_bytes(const TensorGpt *gpt)
{
    return sizeof *gpt + gpt->max_tokens * sizeof(int) + gpt->plain.n_bytes + gpt->wide.n_bytes +
           gpt->sample.n_bytes;
}
