// The memory of the tensor engine. Many arrays share one allocation: the same function plans them
// twice, first to count the bytes, then to assign addresses. (Parameters belong to the model.)
#ifndef MICROGPT_TENSOR_MEMORY_H
#define MICROGPT_TENSOR_MEMORY_H

#include <stddef.h>

#include "base/doubles.h"
#include "microgpt/model.h"

typedef struct Plan {
    char *memory; // NULL while counting
    size_t used;  // bytes so far; SIZE_MAX if that overflows
} Plan;

// Returns the next array of count items, aligned; NULL while counting.
static inline void *plan_array(Plan *plan, size_t count, size_t item_size)
{
    size_t size = count_mul(count, item_size);
    size_t rounded = count_add(size, CACHE_LINE - 1) / CACHE_LINE;
    size_t end = count_add(plan->used, count_mul(rounded, CACHE_LINE));
    if (end == SIZE_MAX) {
        plan->used = SIZE_MAX;
        return NULL;
    }
    void *array = plan->memory == NULL ? NULL : plan->memory + plan->used;
    plan->used = end;
    return array;
}

static inline double *plan_doubles(Plan *plan, size_t count)
{
    return plan_array(plan, count, sizeof(double));
}

static inline const double *matrix_data(const Model *model, MatrixKind kind, int layer)
{
    return &model->data[model_matrix(model, kind, layer)->first_param];
}

static inline double *matrix_grad(Model *model, MatrixKind kind, int layer)
{
    return &model->grad[model_matrix(model, kind, layer)->first_param];
}

#endif
