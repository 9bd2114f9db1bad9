// Writes a checkpoint's JSON header. The whole header is made in this file, so that it is easy to
// compare with docs/checkpoint.md.
#include "checkpoint/checkpoint_format.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "python/hexfloat.h"
#include "python/utf8.h"

// A text that grows. If memory runs out, it sets out_of_memory and stays as it is.
typedef struct Text {
    char *bytes;
    size_t size;
    size_t capacity;
    bool out_of_memory;
} Text;

static void add_bytes(Text *text, const char *bytes, size_t size)
{
    if (text->out_of_memory) {
        return;
    }
    if (text->capacity - text->size < size) {
        size_t capacity = count_add(count_mul(text->capacity, 2), count_add(size, 4096));
        char *larger = realloc(text->bytes, capacity);
        if (larger == NULL) {
            text->out_of_memory = true;
            return;
        }
        text->bytes = larger;
        text->capacity = capacity;
    }
    assert(text->bytes != NULL);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

// Appends a short piece of text. The arguments all come from this file, and are never too long.
static void add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(Text *text, const char *format, ...)
{
    char piece[256];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    assert(n >= 0 && (size_t)n < sizeof piece);
    add_bytes(text, piece, (size_t)n);
}

static void add_count(Text *text, const char *key, uint64_t count)
{
    add(text, "\"%s\":\"%" PRIu64 "\",", key, count);
}

static void add_real(Text *text, const char *key, double number)
{
    char hex[HEXFLOAT_BYTES];
    hexfloat_format(number, hex);
    add(text, "\"%s\":\"%s\",", key, hex);
}

// Writes every escape as \u and four digits, where other writers have shorter ones: a checkpoint's
// bytes must not change.
static void add_vocabulary(Text *text, const Tokenizer *tokenizer)
{
    add(text, "\"vocabulary\":\"");
    for (int i = 0; i < tokenizer->n_uchars; i++) {
        uint32_t code_point = tokenizer->uchars[i];
        if (code_point < 0x20 || code_point == '"' || code_point == '\\') {
            add(text, "\\u%04" PRIx32, code_point);
        } else {
            char bytes[UTF8_MAX_BYTES];
            add_bytes(text, bytes, utf8_write(code_point, bytes));
        }
    }
    add(text, "\",");
}

static void add_random(Text *text, const Random *random)
{
    add(text, "\"rng_state\":\"");
    for (size_t i = 0; i < RANDOM_STATE_WORDS; i++) {
        add(text, "%08" PRIx32, random->state[i]);
    }
    add(text, "\",");
    add_count(text, "rng_index", random->index);
    if (random->has_gauss) {
        add_real(text, "rng_gauss", random->gauss_next);
    } else {
        add(text, "\"rng_gauss\":\"\",");
    }
}

static void add_metadata(Text *text, const Checkpoint *checkpoint)
{
    const ModelConfig *config = &checkpoint->model.config;
    const AdamConfig *adam = &checkpoint->adam.config;
    add(text, CHECKPOINT_CRC_PREFIX "00000000\",");
    add(text, "\"format\":\"" CHECKPOINT_FORMAT "\",\"version\":\"" CHECKPOINT_VERSION "\",");
    add_count(text, "n_layer", (uint64_t)config->n_layer);
    add_count(text, "n_embd", (uint64_t)config->n_embd);
    add_count(text, "n_head", (uint64_t)config->n_head);
    add_count(text, "block_size", (uint64_t)config->block_size);
    add_count(text, "vocab_size", (uint64_t)config->vocab_size);
    add_vocabulary(text, &checkpoint->tokenizer);
    add_count(text, "seed", checkpoint->seed);
    add_count(text, "step", checkpoint->step);
    add_count(text, "num_steps", checkpoint->num_steps);
    add_real(text, "learning_rate", adam->learning_rate);
    add_real(text, "beta1", adam->beta1);
    add_real(text, "beta2", adam->beta2);
    add_real(text, "eps_adam", adam->eps_adam);
    add_real(text, "init_std", checkpoint->init_std);
    add(text, "\"data_crc32\":\"%08" PRIx32 "\",", checkpoint->dataset.crc32);
    add_count(text, "data_bytes", checkpoint->dataset.n_bytes);
    add_count(text, "data_docs", checkpoint->dataset.n_docs);
    add_random(text, &checkpoint->random);
    text->size -= !text->out_of_memory; // removes the last comma
    add(text, "}");
}

void checkpoint_tensor_name(const Matrix *matrix, TensorPart part, char *name)
{
    static const char *const prefixes[N_TENSOR_PARTS] = {"", "adam.m.", "adam.v."};
    char matrix_name[MODEL_NAME_BYTES];
    model_matrix_name(matrix, matrix_name);
    snprintf(name, CHECKPOINT_NAME_BYTES, "%s%s", prefixes[part], matrix_name);
}

// Describes the tensors one after the other, without gaps.
static void add_tensors(Text *text, const Model *model)
{
    size_t begin = 0;
    for (int part = 0; part < N_TENSOR_PARTS; part++) {
        for (int i = 0; i < model->n_matrices; i++) {
            const Matrix *matrix = &model->matrices[i];
            char name[CHECKPOINT_NAME_BYTES];
            checkpoint_tensor_name(matrix, (TensorPart)part, name);
            size_t n_numbers = (size_t)matrix->n_out * (size_t)matrix->n_in;
            size_t end = begin + n_numbers * CHECKPOINT_NUMBER_BYTES;
            add(text, ",\"%s\":{\"dtype\":\"F64\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
                name, matrix->n_out, matrix->n_in, begin, end);
            begin = end;
        }
    }
}

bool checkpoint_header_make(const Checkpoint *checkpoint, char **header, size_t *size, Error *error)
{
    Text text = {0};
    add_metadata(&text, checkpoint);
    add_tensors(&text, &checkpoint->model);
    add(&text, "}");
    while (text.size % CHECKPOINT_NUMBER_BYTES != 0 && !text.out_of_memory) {
        add(&text, " "); // aligns the data, for programs that map the file into memory
    }
    if (text.out_of_memory) {
        free(text.bytes);
        return error_out_of_memory(error, "the checkpoint's header", text.capacity);
    }
    if (text.size > CHECKPOINT_MAX_HEADER) {
        free(text.bytes);
        return error_set(error,
                         "the checkpoint's header would have %zu bytes; at most %d are allowed;  "
                         "use fewer layers",
                         text.size, CHECKPOINT_MAX_HEADER);
    }
    *header = text.bytes;
    *size = text.size;
    return true;
}
