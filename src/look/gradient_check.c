// Central differences for every parameter: see gradient_check.h.
#include "look/gradient_check.h"

#include <math.h>
#include <stdlib.h>

static const double steps[] = {1e-5, 1e-6, 1e-7};

enum {
    N_STEPS = sizeof steps / sizeof steps[0],
};

// Returns the number by which the errors of a matrix are divided: its largest gradient, but at
// least 1e-3. Rounding causes the same absolute error in all measured slopes, so those of small
// gradients have few correct digits: errors relative to each gradient would measure the rounding of
// the loss and not backward.
static double error_scale(const Model *model, const Matrix *matrix)
{
    size_t first = matrix->first_param;
    size_t end = first + (size_t)matrix->n_out * (size_t)matrix->n_in;
    double largest = 1e-3;
    for (size_t i = first; i < end; i++) {
        largest = fmax(largest, fabs(model->grad[i]));
    }
    return largest;
}

static bool relu_passes(const Graph *g, size_t node_id)
{
    return graph_node(g, node_id)->local_grads[0] != 0;
}

// Every forward pass makes the same nodes with the same ids, so this searches for the ReLUs once.
static bool find_relus(GradientCheck *check, Error *error)
{
    const Graph *g = engine_graph(check->look->engine);
    size_t n_relus = 0;
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        n_relus += graph_node(g, node_id)->op == OP_RELU;
    }
    check->relu_ids = calloc(n_relus + 1, sizeof *check->relu_ids); // + 1: there may be none
    check->relu_passes = calloc(n_relus + 1, sizeof *check->relu_passes);
    if (check->relu_ids == NULL || check->relu_passes == NULL) {
        return error_out_of_memory(error, "the list of ReLUs", n_relus * sizeof *check->relu_ids);
    }
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        if (graph_node(g, node_id)->op == OP_RELU) {
            check->relu_ids[check->n_relus] = node_id;
            check->relu_passes[check->n_relus] = relu_passes(g, node_id);
            check->n_relus++;
        }
    }
    return true;
}

static bool relus_are_the_same(const GradientCheck *check)
{
    const Graph *g = engine_graph(check->look->engine);
    for (size_t i = 0; i < check->n_relus; i++) {
        if (relu_passes(g, check->relu_ids[i]) != check->relu_passes[i]) {
            return false;
        }
    }
    return true;
}

// Computes the loss with the parameter set to x. Sets *is_same to whether every ReLU is on or off
// as it is without the change.
static bool loss_at(GradientCheck *check, size_t param_id, double x, double *loss, bool *is_same,
                    Error *error)
{
    check->look->model->data[param_id] = x;
    if (!look_forward(check->look, error)) {
        return false;
    }
    *loss = check->look->loss;
    *is_same = *is_same && relus_are_the_same(check);
    return true;
}

// Measures the slope with one h. Sets *is_smooth to whether no corner of a ReLU is between x - h
// and x + h.
static bool measure_with(GradientCheck *check, size_t param_id, double h, bool *is_smooth,
                         Error *error)
{
    double *data = &check->look->model->data[param_id];
    double original = *data;
    double above;
    double below;
    *is_smooth = true;
    bool ok = loss_at(check, param_id, original + h, &above, is_smooth, error) &&
              loss_at(check, param_id, original - h, &below, is_smooth, error);
    *data = original;
    if (ok && *is_smooth) {
        check->params[param_id].measured = (above - below) / (2 * h);
        check->params[param_id].h = h;
    }
    return ok;
}

static bool measure(GradientCheck *check, size_t param_id, Error *error)
{
    bool is_smooth = false;
    for (size_t i = 0; !is_smooth && i < N_STEPS; i++) {
        if (!measure_with(check, param_id, steps[i], &is_smooth, error)) {
            return false;
        }
        if (is_smooth) {
            check->n_measured++;
            check->n_small_h += i > 0;
        }
    }
    return true;
}

static bool check_matrix(GradientCheck *check, const Matrix *matrix,
                         GradientCheckProgress *progress, Error *error)
{
    enum {
        PARAMS_A_CALL = 32,
    };
    const Model *model = check->look->model;
    double scale = error_scale(model, matrix);
    size_t end = matrix->first_param + (size_t)matrix->n_out * (size_t)matrix->n_in;
    for (size_t i = matrix->first_param; i < end; i++) {
        ParamCheck *param = &check->params[i];
        param->backward = model->grad[i];
        if (!measure(check, i, error)) {
            return false;
        }
        param->error = param->h > 0 ? fabs(param->measured - param->backward) / scale : 0;
        if (!isfinite(param->error)) {
            char name[MODEL_NAME_BYTES];
            model_param_name(model, i, name);
            return error_set(error, "%s: the loss or its gradient there is not finite", name);
        }
        if (progress != NULL && i % PARAMS_A_CALL == 0) {
            progress(i, model->n_params);
        }
    }
    return true;
}

static bool check_all(GradientCheck *check, GradientCheckProgress *progress, Error *error)
{
    const Model *model = check->look->model;
    for (int i = 0; i < model->n_matrices; i++) {
        if (!check_matrix(check, &model->matrices[i], progress, error)) {
            return false;
        }
    }
    return true;
}

bool gradient_check_run(GradientCheck *check, LookSession *look, GradientCheckProgress *progress,
                        Error *error)
{
    size_t n_params = look->model->n_params;
    *check = (GradientCheck){
        .look = look,
        .params = calloc(n_params, sizeof *check->params),
    };
    if (check->params == NULL) {
        error_out_of_memory(error, "the check", n_params * sizeof *check->params);
        return false;
    }
    bool ok = look_forward(look, error) && engine_backward(look->engine, error) &&
              find_relus(check, error) && check_all(check, progress, error) &&
              look_forward(look, error); // makes the graph of the unchanged model again
    if (!ok) {
        gradient_check_free(check);
    }
    return ok;
}

void gradient_check_free(GradientCheck *check)
{
    free(check->params);
    free(check->relu_ids);
    free(check->relu_passes);
    *check = (GradientCheck){0};
}

size_t gradient_check_worst(const GradientCheck *check, size_t n_most, size_t *param_ids)
{
    const ParamCheck *params = check->params;
    size_t n = 0;
    for (size_t i = 0; i < check->look->model->n_params; i++) {
        bool is_among = n < n_most || params[i].error > params[param_ids[n - 1]].error;
        if (params[i].h == 0 || !is_among) {
            continue;
        }
        n += n < n_most;
        size_t place = n - 1;
        for (; place > 0 && params[i].error > params[param_ids[place - 1]].error; place--) {
            param_ids[place] = param_ids[place - 1];
        }
        param_ids[place] = i;
    }
    return n;
}
