// The numbers of one update: see update_values.h.
#include "compare/update_values.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/path_index.h"

#define PUBLISHED_BETA1 0.85
#define PUBLISHED_BETA2 0.99

enum {
    PATH_BYTES = 256,
    N_ARRAYS = 6, // of a side
};

// Where to look up a path's value: in a dump, in the moments that it contains, or in tensors.
typedef struct Source {
    PathIndex values;
    PathIndex adam;
    const TensorFile *tensors;
} Source;

static bool source_init(Source *source, const NodeDump *dump, const TensorFile *tensors,
                        Error *error)
{
    *source = (Source){.tensors = tensors};
    if (dump == NULL) {
        return true;
    }
    return path_index_init(&source->values, dump, error) &&
           (dump->adam == NULL || path_index_init(&source->adam, dump->adam, error));
}

static void source_free(Source *source)
{
    path_index_free(&source->values);
    path_index_free(&source->adam);
}

static bool find_in_dump(const PathIndex *index, const char *path, double *data, double *grad)
{
    uint32_t node = index->dump != NULL ? path_index_find(index, path) : NO_NODE;
    if (node == NO_NODE || (grad != NULL && !index->dump->has_grad[node])) {
        return false;
    }
    *data = index->dump->data[node];
    if (grad != NULL) {
        *grad = index->dump->grad[node];
    }
    return true;
}

// Finds `layer0.attn_wq[3,7]`: number 7 of row 3 of the tensor of that name.
static bool find_in_tensors(const TensorFile *tensors, const char *path, double *data)
{
    char name[PATH_BYTES];
    unsigned row;
    unsigned column;
    const char *bracket = strrchr(path, '[');
    if (bracket == NULL || bracket - path >= PATH_BYTES ||
        sscanf(bracket, "[%u,%u]", &row, &column) != 2) {
        return false;
    }
    memcpy(name, path, (size_t)(bracket - path));
    name[bracket - path] = '\0';
    const Tensor *tensor = tensor_file_find(tensors, name);
    if (tensor == NULL || tensor->n_dimensions != 2 || row >= tensor->shape[0] ||
        column >= tensor->shape[1]) {
        return false;
    }
    *data = tensor->numbers[row * tensor->shape[1] + column];
    return true;
}

// Finds the value after the update, and the gradient of the next step if it is known.
static bool find_next(const Source *next, const char *path, double *data, double *grad,
                      bool *has_grad)
{
    *has_grad = next->tensors == NULL && find_in_dump(&next->values, path, data, grad);
    if (*has_grad) {
        return true;
    }
    return next->tensors != NULL ? find_in_tensors(next->tensors, path, data)
                                 : find_in_dump(&next->values, path, data, NULL);
}

static bool find_moment(const Source *source, const char *kind, const char *path, double *data)
{
    char full[PATH_BYTES];
    int n = snprintf(full, sizeof full, "adam.%s.%s", kind, path);
    if (n < 0 || n >= PATH_BYTES) {
        return false;
    }
    return source->tensors != NULL ? find_in_tensors(source->tensors, full, data)
                                   : find_in_dump(&source->adam, full, data, NULL);
}

// Finds the moments before the update: in the dump of the step, or calculated from those after the
// update.
static bool find_moments(const Source *now, const Source *next, const char *path, double grad,
                         double *m, double *v)
{
    if (find_moment(now, "m", path, m) && find_moment(now, "v", path, v)) {
        return true;
    }
    if (!find_moment(next, "m", path, m) || !find_moment(next, "v", path, v)) {
        return false;
    }
    *m = (*m - (1 - PUBLISHED_BETA1) * grad) / PUBLISHED_BETA1;
    *v = (*v - (1 - PUBLISHED_BETA2) * grad * grad) / PUBLISHED_BETA2;
    *v = *v > 0 ? *v : 0;
    return true;
}

static bool is_parameter(const char *path)
{
    return strncmp(path, "pos", 3) != 0 && strchr(path, '[') != NULL && strchr(path, ',') != NULL;
}

static bool allocate(UpdateValues *values, size_t n, Error *error)
{
    bool ok = (values->paths = calloc(n + 1, sizeof *values->paths)) != NULL;
    for (int side = 0; side < 2; side++) {
        SideValues *of_side = &values->sides[side];
        double **arrays[N_ARRAYS] = {&of_side->data, &of_side->grad, &of_side->m,
                                     &of_side->v,    &of_side->next, &of_side->next_grad};
        for (int i = 0; i < N_ARRAYS; i++) {
            *arrays[i] = calloc(n + 1, sizeof **arrays[i]);
            ok = ok && *arrays[i] != NULL;
        }
    }
    return ok || error_out_of_memory(error, "the update", n * sizeof(double) * 2 * N_ARRAYS);
}

// Adds a parameter if all four files have it.
static void take_parameter(UpdateValues *values, const Source *now, const Source *next,
                           const char *path)
{
    size_t i = values->n_params;
    bool has_moments[2] = {false, false};
    bool has_next_grad[2] = {false, false};
    for (int side = 0; side < 2; side++) {
        SideValues *of_side = &values->sides[side];
        if (!find_in_dump(&now[side].values, path, &of_side->data[i], &of_side->grad[i]) ||
            !find_next(&next[side], path, &of_side->next[i], &of_side->next_grad[i],
                       &has_next_grad[side])) {
            return;
        }
        has_moments[side] =
            values->step == 1 || find_moments(&now[side], &next[side], path, of_side->grad[i],
                                              &of_side->m[i], &of_side->v[i]);
    }
    if (has_moments[0] && !has_moments[1]) {
        values->sides[1].m[i] = values->sides[0].m[i];
        values->sides[1].v[i] = values->sides[0].v[i];
        values->borrows_moments = true;
    }
    values->has_moments = values->has_moments && has_moments[0];
    values->has_next_grads = values->has_next_grads && has_next_grad[0] && has_next_grad[1];
    values->paths[i] = path;
    values->n_params++;
}

static void take_all(UpdateValues *values, const NodeDump *dump, const Source *now,
                     const Source *next)
{
    values->has_moments = true;
    values->has_next_grads = true;
    for (size_t i = 0; i < dump->n_nodes; i++) {
        const char *path = dump_path(dump, i);
        if (is_parameter(path)) {
            take_parameter(values, now, next, path);
        }
    }
}

// Returns a number from the description of one of the two dumps; 0 if neither has it.
static double said_number(const UpdateFiles *files, AboutNumber which)
{
    for (int side = 0; side < 2; side++) {
        const DumpSays *says = &files->dumps[side]->says;
        if (says->has_number[which] && says->numbers[which] >= 1) {
            return says->numbers[which];
        }
    }
    return 0;
}

// Checks that a dump of the next step is not of another one, as far as the dumps say.
static bool check_next(const NodeDump *now, const NodeDump *next, Error *error)
{
    const DumpSays *a = &now->says;
    const DumpSays *b = next != NULL ? &next->says : NULL;
    bool are_known = b != NULL && a->has_number[ABOUT_STEP] && b->has_number[ABOUT_STEP];
    return !are_known || b->numbers[ABOUT_STEP] == a->numbers[ABOUT_STEP] + 1 ||
           error_set_file(error, next->file_name, 0,
                          "is of step %.17g; --next needs the step after that of %.200s, %.17g",
                          b->numbers[ABOUT_STEP], now->file_name, a->numbers[ABOUT_STEP] + 1);
}

// Checks that both sides are of the same step, as far as they say.
static bool check_steps(const UpdateFiles *files, Error *error)
{
    const DumpSays *a = &files->dumps[0]->says;
    const DumpSays *b = &files->dumps[1]->says;
    bool are_known = a->numbers[ABOUT_STEP] >= 1 && b->numbers[ABOUT_STEP] >= 1;
    if (are_known && a->numbers[ABOUT_STEP] != b->numbers[ABOUT_STEP]) {
        return error_set_file(error, files->dumps[1]->file_name, 0,
                              "is of step %.17g, and %.200s of step %.17g; write dumps of the same "
                              "step, counted from 1",
                              b->numbers[ABOUT_STEP], files->dumps[0]->file_name,
                              a->numbers[ABOUT_STEP]);
    }
    return check_next(files->dumps[0], files->next_dumps[0], error) &&
           check_next(files->dumps[1], files->next_dumps[1], error);
}

bool update_values_init(UpdateValues *values, const UpdateFiles *files, Error *error)
{
    assert(values != NULL && files != NULL && error != NULL);
    *values = (UpdateValues){.step = 0};
    if (!check_steps(files, error)) {
        return false;
    }
    double step = said_number(files, ABOUT_STEP);
    if (step < 1 || step > 1e15) {
        return error_set_file(error, files->dumps[0]->file_name, 0,
                              "does not say of which step it is; let it begin with "
                              "# microgpt-nodes 1 {\"step\": 1}");
    }
    values->step = (size_t)step;
    values->num_steps = said_number(files, ABOUT_NUM_STEPS);
    Source now[2] = {{.tensors = NULL}, {.tensors = NULL}};
    Source next[2] = {{.tensors = NULL}, {.tensors = NULL}};
    bool ok = allocate(values, files->dumps[0]->n_nodes, error);
    for (int side = 0; side < 2 && ok; side++) {
        ok = source_init(&now[side], files->dumps[side], NULL, error) &&
             source_init(&next[side], files->next_dumps[side], files->next_tensors[side], error);
    }
    if (ok) {
        take_all(values, files->dumps[0], now, next);
        ok = values->n_params > 0 ||
             error_set_file(error, files->dumps[1]->file_name, 0,
                            "has no parameter that all four files have, with its gradient");
    }
    for (int side = 0; side < 2; side++) {
        source_free(&now[side]);
        source_free(&next[side]);
    }
    if (!ok) {
        update_values_free(values);
    }
    return ok;
}

void update_values_free(UpdateValues *values)
{
    for (int side = 0; side < 2; side++) {
        SideValues *of_side = &values->sides[side];
        free(of_side->data);
        free(of_side->grad);
        free(of_side->m);
        free(of_side->v);
        free(of_side->next);
        free(of_side->next_grad);
    }
    free(values->paths);
    *values = (UpdateValues){0};
}
