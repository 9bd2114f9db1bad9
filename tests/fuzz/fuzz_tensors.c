// Reads any bytes as two safetensors files: each is rejected with one line, or has as many numbers
// as the shapes of its tensors. Accepted files are compared, and reported on as text and as valid
// JSON.
#include "compare/tensor_diff.h"
#include "fuzz/fuzz_pair.h"

// Reads all numbers, so that a read beyond the end is noticed.
static void check_tensor(const TensorFile *file, const Tensor *tensor)
{
    size_t n = 1;
    double sum = 0;
    for (size_t i = 0; i < tensor->n_dimensions; i++) {
        n *= tensor->shape[i];
    }
    must_hold(n == tensor->n, "a shape of another size");
    for (size_t i = 0; i < n; i++) {
        sum += tensor->numbers[i];
    }
    must_hold(sum == sum || n > 0, "a sum of nothing");
    must_hold(tensor_file_find(file, tensor->name) == tensor, "a name");
}

static bool read_tensors(TensorFile *file, const uint8_t *bytes, size_t size)
{
    Error error = {""};
    if (!tensor_file_read(file, fuzz_file(bytes, size), &error)) {
        must_be_one_line(&error);
        return false;
    }
    for (size_t i = 0; i < file->n_tensors; i++) {
        check_tensor(file, &file->tensors[i]);
    }
    return true;
}

static void compare(const TensorFile *a, const TensorFile *b)
{
    TensorDiff diff;
    Error error = {""};
    if (!tensor_diff(&diff, a, b, &error)) {
        must_hold(a != b || a->n_tensors == 0, "a file has no name in common with itself");
        must_be_one_line(&error);
        return;
    }
    must_hold(a != b || diff.n_not_same == 0, "a file differs from itself");
    char *json = NULL;
    size_t size;
    FILE *file = open_memstream(&json, &size);
    must_hold(file != NULL, "no memory");
    tensor_diff_print_text(fuzz_nowhere(), &diff);
    must_hold(tensor_diff_print_json(file, &diff, &error), error.message);
    must_hold(fclose(file) == 0, "no memory");
    must_hold(fuzz_is_same(json, size) == (diff.n_not_same == 0), "same");
    tensor_diff_free(&diff);
}

static void read_and_compare(const FuzzPair *pair)
{
    TensorFile a;
    TensorFile b;
    if (!read_tensors(&a, pair->bytes[0], pair->sizes[0])) {
        return;
    }
    compare(&a, &a);
    if (pair->bytes[1] != NULL && read_tensors(&b, pair->bytes[1], pair->sizes[1])) {
        compare(&a, &b);
        tensor_file_free(&b);
    }
    tensor_file_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    FuzzPair pair = fuzz_split(bytes, size);
    read_and_compare(&pair);
    return 0;
}
