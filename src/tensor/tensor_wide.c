// The memory of the tensor engine's vector kernels.
#include "tensor/tensor_wide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/exactmath.h"
#include "tensor/tensor_memory.h"

// Plans an array [n_rows,S]; n_rows is rounded up as well, because a transposition takes whole
// squares.
static double *plan_rows(Plan *plan, size_t n_rows, size_t s)
{
    return plan_doubles(plan, count_mul(wide_round_up(n_rows), s));
}

static WideNorm plan_norm(Plan *plan, size_t s)
{
    WideNorm norm = {plan_doubles(plan, s), plan_doubles(plan, s)};
    return norm;
}

static void wide_plan_layer(Plan *plan, WideLayer *layer, const ModelConfig *config, size_t s)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t n_head = (size_t)config->n_head;
    layer->x0 = plan_rows(plan, n_embd, s);
    layer->norm1 = plan_norm(plan, s);
    layer->xn1 = plan_rows(plan, n_embd, s);
    layer->qkv = plan_rows(plan, 3 * n_embd, s);
    layer->attn_e = plan_doubles(plan, count_mul(count_mul(n_head, s), s));
    layer->attn_total = plan_doubles(plan, count_mul(n_head, s));
    layer->attn_inverse = plan_doubles(plan, count_mul(n_head, s));
    layer->xa = plan_rows(plan, n_embd, s);
    layer->x1 = plan_rows(plan, n_embd, s);
    layer->norm2 = plan_norm(plan, s);
    layer->xn2 = plan_rows(plan, n_embd, s);
    layer->h = plan_rows(plan, 4 * n_embd, s);
    layer->active = plan_array(plan, 4 * n_embd + WIDEST, sizeof(uint32_t));
    layer->n_active = 0;
}

static void wide_plan_shared(Plan *plan, Wide *wide, const ModelConfig *config, size_t s)
{
    size_t n_embd = (size_t)config->n_embd;
    wide->embedded = plan_rows(plan, n_embd, s);
    wide->norm0 = plan_norm(plan, s);
    wide->xf = plan_rows(plan, n_embd, s);
    wide->e = plan_rows(plan, (size_t)config->vocab_size, s);
    wide->total = plan_doubles(plan, s);
    wide->inverse = plan_doubles(plan, s);
    wide->prob = plan_doubles(plan, s);
    wide->dx = plan_rows(plan, n_embd, s);
    wide->dxn = plan_rows(plan, n_embd, s);
    wide->dxa = plan_rows(plan, n_embd, s);
    wide->dqkv = plan_rows(plan, 3 * n_embd, s);
    wide->dh = plan_rows(plan, 4 * n_embd, s);
    for (int i = 0; i < 4; i++) {
        wide->attn[i] = plan_doubles(plan, count_mul((size_t)config->n_head, count_mul(s, s)));
    }
    wide->rows = plan_rows(plan, 4 * n_embd, s);
    wide->qkv_order = plan_array(plan, 3 * n_embd, sizeof(uint32_t));
    wide->falling = plan_array(plan, 4 * n_embd, sizeof(uint32_t));
}

size_t wide_count_bytes(const ModelConfig *config, size_t n_positions)
{
    Wide unused;
    WideLayer layer;
    Plan shared = {NULL, 0};
    Plan per_layer = {NULL, 0};
    size_t s = wide_stride(wide_round_up(n_positions));
    wide_plan_shared(&shared, &unused, config, s);
    wide_plan_layer(&per_layer, &layer, config, s);
    plan_array(&per_layer, 1, sizeof layer);
    plan_array(&shared, (size_t)config->n_layer, per_layer.used);
    return shared.used;
}

// Returns the inverse of a size, computed as a power, as in microgpt.py.
static double inverse_of(int size)
{
    return exactmath_libm(EXACT_POW_MINUS_1, size);
}

static double inverse_sqrt_of(int size)
{
    return exactmath_libm(EXACT_POW_MINUS_1, exactmath_libm(EXACT_POW_1_2, size));
}

// The order: heads descending, and for each head the rows of its values, keys and queries,
// descending (see qkv_backward() in tensor_plain.c).
static void set_qkv_order(uint32_t *order, const ModelConfig *config)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t head_dim = (size_t)(config->n_embd / config->n_head);
    size_t n = 0;
    for (size_t end = n_embd; end > 0; end -= head_dim) {
        for (size_t matrix = 3; matrix-- > 0;) {
            for (size_t d = end; d-- > end - head_dim;) {
                order[n] = (uint32_t)(matrix * n_embd + d);
                n++;
            }
        }
    }
}

bool wide_grow(Wide *wide, const ModelConfig *config, size_t n_positions, Error *error)
{
    if (n_positions <= wide->max_positions) {
        return true;
    }
    Wide new = {.max_positions = n_positions, .n_bytes = wide_count_bytes(config, n_positions)};
    // The lanes and rows that exist only to round sizes up must be zero.
    new.memory = doubles_alloc(new.n_bytes / sizeof *new.memory);
    if (new.memory == NULL) {
        return error_out_of_memory(error, "activations", new.n_bytes);
    }
    Plan plan = {(char *)new.memory, 0};
    size_t s = wide_stride(wide_round_up(n_positions));
    wide_plan_shared(&plan, &new, config, s);
    new.layers = plan_array(&plan, (size_t)config->n_layer, sizeof(WideLayer));
    for (int l = 0; l < config->n_layer; l++) {
        wide_plan_layer(&plan, &new.layers[l], config, s);
    }
    assert(plan.used <= new.n_bytes);
    set_qkv_order(new.qkv_order, config);
    new.inverse_n_embd = inverse_of(config->n_embd);
    new.inverse_sqrt_dim = inverse_sqrt_of(config->n_embd / config->n_head);
    wide_free(wide);
    *wide = new;
    return true;
}

void wide_free(Wide *wide)
{
    free(wide->memory);
    *wide = (Wide){0};
}

// Plans the arrays for sampling; c is rounded up. Arrays in which a kernel reads or writes a whole
// vector at any index get one more vector.
static void plan_sample(Plan *plan, WideSample *sample, const ModelConfig *config, size_t c)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t n_layer = (size_t)config->n_layer;
    size_t row = wide_round_up(n_embd);
    size_t hidden_row = wide_round_up(4 * n_embd);
    size_t vocab_row = wide_round_up((size_t)config->vocab_size);
    size_t layer_rows = count_mul(n_layer, n_embd);
    sample->max_positions = c;
    sample->lm_head = plan_doubles(plan, count_mul(n_embd, vocab_row));
    sample->qkv = plan_doubles(plan, count_mul(layer_rows, wide_round_up(3 * n_embd)));
    sample->wo = plan_doubles(plan, count_mul(layer_rows, row));
    sample->fc1 = plan_doubles(plan, count_mul(layer_rows, hidden_row));
    sample->fc2 = plan_doubles(plan, count_mul(count_mul(4, layer_rows), row));
    sample->keys = plan_doubles(plan, count_mul(layer_rows, c));
    sample->values = plan_doubles(plan, count_mul(count_mul(n_layer, c), row));
    plan_doubles(plan, WIDEST);
    sample->x = plan_doubles(plan, row);
    sample->xn = plan_doubles(plan, row);
    sample->activations = plan_doubles(plan, hidden_row + WIDEST);
    sample->xa = plan_doubles(plan, row + WIDEST);
    sample->scores = plan_doubles(plan, c);
    sample->logits = plan_doubles(plan, vocab_row);
    sample->active = plan_array(plan, 4 * n_embd, sizeof(uint32_t));
}

size_t wide_sample_count_bytes(const ModelConfig *config, size_t n_positions)
{
    WideSample unused;
    Plan plan = {NULL, 0};
    plan_sample(&plan, &unused, config, wide_round_up(n_positions));
    return plan.used;
}

static void copy_cache(WideSample *to, const WideSample *from, const ModelConfig *config)
{
    size_t n_embd = (size_t)config->n_embd;
    size_t n_layer = (size_t)config->n_layer;
    size_t row = wide_round_up(n_embd);
    size_t to_c = to->max_positions;
    size_t from_c = from->max_positions;
    for (size_t i = 0; i < n_layer * n_embd; i++) {
        memcpy(&to->keys[i * to_c], &from->keys[i * from_c], from_c * sizeof(double));
    }
    for (size_t l = 0; l < n_layer; l++) {
        memcpy(&to->values[l * to_c * row], &from->values[l * from_c * row],
               from_c * row * sizeof(double));
    }
}

bool wide_sample_grow(WideSample *sample, const ModelConfig *config, size_t n_positions,
                      Error *error)
{
    WideSample new = {.n_bytes = wide_sample_count_bytes(config, n_positions)};
    new.memory = doubles_alloc(new.n_bytes / sizeof *new.memory);
    if (new.memory == NULL) {
        return error_out_of_memory(error, "sampling", new.n_bytes);
    }
    Plan plan = {(char *)new.memory, 0};
    plan_sample(&plan, &new, config, wide_round_up(n_positions));
    new.inverse_n_embd = inverse_of(config->n_embd);
    new.inverse_sqrt_dim = inverse_sqrt_of(config->n_embd / config->n_head);
    if (sample->memory != NULL) {
        size_t weights = (size_t)((char *)sample->keys - (char *)sample->memory);
        memcpy(new.memory, sample->memory, weights);
        copy_cache(&new, sample, config);
    }
    wide_sample_free(sample);
    *sample = new;
    return true;
}

void wide_sample_free(WideSample *sample)
{
    free(sample->memory);
    *sample = (WideSample){0};
}
