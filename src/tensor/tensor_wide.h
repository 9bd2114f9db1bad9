// The tensor engine's vector kernels: their memory and their interface.
//
// Activations are transposed, compared with the plain loops: one row per dimension, with the
// positions as columns, so that a vector holds the same number of several positions and every sum
// stays in its lane, in its order. S below is the row length: the positions, rounded up to whole
// vectors; wide_stride() may add one more vector. Lanes of positions that do not exist contain
// finite numbers, and zeros as gradients.
//
// The kernels skip products that are zero: those with the output of a ReLU that is off, and those
// with a position that must not be attended to. That is exact if the other factor is finite. The
// kernels check this, and return false if it is not; then the plain loops do the work.
#ifndef MICROGPT_TENSOR_WIDE_H
#define MICROGPT_TENSOR_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/error.h"
#include "microgpt/model.h"

enum {
    WIDEST = 8, // lanes of the longest vector; sizes are rounded up to multiples of it
};

static inline size_t wide_round_up(size_t n)
{
    return (n + WIDEST - 1) / WIDEST * WIDEST;
}

// Returns S for the positions in whole vectors. The number of cache lines per row is odd. If it
// were even, rows would share sets of the cache: 250 positions took more than twice as long.
static inline size_t wide_stride(size_t n)
{
    return n < 64 ? n : (wide_round_up(n) / WIDEST | 1) * WIDEST;
}

typedef struct WideNorm {
    double *mean_square; // [S] plus 1e-5
    double *scale;       // [S] mean_square**-0.5
} WideNorm;

// What a layer's forward pass saves for its backward pass.
typedef struct WideLayer {
    double *x0; // [E,S] the layer's input, the residual stream
    WideNorm norm1;
    double *xn1;          // [E,S] x0 normalised
    double *qkv;          // [3E,S] queries, keys, values
    double *attn_e;       // [H,S,S] exponentials of the scores: row per key, lane per query
    double *attn_total;   // [H,S] their sums
    double *attn_inverse; // [H,S] total**-1
    double *xa;           // [E,S] the heads' outputs
    double *x1;           // [E,S] the residual stream after attention
    WideNorm norm2;
    double *xn2;      // [E,S] x1 normalised
    double *h;        // [4E,S] after the ReLU
    uint32_t *active; // [4E + 8] the rows of h that are not zero everywhere, rising
    size_t n_active;
} WideLayer;

// Sampling computes one position at a time. Here a vector holds several outputs of a matrix, and
// the weights are transposed for that. Row lengths are rounded up to whole vectors.
typedef struct WideSample {
    size_t max_positions; // C: the most positions that the cache can hold, in whole vectors
    size_t n_bytes;
    double *memory;      // of all arrays below
    double *lm_head;     // [E,V]
    double *qkv;         // [L,E,3E]
    double *wo;          // [L,E,E]
    double *fc1;         // [L,E,4E]
    double *fc2;         // [L,4E,E]
    double *keys;        // [L,E,C] the cache
    double *values;      // [L,C,E]
    double *x;           // [E] the residual stream
    double *xn;          // [E] normalised
    double *activations; // [4E] queries, keys and values; then h
    double *xa;          // [E] the heads' outputs
    double *scores;      // [C] of one head, then its probabilities
    double *logits;      // [V]
    uint32_t *active;    // [4E] the rows of h that are not zero, rising
    double temperature;  // of the last call
    double inverse_temperature;
    double inverse_n_embd; // as in Wide
    double inverse_sqrt_dim;
} WideSample;

typedef struct Wide {
    size_t max_positions;
    size_t n_bytes;
    double *memory;    // of all arrays below
    WideLayer *layers; // [L]
    double *embedded;  // [E,S] token plus position
    WideNorm norm0;
    double *xf;              // [E,S] the last layer's output
    double *e;               // [V,S] exponentials of the logits
    double *total;           // [S] their sums
    double *inverse;         // [S] total**-1
    double *prob;            // [S] of the targets
    double *dx;              // [E,S] gradient of the residual stream
    double *dxn;             // [E,S] of a normalised x
    double *dxa;             // [E,S]
    double *dqkv;            // [3E,S]
    double *dh;              // [4E,S]
    double *attn[4];         // [H,S,S] probabilities, their gradients, and both transposed
    double *rows;            // [S,4E] activations or gradients, a row per position
    uint32_t *qkv_order;     // [3E] the rows of qkv in the order of their gradients' sum
    uint32_t *falling;       // [4E] a layer's active rows, falling
    double inverse_n_embd;   // E**-1, by which microgpt.py divides by E
    double inverse_sqrt_dim; // (D**0.5)**-1
} Wide;

// Returns the bytes for documents of up to n_positions; SIZE_MAX if that overflows.
size_t wide_count_bytes(const ModelConfig *config, size_t n_positions);

// Allocates memory for documents of up to n_positions, unless there is enough. Does not keep any
// numbers.
// Errors: out of memory; then nothing changes.
bool wide_grow(Wide *wide, const ModelConfig *config, size_t n_positions, Error *error);

void wide_free(Wide *wide);

// The same for samples of up to n_positions, which must be more than before; the cache is kept.
size_t wide_sample_count_bytes(const ModelConfig *config, size_t n_positions);
bool wide_sample_grow(WideSample *sample, const ModelConfig *config, size_t n_positions,
                      Error *error);
void wide_sample_free(WideSample *sample);

// The functions of a level. They return false if some numbers are so large that only the plain
// loops are exact.
typedef struct WideKernels {
    bool (*forward)(Wide *wide, const Model *model, const int *tokens, size_t n_positions,
                    double *loss);
    bool (*backward)(Wide *wide, Model *model, const int *tokens, size_t n_positions);
    bool (*sample_begin)(WideSample *sample, const Model *model);
    void (*sample_probs)(WideSample *sample, const Model *model, int token_id, size_t pos_id,
                         double temperature, double *probs);
} WideKernels;

extern const WideKernels wide_kernels_neon;
extern const WideKernels wide_kernels_avx2;
extern const WideKernels wide_kernels_avx512;

#endif
