// Reads safetensors files: see safetensors.h.
#include "checkpoint/safetensors.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/count.h"
#include "base/little_endian.h"
#include "base/memory_limit.h"

bool safetensors_fail(const Safetensors *source, const char *what)
{
    return error_set_file(source->error, source->file.name, 0, "%s", what);
}

bool safetensors_fail_tensor(const Safetensors *source, const char *name, const char *what)
{
    return error_set_file(source->error, source->file.name, 0, "its tensor %.100s %s", name, what);
}

// Reads bytes; it is an error if the file has fewer.
static bool read_bytes(const Safetensors *source, size_t offset, void *bytes, size_t size)
{
    size_t n = size;
    return in_file_read(&source->file, offset, bytes, &n, source->error) &&
           (n == size || safetensors_fail(source, "was truncated while it was being read"));
}

// ---- the header ----

// Returns the index after the string that begins at i.
static size_t skip_string(const char *header, size_t size, size_t i)
{
    i++;
    while (i < size && header[i] != '"') {
        i += header[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static bool is_minus_zero(const char *header, size_t size, size_t i)
{
    bool has_zero = i + 1 < size && header[i] == '-' && header[i + 1] == '0';
    return has_zero && (i + 2 == size || header[i + 2] < '0' || header[i + 2] > '9');
}

// Checks a header before it is parsed, as a parser takes memory and stack in proportion to its
// input. Returns what is wrong with it, or NULL.
static const char *scan(const char *header, size_t size)
{
    size_t n_opened = 0;
    size_t depth = 0;
    size_t deepest = 0;
    for (size_t i = 0; i < size; i++) {
        if (header[i] == '"') {
            i = skip_string(header, size, i) - 1;
        } else if (header[i] == '{' || header[i] == '[') {
            n_opened++;
            depth++;
        } else if ((header[i] == '}' || header[i] == ']') && depth > 0) {
            depth--;
        } else if (is_minus_zero(header, size, i)) {
            return "its header has the number -0, which is not a size or an offset";
        }
        deepest = depth > deepest ? depth : deepest;
    }
    // Every tensor has three brackets and far more than 24 bytes. A header that consists only of
    // brackets would take a hundred times its size in memory when it is parsed.
    if (n_opened > 8 + size / 8) {
        return "its header has too many brackets";
    }
    return deepest <= SAFETENSORS_MAX_DEPTH
               ? NULL
               : "its header is not JSON of tensors: it is nested deeper than 8 levels";
}

static bool read_header(Safetensors *source, const char *kind, size_t max_header)
{
    const char *name = source->file.name;
    unsigned char length[SAFETENSORS_LENGTH_BYTES];
    if (source->file.size < sizeof length) {
        return error_set_file(source->error, name, 0, "is too short for a %s", kind);
    }
    if (!read_bytes(source, 0, length, sizeof length)) {
        return false;
    }
    uint64_t header_size = little_endian_get_integer(length);
    if (header_size > max_header) {
        return error_set_file(source->error, name, 0,
                              "is not a %s, or its header is too long: %" PRIu64
                              " bytes, at most %zu are allowed",
                              kind, header_size, max_header);
    }
    if (header_size > source->file.size - sizeof length) {
        return safetensors_fail(source, "is truncated: it ends within its header");
    }
    source->header_size = (size_t)header_size;
    source->header = malloc(source->header_size + 1); // + 1: malloc(0) may return NULL
    if (source->header == NULL) {
        return error_out_of_memory(source->error, "the header", source->header_size);
    }
    if (!read_bytes(source, sizeof length, source->header, source->header_size)) {
        return false;
    }
    if (source->header_size == 0 || source->header[0] != '{') {
        return error_set_file(source->error, name, 0, "is not a %s: its header is not JSON", kind);
    }
    const char *what = scan(source->header, source->header_size);
    return what == NULL || safetensors_fail(source, what);
}

static bool parse_header(Safetensors *source)
{
    json_error_t reason;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL; // the alphabet may contain a NUL
    source->root = json_loadb(source->header, source->header_size, flags, &reason);
    if (source->root != NULL) {
        source->metadata = json_object_get(source->root, "__metadata__");
        return source->metadata == NULL || json_is_object(source->metadata) ||
               safetensors_fail(source, "its __metadata__ is not an object");
    }
    // If memory runs out, jansson's message is empty. Its other messages quote the file, which may
    // contain anything, so they are not printed.
    if (reason.text[0] == '\0') {
        return error_out_of_memory(source->error, "the header", source->header_size);
    }
    if (json_error_code(&reason) == json_error_duplicate_key) {
        return safetensors_fail(source, "its header has a duplicate key");
    }
    return error_set_file(source->error, source->file.name, 0,
                          "its header is not JSON (at byte %d)", reason.position);
}

bool safetensors_open(Safetensors *source, const char *path, const char *kind, size_t max_header,
                      Error *error)
{
    assert(source != NULL && path != NULL && kind != NULL && error != NULL);
    *source = (Safetensors){.error = error};
    if (!in_file_open(&source->file, path, kind, error)) {
        return false;
    }
    if (!read_header(source, kind, max_header) || !parse_header(source)) {
        safetensors_close(source);
        return false;
    }
    return true;
}

void safetensors_close(Safetensors *source)
{
    if (source->file.name != NULL) {
        in_file_close(&source->file);
    }
    free(source->header);
    json_decref(source->root);
    *source = (Safetensors){0};
}

// ---- a tensor ----

// Reads a count, which is a whole number and not negative.
static bool read_count(const json_t *number, size_t *count)
{
    bool is_count = json_is_integer(number) && json_integer_value(number) >= 0;
    *count = is_count ? (size_t)json_integer_value(number) : 0;
    return is_count;
}

size_t safetensors_number_bytes(const json_t *object)
{
    static const struct {
        const char *dtype;
        size_t n_bytes;
    } types[] = {{"F64", 8}, {"F32", 4}, {"BF16", 2}};
    const json_t *dtype = json_object_get(object, "dtype");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t length = strlen(types[i].dtype); // compared, as a string may contain a NUL
        if (json_string_length(dtype) == length &&
            memcmp(json_string_value(dtype), types[i].dtype, length) == 0) {
            return types[i].n_bytes;
        }
    }
    return 0;
}

static void read_shape(const json_t *shape, Tensor *tensor)
{
    size_t n = json_array_size(shape);
    bool ok = json_is_array(shape) && n <= TENSOR_MAX_DIMENSIONS;
    tensor->n = 1;
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_count(json_array_get(shape, i), &tensor->shape[i]);
        tensor->n = count_mul(tensor->n, tensor->shape[i]);
    }
    tensor->n_dimensions = ok ? n : SIZE_MAX;
}

bool safetensors_describe(const Safetensors *source, const char *name, const json_t *object,
                          Tensor *tensor)
{
    *tensor = (Tensor){
        .name = name,
        .dtype = json_string_value(json_object_get(object, "dtype")),
        .number_bytes = safetensors_number_bytes(object),
    };
    if (tensor->dtype == NULL || json_object_size(object) != 3) {
        return safetensors_fail_tensor(source, name, "must have dtype, shape and data_offsets");
    }
    read_shape(json_object_get(object, "shape"), tensor);
    return true;
}

bool safetensors_find(const Safetensors *source, const json_t *object, const Tensor *tensor,
                      size_t *begin)
{
    const json_t *offsets = json_object_get(object, "data_offsets");
    size_t data_size = source->file.size - SAFETENSORS_LENGTH_BYTES - source->header_size;
    size_t end;
    if (json_array_size(offsets) != 2 || !read_count(json_array_get(offsets, 0), begin) ||
        !read_count(json_array_get(offsets, 1), &end) || *begin > end || end > data_size) {
        return safetensors_fail_tensor(source, tensor->name,
                                       "has data_offsets outside of the file");
    }
    return end - *begin == count_mul(tensor->n, tensor->number_bytes) ||
           safetensors_fail_tensor(source, tensor->name,
                                   "has data_offsets that do not fit its shape");
}

bool safetensors_read(const Safetensors *source, size_t begin, size_t number_bytes, size_t n,
                      double *numbers, unsigned long *crc)
{
    unsigned char bytes[LITTLE_ENDIAN_CHUNK * sizeof *numbers];
    size_t offset = SAFETENSORS_LENGTH_BYTES + source->header_size + begin;
    for (size_t i = 0; i < n; i += LITTLE_ENDIAN_CHUNK) {
        size_t n_chunk = n - i < LITTLE_ENDIAN_CHUNK ? n - i : LITTLE_ENDIAN_CHUNK;
        if (!read_bytes(source, offset + i * number_bytes, bytes, n_chunk * number_bytes)) {
            return false;
        }
        if (crc != NULL) {
            *crc = crc32_z(*crc, bytes, n_chunk * number_bytes);
        }
        if (number_bytes == 8) {
            little_endian_get(bytes, n_chunk, numbers + i);
        } else {
            little_endian_get_floats(bytes, number_bytes, n_chunk, numbers + i);
        }
    }
    return true;
}

bool safetensors_check_memory(const Safetensors *source, size_t n)
{
    return memory_check_file(source->file.name, 0, count_mul(n, 4 * sizeof(double)), source->error);
}
