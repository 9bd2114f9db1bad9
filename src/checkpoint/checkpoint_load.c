// Loads a checkpoint, which may be damaged or hostile: see include/microgpt/checkpoint.h.
//
// The header determines the size of the file. Memory for the numbers is allocated only if the file
// has this size, and a file with a number that is not finite is rejected.
#include "microgpt/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/count.h"
#include "base/little_endian.h"
#include "checkpoint/checkpoint_format.h"
#include "checkpoint/checkpoint_metadata.h"
#include "checkpoint/safetensors.h"

// A tensor's offsets, in bytes from the end of the header, and how many bytes a number has.
typedef struct Range {
    size_t begin;
    size_t end;
    size_t number_bytes;
} Range;

// The state of reading a file.
typedef struct Source {
    const char *path; // for errors
    Safetensors file;
    Metadata metadata;
    bool is_ours;     // written by checkpoint_save(), or another program's copy of such a file
    bool begins_so;   // begins with the CRC, as checkpoint_save() writes files
    bool in_order;    // the tensors are in the order of checkpoint_save()
    int n_parts;      // tensors per matrix: the parameters, and Adam's moments if is_ours
    Matrix *matrices; // [n_matrices] that the header must describe
    int n_matrices;
    Range *ranges; // [n_parts * n_matrices], part by part
    uLong crc;     // of the bytes read so far
    Error *error;
} Source;

#define BAD_BEGINNING                                                                              \
    "its metadata must begin with crc32 and name the format, " CHECKPOINT_FORMAT                   \
    "; in another program's file it has neither"

static bool bad(const Source *source, const char *what)
{
    return safetensors_fail(&source->file, what);
}

// Returns whether the string equals the text. Compares the lengths as well, because a string may
// contain a NUL.
static bool is_text(const json_t *value, const char *text)
{
    size_t size = strlen(text);
    return json_is_string(value) && json_string_length(value) == size &&
           memcmp(json_string_value(value), text, size) == 0;
}

// Finds out whether the metadata are those of checkpoint_save().
static bool find_format(Source *source)
{
    size_t prefix_size = strlen(CHECKPOINT_CRC_PREFIX);
    bool has_crc = source->file.header_size > prefix_size + CHECKPOINT_CRC_DIGITS &&
                   memcmp(source->file.header, CHECKPOINT_CRC_PREFIX, prefix_size) == 0;
    const json_t *object = source->file.metadata;
    source->metadata = (Metadata){source->path, object, source->error};
    bool has_format = is_text(json_object_get(object, "format"), CHECKPOINT_FORMAT);
    bool has_version = is_text(json_object_get(object, "version"), CHECKPOINT_VERSION);
    source->is_ours = has_format;
    source->begins_so = has_crc;
    source->n_parts = source->is_ours ? N_TENSOR_PARTS : 1;
    if (has_crc && !has_format) {
        return bad(source, BAD_BEGINNING);
    }
    if (source->is_ours && !has_version) {
        return bad(source, "has another version than " CHECKPOINT_VERSION
                           ", the only one that is supported");
    }
    return true;
}

// ---- what the header describes ----

// Finds a tensor, with a shape of two sizes. A file of this program must have doubles,
// because a resumed run needs all of their bits.
static bool find_tensor(const Source *source, const char *name, const json_t **object,
                        Tensor *tensor)
{
    *object = json_object_get(source->file.root, name);
    if (*object == NULL) {
        return safetensors_fail_tensor(&source->file, name, "is missing");
    }
    if (!safetensors_describe(&source->file, name, *object, tensor)) {
        return false;
    }
    if (source->is_ours && tensor->number_bytes != CHECKPOINT_NUMBER_BYTES) {
        return safetensors_fail_tensor(&source->file, name,
                                       "is not of dtype F64; save it in double precision");
    }
    if (tensor->number_bytes == 0) {
        return safetensors_fail_tensor(&source->file, name, "is not of dtype F64, F32 or BF16");
    }
    return tensor->n_dimensions == 2 ||
           safetensors_fail_tensor(&source->file, name, "must have a shape of two sizes");
}

// Reads a size of the model from a tensor's shape.
static bool read_shape_size(const Source *source, const char *name, int dimension, int max,
                            int *size)
{
    const json_t *object;
    Tensor tensor;
    if (!find_tensor(source, name, &object, &tensor)) {
        return false;
    }
    if (tensor.shape[dimension] == 0 || tensor.shape[dimension] > (size_t)max) {
        return safetensors_fail_tensor(&source->file, name,
                                       "has a shape that is not one of a model");
    }
    *size = (int)tensor.shape[dimension];
    return true;
}

static int count_layers(const Source *source)
{
    Matrix matrix = {.kind = MATRIX_ATTN_WQ, .layer = 0};
    char name[CHECKPOINT_NAME_BYTES];
    for (;;) {
        checkpoint_tensor_name(&matrix, PART_PARAMS, name);
        if (matrix.layer == MODEL_MAX_SIZE || json_object_get(source->file.root, name) == NULL) {
            return matrix.layer;
        }
        matrix.layer++;
    }
}

// A file of another program tells all sizes of the model by its shapes, except n_head.
static bool read_shapes(const Source *source, ModelConfig *config)
{
    config->n_layer = count_layers(source);
    return read_shape_size(source, "wte", 0, CHECKPOINT_MAX_UCHARS + 1, &config->vocab_size) &&
           read_shape_size(source, "wte", 1, MODEL_MAX_SIZE, &config->n_embd) &&
           read_shape_size(source, "wpe", 0, MODEL_MAX_SIZE, &config->block_size);
}

static bool read_sizes(const Source *source, ModelConfig *config)
{
    const Metadata *metadata = &source->metadata;
    return metadata_size(metadata, "n_layer", MODEL_MAX_SIZE, &config->n_layer) &&
           metadata_size(metadata, "n_embd", MODEL_MAX_SIZE, &config->n_embd) &&
           metadata_size(metadata, "block_size", MODEL_MAX_SIZE, &config->block_size) &&
           metadata_size(metadata, "vocab_size", CHECKPOINT_MAX_UCHARS + 1, &config->vocab_size);
}

static bool read_n_head(const Source *source, int known, ModelConfig *config)
{
    if (!source->is_ours && !metadata_has(&source->metadata, "n_head")) {
        config->n_head = known;
        return known > 0 || bad(source, "does not contain the number of heads; add n_head");
    }
    return metadata_size(&source->metadata, "n_head", MODEL_MAX_SIZE, &config->n_head);
}

static bool read_config(const Source *source, int n_head, ModelConfig *config)
{
    *config = (ModelConfig){0};
    bool ok = source->is_ours ? read_sizes(source, config) : read_shapes(source, config);
    if (!ok || !read_n_head(source, n_head, config)) {
        return false;
    }
    size_t n_params;
    Error reason;
    if (config->vocab_size < 2) {
        return bad(source, "has no alphabet: its vocab_size must be at least 2");
    }
    if (!model_count_params(config, &n_params, &reason)) {
        return bad(source, reason.message);
    }
    if (n_head > 0 && n_head != config->n_head) {
        return error_set_file(source->error, source->path, 0,
                              "was trained with %d heads, not %d; use n_head %d, or omit it",
                              config->n_head, n_head, config->n_head);
    }
    return true;
}

// Makes the default alphabet, for a file that has a vocabulary of this size and does not name its
// characters.
static bool make_letters(Tokenizer *tokenizer, Error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz\n";
    Dataset dataset;
    if (!dataset_parse(&dataset, "letters", letters, sizeof letters - 1, error)) {
        return false;
    }
    bool ok = tokenizer_init(tokenizer, &dataset, error);
    dataset_free(&dataset);
    return ok;
}

static bool read_tokenizer(const Source *source, int vocab_size, Tokenizer *tokenizer)
{
    if (source->is_ours || metadata_has(&source->metadata, "vocabulary")) {
        if (!metadata_tokenizer(&source->metadata, tokenizer)) {
            return false;
        }
    } else if (!make_letters(tokenizer, source->error)) {
        return false;
    }
    if (tokenizer->vocab_size != vocab_size) {
        return error_set_file(
            source->error, source->path, 0,
            "its vocabulary has %d characters, its matrices %d; add or correct the "
            "metadata vocabulary",
            tokenizer->n_uchars, vocab_size - 1);
    }
    return true;
}

// ---- where the tensors are ----

// Returns how many tensors the header describes. They must be the matrices and nothing else, so
// that their sizes add up to the size of the file.
static size_t count_tensors(const Source *source)
{
    return json_object_size(source->file.root) - (source->metadata.object != NULL);
}

// Reports that there are fewer tensors than a model of these sizes has.
static bool check_tensor_count(const Source *source)
{
    size_t n_found = count_tensors(source);
    size_t n_expected = (size_t)source->n_parts * (size_t)source->n_matrices;
    return n_found >= n_expected ||
           error_set_file(source->error, source->path, 0,
                          "has %zu tensors; a model of its sizes has %zu", n_found, n_expected);
}

// Returns the name of a tensor that is not one of the matrices. It is in *rest, which the caller
// frees.
static const char *find_unexpected(const Source *source, json_t **rest)
{
    *rest = json_copy(source->file.root);
    json_object_del(*rest, "__metadata__");
    for (int part = 0; part < source->n_parts; part++) {
        for (int i = 0; i < source->n_matrices; i++) {
            char name[CHECKPOINT_NAME_BYTES];
            checkpoint_tensor_name(&source->matrices[i], (TensorPart)part, name);
            json_object_del(*rest, name);
        }
    }
    return json_object_iter_key(json_object_iter(*rest));
}

static bool check_no_more_tensors(const Source *source)
{
    size_t n_found = count_tensors(source);
    size_t n_expected = (size_t)source->n_parts * (size_t)source->n_matrices;
    if (n_found == n_expected) {
        return true;
    }
    json_t *rest;
    const char *name = find_unexpected(source, &rest);
    bool ok = rest == NULL
                  ? error_out_of_memory(source->error, "the header", source->file.header_size)
                  : error_set_file(source->error, source->path, 0,
                                   "has %zu tensors; a model of its sizes has %zu, and no %.100s",
                                   n_found, n_expected, name);
    json_decref(rest);
    return ok;
}

static bool read_range(Source *source, const Matrix *matrix, TensorPart part, Range *range)
{
    char name[CHECKPOINT_NAME_BYTES];
    const json_t *object;
    Tensor tensor;
    size_t begin;
    checkpoint_tensor_name(matrix, part, name);
    if (!find_tensor(source, name, &object, &tensor)) {
        return false;
    }
    if (tensor.shape[0] != (size_t)matrix->n_out || tensor.shape[1] != (size_t)matrix->n_in) {
        return error_set_file(source->error, source->path, 0,
                              "its tensor %s must be of shape [%d,%d]", name, matrix->n_out,
                              matrix->n_in);
    }
    if (!safetensors_find(&source->file, object, &tensor, &begin)) {
        return false;
    }
    *range = (Range){begin, begin + tensor.n * tensor.number_bytes, tensor.number_bytes};
    return true;
}

static int compare_ranges(const void *a, const void *b)
{
    size_t begin_a = ((const Range *)a)->begin;
    size_t begin_b = ((const Range *)b)->begin;
    return (begin_a > begin_b) - (begin_a < begin_b);
}

static bool is_in_order(const Range *ranges, size_t n_ranges)
{
    for (size_t i = 1; i < n_ranges; i++) {
        if (ranges[i].begin < ranges[i - 1].begin) {
            return false;
        }
    }
    return true;
}

// Checks that the tensors follow each other from the first byte on, in any order, without gaps or
// overlaps. If they are in the order of checkpoint_save(), the file must also begin as that
// function writes it, so that no damage can turn it into a file whose CRC is not checked. If
// another program has loaded and saved the file, the order is different, and the CRC is no longer
// valid.
static bool check_contiguous(Source *source)
{
    size_t n_ranges = (size_t)source->n_parts * (size_t)source->n_matrices;
    Range *sorted = calloc(n_ranges, sizeof *sorted);
    if (sorted == NULL) {
        return error_out_of_memory(source->error, "the header", n_ranges * sizeof *sorted);
    }
    memcpy(sorted, source->ranges, n_ranges * sizeof *sorted);
    source->in_order = is_in_order(sorted, n_ranges);
    if (!source->in_order) {
        qsort(sorted, n_ranges, sizeof *sorted, compare_ranges);
    }
    size_t end = 0;
    bool ok =
        !source->is_ours || !source->in_order || source->begins_so || bad(source, BAD_BEGINNING);
    for (size_t i = 0; ok && i < n_ranges; i++) {
        ok = sorted[i].begin == end ||
             bad(source, sorted[i].begin > end ? "its tensors have a gap between them"
                                               : "its tensors overlap");
        end = sorted[i].end;
    }
    free(sorted);
    return ok;
}

static bool read_ranges(Source *source)
{
    size_t n_matrices = (size_t)source->n_matrices;
    source->ranges = calloc((size_t)source->n_parts * n_matrices, sizeof *source->ranges);
    if (source->ranges == NULL) {
        return error_out_of_memory(source->error, "the header",
                                   n_matrices * N_TENSOR_PARTS * sizeof *source->ranges);
    }
    for (int part = 0; part < source->n_parts; part++) {
        for (size_t i = 0; i < n_matrices; i++) {
            Range *range = &source->ranges[(size_t)part * n_matrices + i];
            if (!read_range(source, &source->matrices[i], (TensorPart)part, range)) {
                return false;
            }
        }
    }
    return check_contiguous(source);
}

// Returns how many bytes the numbers have, by their types in the header. A sum that overflows is
// SIZE_MAX, and no file has that size.
static size_t count_data_bytes(const Source *source, size_t n_params)
{
    if (source->is_ours) {
        return count_mul(n_params, N_TENSOR_PARTS * CHECKPOINT_NUMBER_BYTES);
    }
    size_t n_bytes = 0;
    for (int i = 0; i < source->n_matrices; i++) {
        const Matrix *matrix = &source->matrices[i];
        char name[CHECKPOINT_NAME_BYTES];
        checkpoint_tensor_name(matrix, PART_PARAMS, name);
        const json_t *object = json_object_get(source->file.root, name);
        size_t n_each = safetensors_number_bytes(object); // if it is 0, find_tensor() reports it
        size_t n_numbers = count_mul((size_t)matrix->n_out, (size_t)matrix->n_in);
        n_bytes = count_add(n_bytes, count_mul(n_numbers, n_each));
    }
    return n_bytes;
}

// Checks the size of the file, which follows from the model's sizes.
static bool check_file_size(const Source *source, const ModelConfig *config)
{
    size_t n_params = SIZE_MAX;
    Error ignored; // read_config() has checked the sizes
    model_count_params(config, &n_params, &ignored);
    size_t data_size = count_data_bytes(source, n_params);
    size_t expected = count_add(SAFETENSORS_LENGTH_BYTES + source->file.header_size, data_size);
    size_t size = source->file.file.size;
    if (size < expected) {
        return error_set_file(source->error, source->path, 0,
                              "is truncated: it has %zu of %zu bytes", size, expected);
    }
    if (size > expected) {
        return error_set_file(source->error, source->path, 0, "has %zu bytes after its end",
                              size - expected);
    }
    return safetensors_check_memory(&source->file, n_params);
}

static bool read_layout(Source *source, const ModelConfig *config)
{
    source->n_matrices = model_count_matrices(config);
    // This limits the number of matrices by the header's length, before memory is allocated.
    if (!check_tensor_count(source)) {
        return false;
    }
    source->matrices = calloc((size_t)source->n_matrices, sizeof *source->matrices);
    if (source->matrices == NULL) {
        return error_out_of_memory(source->error, "the header",
                                   (size_t)source->n_matrices * sizeof *source->matrices);
    }
    model_lay_out(config, source->matrices);
    return check_no_more_tensors(source) && check_file_size(source, config) && read_ranges(source);
}

// ---- the numbers ----

// Computes the CRC of all bytes before the numbers, with zeros in place of the CRC. Overwrites the
// header, which has already been parsed.
static void begin_crc(Source *source)
{
    unsigned char length[SAFETENSORS_LENGTH_BYTES];
    little_endian_put_integer(source->file.header_size, length);
    memset(source->file.header + strlen(CHECKPOINT_CRC_PREFIX), '0', CHECKPOINT_CRC_DIGITS);
    source->crc = crc32(0, NULL, 0);
    source->crc = crc32_z(source->crc, length, sizeof length);
    source->crc =
        crc32_z(source->crc, (unsigned char *)source->file.header, source->file.header_size);
}

static bool check_numbers(const Source *source, const Matrix *matrix, TensorPart part,
                          const double *numbers)
{
    char name[CHECKPOINT_NAME_BYTES];
    size_t n = (size_t)matrix->n_out * (size_t)matrix->n_in;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i])) {
            checkpoint_tensor_name(matrix, part, name);
            return safetensors_fail_tensor(&source->file, name, "has a number that is not finite");
        }
        if (part == PART_V && numbers[i] < 0) {
            checkpoint_tensor_name(matrix, part, name);
            return safetensors_fail_tensor(
                &source->file, name, "has a negative number, but its numbers are means of squares");
        }
    }
    return true;
}

static bool check_all_numbers(const Source *source, double *const *parts)
{
    for (int part = 0; part < source->n_parts; part++) {
        for (int i = 0; i < source->n_matrices; i++) {
            const Matrix *matrix = &source->matrices[i];
            const double *numbers = parts[part] + matrix->first_param;
            if (!check_numbers(source, matrix, (TensorPart)part, numbers)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_crc(const Source *source)
{
    uint32_t expected;
    if (!metadata_crc32(&source->metadata, "crc32", &expected)) {
        return false;
    }
    if ((uint32_t)source->crc != expected) {
        return error_set_file(source->error, source->path, 0,
                              "is damaged: its CRC-32 is %08" PRIx32 ", not %08" PRIx32,
                              (uint32_t)source->crc, expected);
    }
    return true;
}

// Checks the CRC before the numbers, so that damage is reported as such.
static bool read_data(Source *source, double *const *parts)
{
    bool has_crc = source->is_ours && source->in_order;
    if (has_crc) {
        begin_crc(source);
    }
    for (int part = 0; part < source->n_parts; part++) {
        for (int i = 0; i < source->n_matrices; i++) {
            const Matrix *matrix = &source->matrices[i];
            const Range *range = &source->ranges[part * source->n_matrices + i];
            double *numbers = parts[part] + matrix->first_param;
            size_t n = (range->end - range->begin) / range->number_bytes;
            if (!safetensors_read(&source->file, range->begin, range->number_bytes, n, numbers,
                                  &source->crc)) {
                return false;
            }
        }
    }
    return (!has_crc || check_crc(source)) && check_all_numbers(source, parts);
}

static bool read_checkpoint(Source *source, int n_head, Checkpoint *checkpoint)
{
    ModelConfig config;
    Model *model = &checkpoint->model;
    Adam *adam = &checkpoint->adam;
    if (!find_format(source) || !read_config(source, n_head, &config) ||
        !read_layout(source, &config) ||
        !read_tokenizer(source, config.vocab_size, &checkpoint->tokenizer) ||
        !model_init(model, &config, source->error)) {
        return false;
    }
    checkpoint->can_resume = source->is_ours;
    if (source->is_ours) {
        // The settings of Adam are checked here: adam_init() only asserts them.
        if (!metadata_training(&source->metadata, checkpoint)) {
            return false;
        }
        AdamConfig adam_config = adam->config;
        if (!adam_init(adam, &adam_config, model->n_params, source->error)) {
            return false;
        }
    }
    return read_data(source, (double *const[N_TENSOR_PARTS]){model->data, adam->m, adam->v});
}

static void close_source(Source *source)
{
    safetensors_close(&source->file);
    free(source->matrices);
    free(source->ranges);
}

bool checkpoint_load(Checkpoint *checkpoint, const char *path, int n_head, Error *error)
{
    assert(checkpoint != NULL && path != NULL && n_head >= 0 && error != NULL);
    Source source = {.error = error};
    if (!safetensors_open(&source.file, path, "checkpoint", CHECKPOINT_MAX_HEADER, error)) {
        return false;
    }
    source.path = source.file.file.name;
    Checkpoint loaded = {0};
    bool ok = read_checkpoint(&source, n_head, &loaded);
    close_source(&source);
    if (!ok) {
        checkpoint_free(&loaded);
        return false;
    }
    *checkpoint = loaded;
    return true;
}
