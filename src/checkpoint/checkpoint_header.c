// Writes a checkpoint's JSON header. The whole header is made in this file, so that it is easy to
// compare with docs/checkpoint.md.
#include "checkpoint/checkpoint_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "python/hexfloat.h"
#include "python/utf8.h"

static void add_text(FILE *header, const char *key, const char *text)
{
    fprintf(header, ",\"%s\":\"%s\"", key, text);
}

static void add_count(FILE *header, const char *key, uint64_t count)
{
    fprintf(header, ",\"%s\":\"%" PRIu64 "\"", key, count);
}

static void add_real(FILE *header, const char *key, double number)
{
    char hex[HEXFLOAT_BYTES];
    hexfloat_format(number, hex);
    add_text(header, key, hex);
}

// Writes every escape as \u and four digits, where other writers have shorter ones: a checkpoint's
// bytes must not change.
static void add_vocabulary(FILE *header, const Tokenizer *tokenizer)
{
    fputs(",\"vocabulary\":\"", header);
    for (int i = 0; i < tokenizer->n_uchars; i++) {
        uint32_t code_point = tokenizer->uchars[i];
        if (code_point < 0x20 || code_point == '"' || code_point == '\\') {
            fprintf(header, "\\u%04" PRIx32, code_point);
        } else {
            char bytes[UTF8_MAX_BYTES];
            fwrite(bytes, 1, utf8_write(code_point, bytes), header);
        }
    }
    fputc('"', header);
}

static void add_random(FILE *header, const Random *random)
{
    fputs(",\"rng_state\":\"", header);
    for (size_t i = 0; i < RANDOM_STATE_WORDS; i++) {
        fprintf(header, "%08" PRIx32, random->state[i]);
    }
    fputc('"', header);
    add_count(header, "rng_index", random->index);
    if (random->has_gauss) {
        add_real(header, "rng_gauss", random->gauss_next);
    } else {
        add_text(header, "rng_gauss", "");
    }
}

static void add_metadata(FILE *header, const Checkpoint *checkpoint)
{
    const ModelConfig *config = &checkpoint->model.config;
    const AdamConfig *adam = &checkpoint->adam.config;
    fputs(CHECKPOINT_CRC_PREFIX "00000000\"", header);
    add_text(header, "format", CHECKPOINT_FORMAT);
    add_text(header, "version", CHECKPOINT_VERSION);
    add_count(header, "n_layer", (uint64_t)config->n_layer);
    add_count(header, "n_embd", (uint64_t)config->n_embd);
    add_count(header, "n_head", (uint64_t)config->n_head);
    add_count(header, "block_size", (uint64_t)config->block_size);
    add_count(header, "vocab_size", (uint64_t)config->vocab_size);
    add_vocabulary(header, &checkpoint->tokenizer);
    add_count(header, "seed", checkpoint->seed);
    add_count(header, "step", checkpoint->step);
    add_count(header, "num_steps", checkpoint->num_steps);
    add_real(header, "learning_rate", adam->learning_rate);
    add_real(header, "beta1", adam->beta1);
    add_real(header, "beta2", adam->beta2);
    add_real(header, "eps_adam", adam->eps_adam);
    add_real(header, "init_std", checkpoint->init_std);
    fprintf(header, ",\"data_crc32\":\"%08" PRIx32 "\"", checkpoint->dataset.crc32);
    add_count(header, "data_bytes", checkpoint->dataset.n_bytes);
    add_count(header, "data_docs", checkpoint->dataset.n_docs);
    add_random(header, &checkpoint->random);
    fputc('}', header);
}

void checkpoint_tensor_name(const Matrix *matrix, TensorPart part, char *name)
{
    static const char *const prefixes[N_TENSOR_PARTS] = {"", "adam.m.", "adam.v."};
    char matrix_name[MODEL_NAME_BYTES];
    model_matrix_name(matrix, matrix_name);
    snprintf(name, CHECKPOINT_NAME_BYTES, "%s%s", prefixes[part], matrix_name);
}

// Describes the tensors one after the other, without gaps.
static void add_tensors(FILE *header, const Model *model)
{
    size_t begin = 0;
    for (int part = 0; part < N_TENSOR_PARTS; part++) {
        for (int i = 0; i < model->n_matrices; i++) {
            const Matrix *matrix = &model->matrices[i];
            char name[CHECKPOINT_NAME_BYTES];
            checkpoint_tensor_name(matrix, (TensorPart)part, name);
            size_t n_numbers = (size_t)matrix->n_out * (size_t)matrix->n_in;
            size_t end = begin + n_numbers * CHECKPOINT_NUMBER_BYTES;
            fprintf(header,
                    ",\"%s\":{\"dtype\":\"F64\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
                    name, matrix->n_out, matrix->n_in, begin, end);
            begin = end;
        }
    }
}

bool checkpoint_header_make(const Checkpoint *checkpoint, char **header, size_t *size, Error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    bool ok = file != NULL;
    if (ok) {
        add_metadata(file, checkpoint);
        add_tensors(file, &checkpoint->model);
        fputc('}', file);
        ok = fflush(file) == 0;
        for (size_t i = length; i % CHECKPOINT_NUMBER_BYTES != 0; i++) {
            fputc(' ', file); // aligns the data, for programs that map the file into memory
        }
        ok = ok && !ferror(file);
        ok = fclose(file) == 0 && ok;
    }
    if (!ok || text == NULL) {
        free(text);
        return error_out_of_memory(error, "the checkpoint's header", length);
    }
    if (length > CHECKPOINT_MAX_HEADER) {
        free(text);
        return error_set(error,
                         "the checkpoint's header would have %zu bytes; at most %d are allowed;  "
                         "use fewer layers",
                         length, CHECKPOINT_MAX_HEADER);
    }
    *header = text;
    *size = length;
    return true;
}
