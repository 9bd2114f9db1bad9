// Reads safetensors files: see tensor_file.h.
#include "compare/tensor_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"

static bool read_tensor(const TensorFile *file, const json_t *object, Tensor *tensor)
{
    size_t begin;
    const Safetensors *source = &file->source;
    if (tensor->n_dimensions > TENSOR_MAX_DIMENSIONS) {
        return safetensors_fail_tensor(source, tensor->name, "has no shape of at most 8 sizes");
    }
    if (!safetensors_find(source, object, tensor, &begin)) {
        return false;
    }
    tensor->numbers = malloc(tensor->n * sizeof *tensor->numbers + 1);
    if (tensor->numbers == NULL) {
        return error_out_of_memory(source->error, "a tensor", tensor->n * sizeof *tensor->numbers);
    }
    return safetensors_read(source, begin, tensor->number_bytes, tensor->n, tensor->numbers, NULL);
}

static bool read_tensors(TensorFile *file)
{
    const Safetensors *source = &file->source;
    const char *name;
    json_t *object;
    size_t n_numbers = 0;
    size_t n_objects = json_object_size(source->root);
    file->tensors = calloc(n_objects + 1, sizeof *file->tensors);
    if (file->tensors == NULL) {
        return error_out_of_memory(source->error, "the tensors", n_objects * sizeof *file->tensors);
    }
    json_object_foreach(source->root, name, object)
    {
        Tensor *tensor = &file->tensors[file->n_tensors];
        if (object == source->metadata) {
            continue;
        }
        if (!safetensors_describe(source, name, object, tensor)) {
            return false;
        }
        if (tensor->number_bytes == 0) {
            file->n_others++;
            continue;
        }
        file->n_tensors++;
        // Tensors may share bytes of the file, so its size does not limit their total size.
        n_numbers = count_add(n_numbers, tensor->n);
        if (!read_tensor(file, object, tensor) || !safetensors_check_memory(source, n_numbers)) {
            return false;
        }
    }
    return file->n_tensors > 0 || safetensors_fail(source, "has no tensor of F64, F32 or BF16");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const Tensor *const *)a)->name, (*(const Tensor *const *)b)->name);
}

static bool sort_by_name(TensorFile *file)
{
    assert(file->n_tensors > 0);
    size_t size = file->n_tensors * sizeof(const Tensor *);
    file->by_name = malloc(size);
    if (file->by_name == NULL) {
        return error_out_of_memory(file->source.error, "the tensors", size);
    }
    for (size_t i = 0; i < file->n_tensors; i++) {
        file->by_name[i] = &file->tensors[i];
    }
    qsort(file->by_name, file->n_tensors, sizeof(const Tensor *), compare_names);
    return true;
}

bool tensor_file_read(TensorFile *file, const char *path, Error *error)
{
    assert(file != NULL && path != NULL && error != NULL);
    *file = (TensorFile){.path = path};
    bool ok =
        safetensors_open(&file->source, path, "safetensors file", SAFETENSORS_MAX_HEADER, error) &&
        read_tensors(file) && sort_by_name(file);
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
    free(file->by_name);
    safetensors_close(&file->source);
    *file = (TensorFile){0};
}

const Tensor *tensor_file_find(const TensorFile *file, const char *name)
{
    const Tensor wanted = {.name = name};
    const Tensor *key = &wanted;
    const Tensor **found =
        bsearch(&key, file->by_name, file->n_tensors, sizeof(const Tensor *), compare_names);
    return found != NULL ? *found : NULL;
}
