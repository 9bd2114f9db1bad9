// `microgpt gradcheck`: backward against central differences, for all parameters of a document.
#include "look/look_commands.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/progress.h"
#include "look/gradient_check.h"
#include "look/look_session.h"

typedef struct GradcheckOptions {
    LookOptions look;
    double tolerance;
} GradcheckOptions;

enum {
    N_WORST = 10, // how many parameters are listed
};

// The parameters with the greatest errors, the greatest first.
typedef struct Worst {
    size_t param_ids[N_WORST];
    size_t n;
} Worst;

static double worst_error(const GradientCheck *check, const Worst *worst)
{
    return worst->n > 0 ? check->params[worst->param_ids[0]].error : 0;
}

// Prints on standard error, if it is a terminal, so that the result contains no progress lines.
static void show_progress(size_t n_done, size_t n_params)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%zu / %zu parameters", n_done, n_params);
    size_t columns = progress_columns(STDERR_FILENO);
    fprintf(stderr, "\r%.*s\033[K", (size_t)n < columns ? n : (int)columns, line);
}

static void print_matrices(const GradientCheck *check)
{
    const Model *model = check->look->model;
    printf("  %-20s%12s%16s%16s\n", "matrix", "parameters", "largest grad", "worst error");
    for (int i = 0; i < model->n_matrices; i++) {
        const Matrix *matrix = &model->matrices[i];
        size_t first = matrix->first_param;
        size_t n = (size_t)matrix->n_out * (size_t)matrix->n_in;
        double largest = 0;
        double error = 0;
        char name[MODEL_NAME_BYTES];
        model_matrix_name(matrix, name);
        for (size_t param_id = first; param_id < first + n; param_id++) {
            largest = fmax(largest, fabs(check->params[param_id].backward));
            error = fmax(error, check->params[param_id].error);
        }
        printf("  %-20s%12zu%16.4g%16.1e\n", name, n, largest, error);
    }
}

static void print_worst(const GradientCheck *check, const Worst *worst)
{
    printf("  %-26s%18s%18s%10s\n", "parameter", "backward", "measured", "error");
    for (size_t i = 0; i < worst->n; i++) {
        size_t param_id = worst->param_ids[i];
        const ParamCheck *param = &check->params[param_id];
        char name[MODEL_NAME_BYTES];
        model_param_name(check->look->model, param_id, name);
        printf("  %-26s%18.10g%18.10g%10.1e\n", name, param->backward, param->measured,
               param->error);
    }
}

static void print_text(const GradientCheck *check, const Worst *worst, double tolerance)
{
    Screen screen = screen_open();
    size_t n_params = check->look->model->n_params;
    look_print_subject(check->look, &screen);
    screen_title(&screen, "Backward against (loss(x + h) - loss(x - h)) / 2h");
    print_matrices(check);
    screen_title(&screen, "The largest errors");
    print_worst(check, worst);
    printf("\n  measured: %zu of %zu parameters, %zu of them with an h below 1e-5\n",
           check->n_measured, n_params, check->n_small_h);
    printf("  not measured, at a corner of a ReLU: %zu\n", n_params - check->n_measured);
    printf("  An error is relative to the largest gradient of its matrix, at least 1e-3.\n");
    printf("  worst error %.1e, tolerance %.1e: %s\n", worst_error(check, worst), tolerance,
           worst_error(check, worst) <= tolerance ? "good" : "too large");
}

static void put_param(const GradientCheck *check, JsonOut *out, json_t *parent, size_t param_id)
{
    const ParamCheck *param = &check->params[param_id];
    char name[MODEL_NAME_BYTES];
    model_param_name(check->look->model, param_id, name);
    json_t *object = json_out_object(out, parent, NULL);
    json_out_text(out, object, "name", name);
    json_out_number(out, object, "backward", param->backward);
    json_out_number(out, object, "measured", param->measured);
    json_out_number(out, object, "h", param->h);
    json_out_number(out, object, "error", param->error);
}

static bool print_json(const GradientCheck *check, const Worst *worst, double tolerance,
                       Error *error)
{
    JsonOut out = json_out_begin();
    look_put_subject(check->look, &out, "gradcheck");
    json_out_number(&out, out.root, "loss", check->look->loss);
    json_out_count(&out, out.root, "n_measured", check->n_measured);
    json_out_count(&out, out.root, "n_small_h", check->n_small_h);
    json_out_number(&out, out.root, "tolerance", tolerance);
    json_out_number(&out, out.root, "worst_error", worst_error(check, worst));
    json_out_bool(&out, out.root, "good", worst_error(check, worst) <= tolerance);
    json_t *list = json_out_array(&out, out.root, "worst");
    for (size_t i = 0; i < worst->n; i++) {
        put_param(check, &out, list, worst->param_ids[i]);
    }
    return json_out_write(&out, stdout, error);
}

static bool judge(const GradientCheck *check, const Worst *worst, double tolerance, Error *error)
{
    char name[MODEL_NAME_BYTES];
    if (worst->n == 0) {
        return error_set(error, "no parameter could be measured: all are at a corner of a ReLU");
    }
    if (worst_error(check, worst) <= tolerance) {
        return true;
    }
    model_param_name(check->look->model, worst->param_ids[0], name);
    return error_set(error, "%s: the gradient is wrong by %.1e, and %.1e is allowed (--tolerance)",
                     name, worst_error(check, worst), tolerance);
}

static ExitStatus show(LookSession *look, const void *chosen, Error *error)
{
    const GradcheckOptions *options = chosen;
    GradientCheck check;
    bool is_watched = progress_is_possible();
    bool ok = gradient_check_run(&check, look, is_watched ? show_progress : NULL, error);
    if (is_watched) {
        fprintf(stderr, "\r\033[K"); // clears the line
    }
    if (!ok) {
        return EXIT_FAILED;
    }
    Worst worst;
    worst.n = gradient_check_worst(&check, N_WORST, worst.param_ids);
    if (options->look.json) {
        ok = print_json(&check, &worst, options->tolerance, error);
    } else {
        print_text(&check, &worst, options->tolerance);
    }
    ok = ok && judge(&check, &worst, options->tolerance, error);
    gradient_check_free(&check);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

ExitStatus command_gradcheck(int argc, char **argv, Error *error)
{
    static const LookUsage usage = {
        .usage = "gradcheck [OPTION ...]",
        .summary =
            "Compares each parameter's gradient with the slope of the loss, measured by\n"
            "changing the parameter slightly. The exit status is 1 if the worst error exceeds\n"
            "the tolerance. Each parameter takes two forward passes.\n",
        .has_text_option = true,
    };
    GradcheckOptions chosen = {.tolerance = 1e-6};
    const Option own[] = {
        {"tolerance", &chosen.tolerance, "X", "the largest relative error", OPTION_ABOVE,
         .max = INFINITY},
    };
    ExitStatus status = look_parse(&chosen.look, &usage, own, 1, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    return look_run(&chosen.look, show, &chosen, error);
}
