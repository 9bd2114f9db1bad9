// Reads safetensors files: see tensor_file.h.
#include "compare/tensor_file.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/little_endian.h"
#include "base/memory_limit.h"

enum {
    LENGTH_BYTES = 8,             // of the header's length, which comes first
    MAX_HEADER_BYTES = 100 << 20, // what safetensors allows
    MAX_DEPTH = 3,                // of brackets: the header, a tensor, its shape
};

// The state of reading a file.
typedef struct Reader {
    TensorFile *tensors;
    size_t data_start;
    char *header;
    size_t header_size;
    Error *error;
} Reader;

static bool bad(const Reader *r, const char *what)
{
    return error_set_file(r->error, r->tensors->path, 0, "%s", what);
}

static bool bad_tensor(const Reader *r, const char *name, const char *what)
{
    return error_set_file(r->error, r->tensors->path, 0, "its tensor %.100s %s", name, what);
}

static bool read_bytes(const Reader *r, size_t offset, void *bytes, size_t size)
{
    size_t n = size;
    return in_file_read(&r->tensors->file, offset, bytes, &n, r->error) &&
           (n == size || bad(r, "was truncated while it was being read"));
}

// A parser of deep nesting needs a deep stack, and text that is made of brackets much memory.
static bool check_brackets(const Reader *r)
{
    size_t depth = 0;
    size_t n_brackets = 0;
    bool in_text = false;
    for (size_t i = 0; i < r->header_size; i++) {
        char c = r->header[i];
        if (in_text && c == '\\') {
            i++;
        } else if (c == '"') {
            in_text = !in_text;
        } else if (!in_text && (c == '{' || c == '[')) {
            depth++;
            n_brackets++;
        } else if (!in_text && (c == '}' || c == ']')) {
            depth -= depth > 0;
        }
        if (depth > MAX_DEPTH) {
            return bad(r, "is not a safetensors file: its header is nested too deep");
        }
    }
    return n_brackets <= 8 + r->header_size / 8 || bad(r, "its header has too many brackets");
}

static bool read_header(Reader *r)
{
    unsigned char length[LENGTH_BYTES];
    size_t size = r->tensors->file.size;
    if (size < sizeof length) {
        return bad(r, "is too short for a safetensors file");
    }
    if (!read_bytes(r, 0, length, sizeof length)) {
        return false;
    }
    uint64_t header_size = little_endian_get_integer(length);
    if (header_size > MAX_HEADER_BYTES || header_size > size - sizeof length) {
        return bad(r, "is truncated: it ends within its header");
    }
    r->header_size = (size_t)header_size;
    r->data_start = sizeof length + r->header_size;
    r->header = malloc(r->header_size + 1);
    if (r->header == NULL) {
        return error_out_of_memory(r->error, "the header", r->header_size);
    }
    return read_bytes(r, sizeof length, r->header, r->header_size) && check_brackets(r);
}

static bool parse_header(Reader *r)
{
    TensorFile *file = r->tensors;
    json_error_t reason;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    file->root = json_loadb(r->header, r->header_size, flags, &reason);
    if (file->root == NULL && reason.text[0] == '\0') { // all that jansson says without memory
        return error_out_of_memory(r->error, "the header", r->header_size);
    }
    if (file->root == NULL || !json_is_object(file->root)) {
        return bad(r, "is not a safetensors file: its header is not a JSON object");
    }
    file->metadata = json_object_get(file->root, "__metadata__");
    return true;
}

static size_t number_bytes(const char *dtype)
{
    if (strcmp(dtype, "F64") == 0) {
        return 8;
    }
    return strcmp(dtype, "F32") == 0 ? 4 : strcmp(dtype, "BF16") == 0 ? 2 : 0;
}

static bool take_count(const json_t *number, size_t *count)
{
    bool is_count = json_is_integer(number) && json_integer_value(number) >= 0;
    *count = is_count ? (size_t)json_integer_value(number) : 0;
    return is_count;
}

static bool take_shape(const Reader *r, const json_t *object, Tensor *tensor)
{
    const json_t *shape = json_object_get(object, "shape");
    tensor->n_dimensions = json_array_size(shape);
    if (!json_is_array(shape) || tensor->n_dimensions > TENSOR_MAX_DIMENSIONS) {
        return bad_tensor(r, tensor->name, "has no shape of at most 8 sizes");
    }
    tensor->n = 1;
    for (size_t i = 0; i < tensor->n_dimensions; i++) {
        if (!take_count(json_array_get(shape, i), &tensor->shape[i])) {
            return bad_tensor(r, tensor->name, "has a size that is not a whole number");
        }
        tensor->n = count_mul(tensor->n, tensor->shape[i]);
    }
    return true;
}

static bool read_numbers(const Reader *r, size_t offset, size_t n_each, Tensor *tensor)
{
    unsigned char bytes[LITTLE_ENDIAN_CHUNK * 8];
    for (size_t i = 0; i < tensor->n; i += LITTLE_ENDIAN_CHUNK) {
        size_t n = tensor->n - i < LITTLE_ENDIAN_CHUNK ? tensor->n - i : LITTLE_ENDIAN_CHUNK;
        if (!read_bytes(r, offset + i * n_each, bytes, n * n_each)) {
            return false;
        }
        if (n_each == 8) {
            little_endian_get(bytes, n, tensor->numbers + i);
        } else {
            little_endian_get_floats(bytes, n_each, n, tensor->numbers + i);
        }
    }
    return true;
}

static bool read_tensor(const Reader *r, const json_t *object, Tensor *tensor)
{
    size_t begin;
    size_t end;
    const json_t *offsets = json_object_get(object, "data_offsets");
    size_t n_each = number_bytes(tensor->dtype);
    size_t data_size = r->tensors->file.size - r->data_start;
    if (!take_shape(r, object, tensor)) {
        return false;
    }
    if (json_array_size(offsets) != 2 || !take_count(json_array_get(offsets, 0), &begin) ||
        !take_count(json_array_get(offsets, 1), &end) || begin > end || end > data_size) {
        return bad_tensor(r, tensor->name, "has data_offsets outside of the file");
    }
    if (end - begin != count_mul(tensor->n, n_each)) {
        return bad_tensor(r, tensor->name, "has data_offsets that do not fit its shape");
    }
    tensor->numbers = malloc(tensor->n * sizeof *tensor->numbers + 1);
    if (tensor->numbers == NULL) {
        return error_out_of_memory(r->error, "a tensor", tensor->n * sizeof *tensor->numbers);
    }
    return read_numbers(r, r->data_start + begin, n_each, tensor);
}

// Tensors may share bytes of the file, so their total size is not bounded by that of the file.
static bool check_memory(const Reader *r, size_t n_numbers)
{
    double needed;
    double limit;
    return memory_fits(count_mul(n_numbers, 4 * sizeof(double)), &needed, &limit) ||
           error_set_file(r->error, r->tensors->path, 0,
                          "needs %.3g MiB of memory, and %.3g MiB are available", needed, limit);
}

static bool read_tensors(Reader *r)
{
    TensorFile *file = r->tensors;
    const char *name;
    json_t *object;
    size_t n_numbers = 0;
    file->tensors = calloc(json_object_size(file->root) + 1, sizeof *file->tensors);
    if (file->tensors == NULL) {
        return error_out_of_memory(r->error, "the tensors",
                                   json_object_size(file->root) * sizeof *file->tensors);
    }
    json_object_foreach(file->root, name, object)
    {
        const char *dtype = json_string_value(json_object_get(object, "dtype"));
        if (object == file->metadata) {
            continue;
        }
        if (dtype == NULL) {
            return bad_tensor(r, name, "must have dtype, shape and data_offsets");
        }
        if (number_bytes(dtype) == 0) {
            file->n_others++;
            continue;
        }
        Tensor *tensor = &file->tensors[file->n_tensors];
        *tensor = (Tensor){.name = name, .dtype = dtype};
        file->n_tensors++;
        if (!read_tensor(r, object, tensor)) {
            return false;
        }
        n_numbers = count_add(n_numbers, tensor->n);
        if (!check_memory(r, n_numbers)) {
            return false;
        }
    }
    return file->n_tensors > 0 || bad(r, "has no tensor of F64, F32 or BF16");
}

bool tensor_file_read(TensorFile *file, const char *path, Error *error)
{
    assert(file != NULL && path != NULL && error != NULL);
    *file = (TensorFile){.path = path};
    Reader reader = {.tensors = file, .error = error};
    if (!in_file_open(&file->file, path, "safetensors file", error)) {
        *file = (TensorFile){0};
        return false;
    }
    bool ok = read_header(&reader) && parse_header(&reader) && read_tensors(&reader);
    free(reader.header);
    in_file_close(&file->file);
    if (!ok) {
        tensor_file_free(file);
    }
    return ok;
}

void tensor_file_free(TensorFile *file)
{
    assert(file != NULL);
    for (size_t i = 0; i < file->n_tensors; i++) {
        free(file->tensors[i].numbers);
    }
    free(file->tensors);
    json_decref(file->root);
    *file = (TensorFile){0};
}

const Tensor *tensor_file_find(const TensorFile *file, const char *name)
{
    for (size_t i = 0; i < file->n_tensors; i++) {
        if (strcmp(file->tensors[i].name, name) == 0) {
            return &file->tensors[i];
        }
    }
    return NULL;
}
