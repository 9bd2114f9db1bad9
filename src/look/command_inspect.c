// `microgpt inspect`: shows the model: its sizes, the number of its parameters, statistics of each
// matrix, and the pipeline of operations.
#include "look/look_commands.h"

#include <stdio.h>

#include "look/look_session.h"
#include "look/pipeline.h"
#include "look/stats.h"

// The shape in letters, and a sentence about the matrix.
typedef struct MatrixText {
    const char *shape;
    const char *role;
} MatrixText;

static const MatrixText matrix_texts[] = {
    [MATRIX_WTE] = {"[V,E]", "One row for each token: the embedding of the token."},
    [MATRIX_WPE] = {"[B,E]", "One row for each position: the embedding of the position."},
    [MATRIX_LM_HEAD] = {"[V,E]", "One row for each token: makes its logit as the next token."},
    [MATRIX_ATTN_WQ] = {"[E,E]", "Makes the query: what a position attends to."},
    [MATRIX_ATTN_WK] = {"[E,E]", "Makes the key: what queries are compared with."},
    [MATRIX_ATTN_WV] = {"[E,E]", "Makes the value: what a position passes on when attended to."},
    [MATRIX_ATTN_WO] = {"[E,E]", "Combines the heads' outputs for the residual stream."},
    [MATRIX_MLP_FC1] = {"[4E,E]", "The MLP's expansion: one row for each hidden unit."},
    [MATRIX_MLP_FC2] = {"[E,4E]", "The MLP's contraction: what hidden units add to the stream."},
};

static size_t matrix_size(const Matrix *matrix)
{
    return (size_t)matrix->n_out * (size_t)matrix->n_in;
}

static void print_sizes(const LookSession *look, const Screen *screen)
{
    const ModelConfig *config = &look->model->config;
    screen_title(screen, "Architecture");
    printf("  V  vocab_size   %7d  characters and BOS\n", config->vocab_size);
    printf("  E  n_embd       %7d  width of the network\n", config->n_embd);
    printf("  H  n_head       %7d  attention heads\n", config->n_head);
    printf("  D  head_dim     %7d  width of a head, E / H\n", look->model->head_dim);
    printf("  B  block_size   %7d  longest context\n", config->block_size);
    printf("  L  n_layer      %7d  layers of attention and MLP\n", config->n_layer);
    printf("  No biases; RMSNorm without a gain; ReLU; lm_head is not tied to wte.\n");
}

static void print_size_of(const Matrix *matrix, const char *indent)
{
    char name[MODEL_NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", indent, matrix_kind_name(matrix->kind));
    printf("  %-16s %-7s %7d x %-7d %10zu\n", name, matrix_texts[matrix->kind].shape, matrix->n_out,
           matrix->n_in, matrix_size(matrix));
}

// Prints the number of parameters as a sum. All layers have the same shapes, so it shows only one.
static void print_sum(const LookSession *look, const Screen *screen)
{
    const Model *model = look->model;
    int n_shown = N_MODEL_MATRICES + (model->config.n_layer > 0 ? N_LAYER_MATRICES : 0);
    size_t around = 0;
    size_t layer = 0;
    screen_title(screen, "Parameters");
    for (int i = 0; i < n_shown; i++) {
        const Matrix *matrix = &model->matrices[i];
        bool is_in_layer = matrix->layer >= 0;
        if (matrix->kind == MATRIX_ATTN_WQ) {
            printf("  each layer: 12 E^2\n");
        }
        print_size_of(matrix, is_in_layer ? "  " : "");
        *(is_in_layer ? &layer : &around) += matrix_size(matrix);
    }
    printf("  %zu + %d x %zu = %zu\n", around, model->config.n_layer, layer, model->n_params);
}

static void print_histogram(const Screen *screen, const Stats *stats, const double *x)
{
    size_t bins[STATS_N_BINS];
    size_t most = 1;
    stats_histogram(stats, x, bins);
    for (size_t i = 0; i < STATS_N_BINS; i++) {
        most = bins[i] > most ? bins[i] : most;
    }
    for (size_t i = 0; i < STATS_N_BINS; i++) {
        fputs(screen_bar(screen, (double)bins[i] / (double)most), stdout);
    }
}

static void print_tensor(const LookSession *look, const Screen *screen, const Matrix *matrix)
{
    const double *x = look->model->data + matrix->first_param;
    Stats stats = stats_of(x, matrix_size(matrix));
    char name[MODEL_NAME_BYTES];
    model_matrix_name(matrix, name);
    printf("  %-16s [%d,%d], %zu numbers\n", name, matrix->n_out, matrix->n_in, stats.n);
    printf("    %s\n", matrix_texts[matrix->kind].role);
    printf("    %.3g ", stats.min);
    print_histogram(screen, &stats, x);
    printf(" %.3g, mean %.3g, std %.3g\n", stats.max, stats_mean(&stats), stats_std(&stats, x));
}

static void print_pipeline(const LookSession *look, const Screen *screen)
{
    screen_title(screen, "Pipeline, from top to bottom");
    printf("  %-19s%-10s%-33s%s\n", "stage", "shape", "what is computed", "in microgpt.py");
    for (size_t i = 0; i < N_STAGES; i++) {
        const Stage *stage = &pipeline[i];
        if (i == STAGE_ATTN_NORM) {
            printf("  in each of %d layers:\n", look->model->config.n_layer);
        }
        bool is_in_layer = stage_is_in_layer((StageKind)i);
        printf("  %s%-*s%-10s%-33s%s\n", is_in_layer ? "  " : "", is_in_layer ? 17 : 19,
               stage->title, stage->shape, stage->formula, stage->source);
    }
    printf("  T is the number of positions; the block input is x before the block's norm.\n");
}

static void print_text(const LookSession *look)
{
    Screen screen = screen_open();
    look_print_subject(look, &screen);
    print_sizes(look, &screen);
    print_sum(look, &screen);
    screen_title(&screen, "Tensors");
    for (int i = 0; i < look->model->n_matrices; i++) {
        print_tensor(look, &screen, &look->model->matrices[i]);
    }
    print_pipeline(look, &screen);
}

static void put_tensor(const LookSession *look, JsonOut *out, json_t *parent, const Matrix *matrix)
{
    const double *x = look->model->data + matrix->first_param;
    Stats stats = stats_of(x, matrix_size(matrix));
    size_t bins[STATS_N_BINS];
    char name[MODEL_NAME_BYTES];
    model_matrix_name(matrix, name);
    stats_histogram(&stats, x, bins);
    json_t *tensor = json_out_object(out, parent, NULL);
    json_out_text(out, tensor, "name", name);
    json_t *shape = json_out_array(out, tensor, "shape");
    json_out_count(out, shape, NULL, (size_t)matrix->n_out);
    json_out_count(out, shape, NULL, (size_t)matrix->n_in);
    json_out_count(out, tensor, "n", stats.n);
    json_out_text(out, tensor, "role", matrix_texts[matrix->kind].role);
    stats_put_json(&stats, out, tensor);
    json_out_number(out, tensor, "std", stats_std(&stats, x));
    json_t *histogram = json_out_array(out, tensor, "histogram");
    for (size_t i = 0; i < STATS_N_BINS; i++) {
        json_out_count(out, histogram, NULL, bins[i]);
    }
}

static void put_stage(JsonOut *out, json_t *parent, StageKind kind)
{
    const Stage *stage = &pipeline[kind];
    json_t *object = json_out_object(out, parent, NULL);
    json_out_text(out, object, "stage", stage->title);
    json_out_bool(out, object, "in_layer", stage_is_in_layer(kind));
    json_out_text(out, object, "shape", stage->shape);
    json_out_text(out, object, "formula", stage->formula);
    json_out_text(out, object, "source", stage->source);
}

static bool print_json(const LookSession *look, Error *error)
{
    JsonOut out = json_out_begin();
    look_put_subject(look, &out, "inspect");
    json_t *tensors = json_out_array(&out, out.root, "tensors");
    for (int i = 0; i < look->model->n_matrices; i++) {
        put_tensor(look, &out, tensors, &look->model->matrices[i]);
    }
    json_t *stages = json_out_array(&out, out.root, "pipeline");
    for (size_t i = 0; i < N_STAGES; i++) {
        put_stage(&out, stages, (StageKind)i);
    }
    return json_out_write(&out, stdout, error);
}

static ExitStatus show(LookSession *look, const void *chosen, Error *error)
{
    const LookOptions *options = chosen;
    bool ok = true;
    if (options->json) {
        ok = print_json(look, error);
    } else {
        print_text(look);
    }
    return ok ? EXIT_DONE : EXIT_FAILED;
}

ExitStatus command_inspect(int argc, char **argv, Error *error)
{
    static const LookUsage usage = {
        .usage = "inspect [OPTION ...]",
        .summary =
            "Shows the model: its sizes, the number of its parameters and how it is computed,\n"
            "each matrix, and the pipeline of operations.\n",
    };
    LookOptions options;
    ExitStatus status = look_parse(&options, &usage, NULL, 0, argc, argv, error);
    if (status != EXIT_DONE || options.list.is_answered) {
        return status;
    }
    return look_run(&options, show, &options, error);
}
