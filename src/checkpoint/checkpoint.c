// Saves a training run: see include/microgpt/checkpoint.h. checkpoint_load.c loads it.
#include "microgpt/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/atomic_file.h"
#include "base/little_endian.h"
#include "checkpoint/checkpoint_format.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint/safetensors.h"

DatasetDigest checkpoint_digest(const Dataset *dataset)
{
    assert(dataset != NULL);
    uLong crc = crc32(0, NULL, 0);
    size_t n_bytes = 0;
    for (size_t doc_id = 0; doc_id < dataset->n_docs; doc_id++) {
        Document doc = dataset->docs[doc_id];
        crc = crc32_z(crc, (const unsigned char *)doc.text, doc.size);
        crc = crc32_z(crc, (const unsigned char *)"\n", 1);
        n_bytes += doc.size + 1;
    }
    return (DatasetDigest){(uint32_t)crc, n_bytes, dataset->n_docs};
}

// A run that has diverged must not replace a good checkpoint.
static bool check_finite(const Checkpoint *checkpoint, Error *error)
{
    const double *parts[N_TENSOR_PARTS] = {checkpoint->model.data, checkpoint->adam.m,
                                           checkpoint->adam.v};
    for (int part = 0; part < N_TENSOR_PARTS; part++) {
        for (size_t i = 0; i < checkpoint->model.n_params; i++) {
            if (!isfinite(parts[part][i])) {
                char name[MODEL_NAME_BYTES];
                model_param_name(&checkpoint->model, i, name);
                return error_set(error,
                                 "not saved: %s%s is not finite; try a smaller learning_rate",
                                 part == PART_PARAMS ? "parameter " : "Adam's moment of ", name);
            }
        }
    }
    return true;
}

// Where to write the bytes, and the CRC of the bytes so far.
typedef struct Output {
    CheckpointSink *write; // NULL: only compute the CRC
    void *sink;
    uLong crc;
} Output;

static bool write_bytes(Output *output, const void *bytes, size_t size, Error *error)
{
    output->crc = crc32_z(output->crc, bytes, size);
    return output->write == NULL || output->write(output->sink, bytes, size, error);
}

static bool write_numbers(Output *output, const double *numbers, size_t n, Error *error)
{
    unsigned char bytes[LITTLE_ENDIAN_CHUNK * CHECKPOINT_NUMBER_BYTES];
    for (size_t i = 0; i < n; i += LITTLE_ENDIAN_CHUNK) {
        size_t n_chunk = n - i < LITTLE_ENDIAN_CHUNK ? n - i : LITTLE_ENDIAN_CHUNK;
        little_endian_put(numbers + i, n_chunk, bytes);
        if (!write_bytes(output, bytes, n_chunk * CHECKPOINT_NUMBER_BYTES, error)) {
            return false;
        }
    }
    return true;
}

static bool write_all(Output *output, const Checkpoint *checkpoint, const char *header,
                      size_t header_size, Error *error)
{
    unsigned char length[SAFETENSORS_LENGTH_BYTES];
    little_endian_put_integer(header_size, length);
    size_t n_params = checkpoint->model.n_params;
    return write_bytes(output, length, sizeof length, error) &&
           write_bytes(output, header, header_size, error) &&
           write_numbers(output, checkpoint->model.data, n_params, error) &&
           write_numbers(output, checkpoint->adam.m, n_params, error) &&
           write_numbers(output, checkpoint->adam.v, n_params, error);
}

// The CRC is computed over the file with zeros in place of the CRC. It is near the beginning of the
// file, and a stream cannot seek back, so everything is serialized twice.
static void put_crc(const Checkpoint *checkpoint, char *header, size_t header_size)
{
    char digits[CHECKPOINT_CRC_DIGITS + 1];
    Output nowhere = {.crc = crc32(0, NULL, 0)};
    Error ignored;
    write_all(&nowhere, checkpoint, header, header_size, &ignored);
    snprintf(digits, sizeof digits, "%08" PRIx32, (uint32_t)nowhere.crc);
    memcpy(header + strlen(CHECKPOINT_CRC_PREFIX), digits, CHECKPOINT_CRC_DIGITS);
}

// Makes the header. Everything that can fail before the first byte is written fails here.
static bool prepare(const Checkpoint *checkpoint, const char *name, char **header,
                    size_t *header_size, Error *error)
{
    assert(checkpoint != NULL && name != NULL && error != NULL);
    assert(checkpoint->adam.n_params == checkpoint->model.n_params);
    assert(checkpoint->tokenizer.vocab_size == checkpoint->model.config.vocab_size);
    Error reason;
    bool ok = check_finite(checkpoint, &reason) &&
              checkpoint_header_make(checkpoint, header, header_size, &reason);
    if (!ok) {
        error_set_file(error, name, 0, "%s", reason.message);
    }
    return ok;
}

bool checkpoint_check_contents(const Checkpoint *checkpoint, const char *name, Error *error)
{
    char *header = NULL;
    size_t header_size = 0;
    bool ok = prepare(checkpoint, name, &header, &header_size, error);
    free(header);
    return ok;
}

bool checkpoint_write(const Checkpoint *checkpoint, const char *name, CheckpointSink *write,
                      void *sink, Error *error)
{
    char *header = NULL;
    size_t header_size = 0;
    if (!prepare(checkpoint, name, &header, &header_size, error)) {
        return false;
    }
    put_crc(checkpoint, header, header_size);
    Output output = {.write = write, .sink = sink, .crc = crc32(0, NULL, 0)};
    bool ok = write_all(&output, checkpoint, header, header_size, error);
    free(header);
    return ok;
}

bool checkpoint_check(const Checkpoint *checkpoint, const char *path, Error *error)
{
    AtomicFile file;
    if (!checkpoint_check_contents(checkpoint, path, error) ||
        !atomic_file_begin(&file, path, error)) {
        return false;
    }
    atomic_file_discard(&file);
    return true;
}

static bool write_to_file(void *file, const void *bytes, size_t size, Error *error)
{
    return atomic_file_write(file, bytes, size, error);
}

bool checkpoint_save(const Checkpoint *checkpoint, const char *path, Error *error)
{
    AtomicFile file;
    if (!atomic_file_begin(&file, path, error)) {
        return false;
    }
    if (!checkpoint_write(checkpoint, path, write_to_file, &file, error)) {
        atomic_file_discard(&file);
        return false;
    }
    return atomic_file_commit(&file, error);
}

void checkpoint_free(Checkpoint *checkpoint)
{
    assert(checkpoint != NULL);
    model_free(&checkpoint->model);
    tokenizer_free(&checkpoint->tokenizer);
    adam_free(&checkpoint->adam);
    *checkpoint = (Checkpoint){0};
}
