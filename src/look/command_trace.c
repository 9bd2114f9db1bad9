// `microgpt trace TEXT`: one forward pass, stage by stage, and the prediction at each position;
// then the gradients of the backward pass.
#include "look/look_commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "look/look_session.h"
#include "look/pipeline.h"
#include "look/stats.h"

typedef struct TraceOptions {
    LookOptions look;
    bool backward;
} TraceOptions;

// What the model predicts at one position.
typedef struct Outcome {
    int predicted;         // the most probable token; the first one if several are equal
    double predicted_prob; // its probability, and that of the target
    double target_prob;
    double loss;
} Outcome;

typedef struct Trace {
    const LookSession *look;
    size_t n_rows; // stages, where those of each layer are counted separately
    Stats *data;   // [n_rows]
    Stats *grad;   // [n_rows], all zero without --backward
    Outcome *outcomes;
    bool has_grad;
} Trace;

static void trace_free(Trace *trace)
{
    free(trace->data);
    free(trace->grad);
    free(trace->outcomes);
}

static bool trace_alloc(Trace *trace, const LookSession *look, Error *error)
{
    size_t n_rows = stage_count_rows(&look->model->config);
    *trace = (Trace){
        .look = look,
        .n_rows = n_rows,
        .data = calloc(n_rows, sizeof *trace->data),
        .grad = calloc(n_rows, sizeof *trace->grad),
        .outcomes = calloc(look->n_positions, sizeof *trace->outcomes),
    };
    if (trace->data == NULL || trace->grad == NULL || trace->outcomes == NULL) {
        trace_free(trace);
        error_out_of_memory(error, "the trace", 2 * n_rows * sizeof *trace->data);
        return false;
    }
    return true;
}

static void see_prob(Outcome *outcome, const StageNode *node, int target_id)
{
    double prob = node->value->data;
    if (node->index == 0 || prob > outcome->predicted_prob) {
        outcome->predicted = node->index;
        outcome->predicted_prob = prob;
    }
    if (node->index == target_id) {
        outcome->target_prob = prob;
    }
}

// Reads everything from the graph in one pass.
static void trace_read(Trace *trace)
{
    const LookSession *look = trace->look;
    StageWalk walk = stage_walk(engine_graph(look->engine));
    StageNode node;
    while (stage_walk_next(&walk, &node)) {
        size_t row = stage_row(&look->model->config, node.kind, node.layer);
        stats_add(&trace->data[row], node.value->data);
        stats_add(&trace->grad[row], node.value->grad);
        if (node.kind == STAGE_PROB) {
            see_prob(&trace->outcomes[node.position], &node, look->tokens[node.position + 1]);
        } else if (node.kind == STAGE_POS_LOSS) {
            trace->outcomes[node.position].loss = node.value->data;
        }
    }
}

static void print_head(void)
{
    printf("  %-18s%-13s%11s %11s %11s %11s\n", "stage", "shape", "L2 norm", "min", "max", "mean");
}

static void print_row(const char *name, const char *shape, const Stats *stats)
{
    printf("  %-18s%-13s%11.4g %11.4g %11.4g %11.4g\n", name, shape, stats_l2(stats), stats->min,
           stats->max, stats_mean(stats));
}

// Prints a heading before the first stage of a layer, or after a layer.
static void print_layer(int layer, int *layer_before)
{
    if (layer == *layer_before) {
        return;
    }
    if (layer >= 0) {
        printf("layer %d\n", layer);
    } else {
        printf("outside of the layers\n");
    }
    *layer_before = layer;
}

static void print_stage(const Trace *trace, size_t row, const Stats *stats, int *layer_before)
{
    const ModelConfig *config = &trace->look->model->config;
    int layer;
    StageKind kind = stage_row_kind(config, row, &layer);
    char shape[STAGE_SHAPE_BYTES];
    stage_format_shape(pipeline[kind].shape, config, trace->look->n_positions, shape);
    print_layer(layer, layer_before);
    print_row(pipeline[kind].title, shape, stats);
}

static void print_forward(const Trace *trace, const Screen *screen)
{
    int layer = -1;
    screen_title(screen, "Forward: the numbers of each stage, over all positions");
    print_head();
    for (size_t row = 0; row < trace->n_rows; row++) {
        print_stage(trace, row, &trace->data[row], &layer);
    }
}

static Stats matrix_grad_stats(const Model *model, const Matrix *matrix)
{
    return stats_of(model->grad + matrix->first_param,
                    (size_t)matrix->n_out * (size_t)matrix->n_in);
}

static void print_backward(const Trace *trace, const Screen *screen)
{
    const Model *model = trace->look->model;
    int layer = -1;
    screen_title(screen, "Backward: the gradients dloss/dx of each stage, starting from the loss");
    print_head();
    for (size_t row = trace->n_rows; row-- > 0;) {
        print_stage(trace, row, &trace->grad[row], &layer);
    }
    printf("parameters\n");
    for (int i = 0; i < model->n_matrices; i++) {
        const Matrix *matrix = &model->matrices[i];
        Stats stats = matrix_grad_stats(model, matrix);
        char name[MODEL_NAME_BYTES];
        char shape[STAGE_SHAPE_BYTES];
        model_matrix_name(matrix, name);
        snprintf(shape, sizeof shape, "[%d,%d]", matrix->n_out, matrix->n_in);
        print_row(name, shape, &stats);
    }
}

static void print_outcomes(const Trace *trace, const Screen *screen)
{
    const LookSession *look = trace->look;
    screen_title(screen, "Each position: the next token, and what the model predicts");
    printf("  %8s  %-11s%-11s%12s  %-11s%-9s%9s\n", "position", "token", "target", "probability",
           "predicted", "with", "loss");
    for (size_t t = 0; t < look->n_positions; t++) {
        const Outcome *outcome = &trace->outcomes[t];
        Label token = screen_label(screen, look->tokenizer, look->tokens[t]);
        Label target = screen_label(screen, look->tokenizer, look->tokens[t + 1]);
        Label predicted = screen_label(screen, look->tokenizer, outcome->predicted);
        printf("  %8zu  ", t);
        screen_print_label(&token, 11);
        screen_print_label(&target, 11);
        printf("%12.4f  ", outcome->target_prob);
        screen_print_label(&predicted, 11);
        printf("%-9.4f%9.4f\n", outcome->predicted_prob, outcome->loss);
    }
    printf("  loss, the mean of these: %.6f\n", look->loss);
}

static void print_text(const Trace *trace)
{
    Screen screen = screen_open();
    look_print_subject(trace->look, &screen);
    print_forward(trace, &screen);
    print_outcomes(trace, &screen);
    if (trace->has_grad) {
        print_backward(trace, &screen);
    }
}

static void put_stage(const Trace *trace, JsonOut *out, json_t *parent, size_t row)
{
    const ModelConfig *config = &trace->look->model->config;
    int layer;
    StageKind kind = stage_row_kind(config, row, &layer);
    char shape[STAGE_SHAPE_BYTES];
    stage_format_shape(pipeline[kind].shape, config, trace->look->n_positions, shape);
    json_t *stage = json_out_object(out, parent, NULL);
    json_out_text(out, stage, "stage", pipeline[kind].title);
    if (layer >= 0) {
        json_out_count(out, stage, "layer", (size_t)layer);
    }
    json_out_text(out, stage, "shape", shape);
    json_out_count(out, stage, "n", trace->data[row].n);
    stats_put_json(&trace->data[row], out, stage);
    if (trace->has_grad) {
        stats_put_json(&trace->grad[row], out, json_out_object(out, stage, "grad"));
    }
}

static void put_outcome(const Trace *trace, JsonOut *out, json_t *parent, size_t t)
{
    const LookSession *look = trace->look;
    const Outcome *outcome = &trace->outcomes[t];
    json_t *position = json_out_object(out, parent, NULL);
    look_put_token(look, out, position, "token", look->tokens[t]);
    look_put_token(look, out, position, "target", look->tokens[t + 1]);
    json_out_number(out, position, "target_prob", outcome->target_prob);
    look_put_token(look, out, position, "predicted", outcome->predicted);
    json_out_number(out, position, "predicted_prob", outcome->predicted_prob);
    json_out_number(out, position, "loss", outcome->loss);
}

static void put_parameters(const Trace *trace, JsonOut *out)
{
    const Model *model = trace->look->model;
    json_t *parameters = json_out_array(out, out->root, "parameters");
    for (int i = 0; i < model->n_matrices; i++) {
        Stats stats = matrix_grad_stats(model, &model->matrices[i]);
        char name[MODEL_NAME_BYTES];
        model_matrix_name(&model->matrices[i], name);
        json_t *matrix = json_out_object(out, parameters, NULL);
        json_out_text(out, matrix, "name", name);
        stats_put_json(&stats, out, json_out_object(out, matrix, "grad"));
    }
}

static bool print_json(const Trace *trace, Error *error)
{
    JsonOut out = json_out_begin();
    look_put_subject(trace->look, &out, "trace");
    json_out_number(&out, out.root, "loss", trace->look->loss);
    json_t *positions = json_out_array(&out, out.root, "positions");
    for (size_t t = 0; t < trace->look->n_positions; t++) {
        put_outcome(trace, &out, positions, t);
    }
    json_t *stages = json_out_array(&out, out.root, "stages");
    for (size_t row = 0; row < trace->n_rows; row++) {
        put_stage(trace, &out, stages, row);
    }
    if (trace->has_grad) {
        put_parameters(trace, &out);
    }
    return json_out_write(&out, stdout, error);
}

static ExitStatus show(LookSession *look, const void *chosen, Error *error)
{
    const TraceOptions *options = chosen;
    Trace trace;
    if (!look_forward(look, error) ||
        (options->backward && !engine_backward(look->engine, error)) ||
        !trace_alloc(&trace, look, error)) {
        return EXIT_FAILED;
    }
    trace.has_grad = options->backward;
    trace_read(&trace);
    bool ok = true;
    if (options->look.json) {
        ok = print_json(&trace, error);
    } else {
        print_text(&trace);
    }
    trace_free(&trace);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

ExitStatus command_trace(int argc, char **argv, Error *error)
{
    static const LookUsage usage = {
        .usage = "trace TEXT [OPTION ...]",
        .summary =
            "Runs TEXT through the model and shows the numbers of each stage, then what the\n"
            "model predicts at each position.\n",
        .has_argument = true,
    };
    TraceOptions chosen = {.backward = false};
    const Option own[] = {
        {"backward", &chosen.backward, NULL, "also show the gradients", OPTION_FLAG,
         .group = OPTION_OWN},
    };
    ExitStatus status = look_parse(&chosen.look, &usage, own, 1, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    return look_run(&chosen.look, show, &chosen, error);
}
