// Compares two safetensors files: see tensor_diff.h.
#include "compare/tensor_diff.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/printable.h"
#include "compare/diff_numbers.h"

enum {
    SHAPE_BYTES = 160, // of TENSOR_MAX_DIMENSIONS sizes
    NAME_COLUMNS = 24,
};

// ---- what differs ----

static bool is_same_shape(const Tensor *a, const Tensor *b)
{
    return a->n_dimensions == b->n_dimensions &&
           memcmp(a->shape, b->shape, a->n_dimensions * sizeof *a->shape) == 0;
}

static bool is_turned_shape(const Tensor *a, const Tensor *b)
{
    return a->n_dimensions == 2 && b->n_dimensions == 2 && a->shape[0] == b->shape[1] &&
           a->shape[1] == b->shape[0];
}

// Returns B's number at the same index as A's number i.
static double number_of_b(const TensorFinding *finding, size_t i)
{
    const Tensor *b = finding->sides[1];
    if (!finding->is_transposed) {
        return b->numbers[i];
    }
    size_t n_columns = finding->sides[0]->shape[1];
    return b->numbers[i % n_columns * b->shape[1] + i / n_columns];
}

static void measure(TensorFinding *finding)
{
    const Tensor *a = finding->sides[0];
    finding->n_differ = 0;
    finding->max_relative = 0;
    for (size_t i = 0; i < a->n; i++) {
        double b = number_of_b(finding, i);
        if (numbers_differ(a->numbers[i], b, 0)) {
            finding->first = finding->n_differ == 0 ? i : finding->first;
            finding->n_differ++;
            finding->max_relative =
                fmax(finding->max_relative, relative_difference(a->numbers[i], b));
        }
    }
}

// Compares a matrix with B's transpose if that is closer: if many more numbers are the same, or all
// are closer.
static void try_transposed(TensorFinding *finding)
{
    TensorFinding turned = *finding;
    turned.is_transposed = true;
    measure(&turned);
    bool has_more = turned.n_differ < finding->n_differ / 2;
    if (!is_same_shape(finding->sides[0], finding->sides[1]) || has_more ||
        turned.max_relative < finding->max_relative / 1e3) {
        *finding = turned;
    }
}

static double rounded(double number, const char *dtype)
{
    if (strcmp(dtype, "F64") == 0) {
        return number;
    }
    return (double)(float)number;
}

// Returns whether the numbers of the type with more bits, rounded to the other type, are those of
// the other side. For bfloat16 the difference must be within one unit of rounding, in any rounding
// mode.
static bool is_same_as_float(const TensorFinding *finding)
{
    const Tensor *a = finding->sides[0];
    const Tensor *b = finding->sides[1];
    bool is_coarse = strcmp(a->dtype, "BF16") == 0 || strcmp(b->dtype, "BF16") == 0;
    if (strcmp(a->dtype, b->dtype) == 0) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        double of_a = a->numbers[i];
        double of_b = number_of_b(finding, i);
        bool is_near = is_coarse ? relative_difference(of_a, of_b) <= 0x1p-7
                                 : rounded(of_a, b->dtype) == rounded(of_b, a->dtype);
        if (!is_near && numbers_differ(of_a, of_b, 0)) {
            return false;
        }
    }
    return true;
}

static TensorVerdict judge(TensorFinding *finding)
{
    const Tensor *a = finding->sides[0];
    const Tensor *b = finding->sides[1];
    if (a == NULL || b == NULL) {
        return a == NULL ? TENSOR_ONLY_B : TENSOR_ONLY_A;
    }
    bool is_turned = is_turned_shape(a, b);
    if (!is_same_shape(a, b) && !is_turned) {
        return TENSOR_OTHER_SHAPE;
    }
    finding->is_transposed = !is_same_shape(a, b);
    measure(finding);
    if (is_turned && finding->n_differ > 0) {
        try_transposed(finding);
    }
    if (finding->is_transposed) {
        return TENSOR_TRANSPOSED;
    }
    if (finding->n_differ == 0) {
        return TENSOR_SAME;
    }
    return is_same_as_float(finding) ? TENSOR_SAME_AS_FLOAT : TENSOR_DIFFERS;
}

static void list_findings(TensorDiff *diff)
{
    const TensorFile *a = diff->files[0];
    const TensorFile *b = diff->files[1];
    for (size_t i = 0; i < a->n_tensors; i++) {
        const Tensor *tensor = &a->tensors[i];
        diff->findings[diff->n] =
            (TensorFinding){.sides = {tensor, tensor_file_find(b, tensor->name)}};
        diff->n++;
    }
    for (size_t i = 0; i < b->n_tensors; i++) {
        const Tensor *tensor = &b->tensors[i];
        if (tensor_file_find(a, tensor->name) == NULL) {
            diff->findings[diff->n] = (TensorFinding){.sides = {NULL, tensor}};
            diff->n++;
        }
    }
}

bool tensor_diff(TensorDiff *diff, const TensorFile *a, const TensorFile *b, Error *error)
{
    assert(diff != NULL && error != NULL);
    *diff = (TensorDiff){.files = {a, b}, .is_same_as_float = true};
    size_t n_most = a->n_tensors + b->n_tensors;
    diff->findings = calloc(n_most, sizeof *diff->findings);
    if (diff->findings == NULL) {
        return error_out_of_memory(error, "the tensors", n_most * sizeof *diff->findings);
    }
    list_findings(diff);
    size_t n_common = 0;
    for (size_t i = 0; i < diff->n; i++) {
        TensorFinding *finding = &diff->findings[i];
        finding->verdict = judge(finding);
        diff->n_not_same += finding->verdict != TENSOR_SAME;
        diff->is_same_as_float = diff->is_same_as_float && finding->verdict <= TENSOR_SAME_AS_FLOAT;
        n_common += finding->sides[0] != NULL && finding->sides[1] != NULL;
    }
    if (n_common == 0) {
        tensor_diff_free(diff);
        return error_set_file(
            error, b->path, 0,
            "has no tensor of a name that %.100s has: its first is %.60s, and not "
            "like %.60s; rename them",
            a->path, b->tensors[0].name, a->tensors[0].name);
    }
    return true;
}

void tensor_diff_free(TensorDiff *diff)
{
    free(diff->findings);
    *diff = (TensorDiff){0};
}

// ---- the report ----

static const char *verdict_text(TensorVerdict verdict)
{
    static const char *const texts[] = {
        "same",
        "the same, as far as the type with fewer bits tells",
        "differs",
        "transposed: B's rows are A's columns",
        "of another shape",
        "only in A",
        "only in B",
    };
    return texts[verdict];
}

// Writes a shape such as `[27,16]`.
static const char *format_shape(const Tensor *tensor, char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < tensor->n_dimensions; i++) {
        n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%c%zu", i == 0 ? '[' : ',',
                              tensor->shape[i]);
    }
    snprintf(text + n, SHAPE_BYTES - n, "%s", n == 0 ? "[]" : "]");
    return text;
}

// Prints `wte[3,7]` if the tensor is a matrix; otherwise the index of the number.
static void print_place(FILE *file, const Tensor *tensor, size_t i)
{
    printable_write(file, tensor->name, strlen(tensor->name));
    if (tensor->n_dimensions == 2) {
        fprintf(file, "[%zu,%zu]", i / tensor->shape[1], i % tensor->shape[1]);
    } else {
        fprintf(file, "[%zu]", i);
    }
}

static void print_finding(FILE *file, const TensorFinding *finding)
{
    const Tensor *tensor = finding->sides[finding->sides[0] == NULL];
    char shape[SHAPE_BYTES];
    printable_write(file, tensor->name, strlen(tensor->name));
    fprintf(file, "%*s %-10s ", (int)fmax(0, NAME_COLUMNS - (double)strlen(tensor->name)), "",
            format_shape(tensor, shape));
    if (finding->n_differ > 0) {
        fprintf(file, "%zu of %zu differ, by %.1e at most; ", finding->n_differ, tensor->n,
                finding->max_relative);
    }
    fputs(verdict_text(finding->verdict), file);
    if (finding->verdict == TENSOR_OTHER_SHAPE) {
        fprintf(file, ": %s in B", format_shape(finding->sides[1], shape));
    }
    fputc('\n', file);
}

static void print_first(FILE *file, const TensorFinding *finding)
{
    fprintf(file, "first: ");
    print_place(file, finding->sides[0], finding->first);
    fputc('\n', file);
    print_side_number(file, 'A', finding->sides[0]->numbers[finding->first]);
    print_side_number(file, 'B', number_of_b(finding, finding->first));
}

// Prints the steps of two checkpoints, if both have them and they differ.
static void print_metadata(FILE *file, const TensorDiff *diff)
{
    static const char *const keys[] = {"step",          "num_steps", "seed",  "n_head",
                                       "learning_rate", "beta1",     "beta2", "eps_adam",
                                       "vocabulary",    "data_crc32"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *a =
            json_string_value(json_object_get(diff->files[0]->source.metadata, keys[i]));
        const char *b =
            json_string_value(json_object_get(diff->files[1]->source.metadata, keys[i]));
        if (a != NULL && b != NULL && strcmp(a, b) != 0) {
            fprintf(file, "metadata: %s is ", keys[i]);
            printable_write(file, a, strlen(a));
            fputs(" in A, ", file);
            printable_write(file, b, strlen(b));
            fputs(" in B\n", file);
        }
    }
}

void tensor_diff_print_text(FILE *file, const TensorDiff *diff)
{
    for (int side = 0; side < 2; side++) {
        const TensorFile *tensors = diff->files[side];
        print_side_file(file, side, tensors->path);
        fprintf(file, ": %zu tensors%s\n", tensors->n_tensors,
                tensors->n_others > 0 ? ", and others that have no F64, F32 or BF16" : "");
    }
    print_metadata(file, diff);
    if (diff->n_not_same == 0) {
        fprintf(file, "same: %zu tensors\n", diff->n);
        return;
    }
    fprintf(file, "%s: %zu of %zu tensors\n",
            diff->is_same_as_float ? "the same, as far as the type with fewer bits tells"
                                   : "different",
            diff->n_not_same, diff->n);
    const TensorFinding *first = NULL;
    for (size_t i = 0; i < diff->n; i++) {
        const TensorFinding *finding = &diff->findings[i];
        if (finding->verdict != TENSOR_SAME) {
            print_finding(file, finding);
        }
        first = first == NULL && finding->n_differ > 0 ? finding : first;
    }
    if (first != NULL) {
        print_first(file, first);
    }
}

static void put_finding(JsonOut *out, json_t *parent, const TensorFinding *finding)
{
    const Tensor *tensor = finding->sides[finding->sides[0] == NULL];
    json_t *object = json_out_object(out, parent, NULL);
    json_out_text(out, object, "name", tensor->name);
    json_out_bool(out, object, "same", finding->verdict == TENSOR_SAME);
    json_out_text(out, object, "verdict", verdict_text(finding->verdict));
    json_out_bool(out, object, "transposed", finding->is_transposed);
    json_out_count(out, object, "n_numbers", tensor->n);
    json_out_count(out, object, "n_differ", finding->n_differ);
    if (finding->n_differ > 0) {
        assert(finding->sides[0] != NULL);
        json_out_count(out, object, "first", finding->first);
        json_out_number(out, object, "a", finding->sides[0]->numbers[finding->first]);
        json_out_number(out, object, "b", number_of_b(finding, finding->first));
        json_out_number(out, object, "max_relative_difference", finding->max_relative);
    }
}

bool tensor_diff_print_json(FILE *file, const TensorDiff *diff, Error *error)
{
    JsonOut out = json_out_begin();
    json_out_text(&out, out.root, "kind", "tensors");
    for (int side = 0; side < 2; side++) {
        const TensorFile *tensors = diff->files[side];
        json_t *object = json_out_object(&out, out.root, side == 0 ? "a" : "b");
        json_out_bytes(&out, object, "file", tensors->path, strlen(tensors->path));
        json_out_count(&out, object, "n_tensors", tensors->n_tensors);
    }
    json_out_bool(&out, out.root, "same", diff->n_not_same == 0);
    json_out_bool(&out, out.root, "same_as_float", diff->is_same_as_float);
    json_t *findings = json_out_array(&out, out.root, "tensors");
    for (size_t i = 0; i < diff->n; i++) {
        put_finding(&out, findings, &diff->findings[i]);
    }
    return json_out_write(&out, file, error);
}
