// What a report shows: see report_data.h.
#include "report/report_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "look/stats.h"
#include "microgpt/version.h"
#include "report/pca.h"
#include "report/report_graph.h"

static void put_run(JsonOut *out, const LookSession *look)
{
    const LookOptions *options = look->options;
    char seed[24]; // a number that may be too large for JavaScript's doubles
    snprintf(seed, sizeof seed, "%" PRIu64, look->session.seed);
    json_out_text(out, out->root, "version", MICROGPT_VERSION);
    json_out_bool(out, out->root, "is_loaded", options->load != NULL);
    json_out_bool(out, out->root, "is_foreign",
                  options->load != NULL && !look->checkpoint.can_resume);
    json_out_bool(out, out->root, "is_first_step",
                  options->load == NULL && options->text == NULL && options->run.num_steps == 0);
    json_out_text(out, out->root, "seed", seed);
    json_out_number(out, out->root, "temperature", options->run.temperature);
}

static void put_losses(JsonOut *out, const double *losses, size_t n_losses)
{
    json_t *array = json_out_array(out, out->root, "losses");
    for (size_t i = 0; i < n_losses; i++) {
        json_out_number(out, array, NULL, losses[i]);
    }
}

static void put_sample(JsonOut *out, json_t *samples, const LookSession *look,
                       const Sampler *sampler)
{
    json_t *sample = json_out_array(out, samples, NULL);
    for (size_t i = 0; i < sampler->n_tokens; i++) {
        look_put_token(look, out, sample, NULL, sampler->tokens[i]);
    }
}

static bool put_samples(JsonOut *out, LookSession *look, Error *error)
{
    const RunOptions *run = &look->options->run;
    Sampler sampler;
    if (!sampler_init(&sampler, look->model, look->engine, &look->session.random, run->temperature,
                      error)) {
        return false;
    }
    json_t *samples = json_out_array(out, out->root, "samples");
    bool ok = true;
    for (size_t i = 0; ok && i < run->num_samples; i++) {
        ok = sampler_next(&sampler, error);
        if (ok) {
            put_sample(out, samples, look, &sampler);
        }
    }
    sampler_free(&sampler);
    return ok;
}

static void put_tokens(JsonOut *out, const LookSession *look)
{
    json_t *vocabulary = json_out_array(out, out->root, "vocabulary");
    for (int token_id = 0; token_id < look->tokenizer->vocab_size; token_id++) {
        look_put_token(look, out, vocabulary, NULL, token_id);
    }
    json_t *tokens = json_out_array(out, out->root, "tokens");
    for (size_t i = 0; i <= look->n_positions; i++) {
        look_put_token(look, out, tokens, NULL, look->tokens[i]);
    }
}

// The graph of the document has already been checked, but it need not contain the embeddings of all
// letters.
static bool check_weights(const Model *model, Error *error)
{
    for (int i = 0; i < model->n_matrices; i++) {
        const Matrix *matrix = &model->matrices[i];
        const double *x = model->data + matrix->first_param;
        Stats stats = stats_of(x, (size_t)matrix->n_out * (size_t)matrix->n_in);
        if (!isfinite(stats.sum_of_squares)) {
            char name[MODEL_NAME_BYTES];
            model_matrix_name(matrix, name);
            return error_set(error,
                             "%s has numbers too large for the statistics of a page; try a smaller "
                             "--learning-rate or --init-std, or another checkpoint",
                             name);
        }
    }
    return true;
}

static void put_weights(JsonOut *out, const Model *model)
{
    json_t *matrices = json_out_array(out, out->root, "matrices");
    for (int i = 0; i < model->n_matrices; i++) {
        const Matrix *matrix = &model->matrices[i];
        const double *x = model->data + matrix->first_param;
        size_t bins[STATS_N_BINS];
        char name[MODEL_NAME_BYTES];
        Stats stats = stats_of(x, (size_t)matrix->n_out * (size_t)matrix->n_in);
        stats_histogram(&stats, x, bins);
        model_matrix_name(matrix, name);
        json_t *object = json_out_object(out, matrices, NULL);
        json_out_text(out, object, "name", name);
        json_out_count(out, object, "n_out", (size_t)matrix->n_out);
        json_out_count(out, object, "n_in", (size_t)matrix->n_in);
        stats_put_json(&stats, out, object);
        json_out_number(out, object, "std", stats_std(&stats, x));
        json_t *array = json_out_array(out, object, "bins");
        for (size_t bin = 0; bin < STATS_N_BINS; bin++) {
            json_out_count(out, array, NULL, bins[bin]);
        }
    }
}

static bool put_letters(JsonOut *out, const Model *model, Error *error)
{
    const Matrix *wte = model_matrix(model, MATRIX_WTE, -1);
    Pca pca;
    if (!pca_project(&pca, model->data + wte->first_param, (size_t)wte->n_out, (size_t)wte->n_in,
                     error)) {
        return false;
    }
    json_t *letters = json_out_object(out, out->root, "letters");
    json_t *share = json_out_array(out, letters, "share");
    json_t *points = json_out_array(out, letters, "points");
    for (size_t i = 0; i < 2; i++) {
        json_out_number(out, share, NULL, pca.share[i]);
    }
    for (size_t i = 0; i < 2 * (size_t)wte->n_out; i++) {
        json_out_number(out, points, NULL, pca.points[i]);
    }
    pca_free(&pca);
    return true;
}

// The graph of the document replaces that of the sampler.
static bool put_document(JsonOut *out, LookSession *look, Error *error)
{
    if (!look_forward(look, error) || !engine_backward(look->engine, error) ||
        !report_check_graph(engine_graph(look->engine), error)) {
        return false;
    }
    json_out_number(out, out->root, "loss", look->loss);
    report_put_graph(out, "graph", engine_graph(look->engine), look->model->n_params);
    return true;
}

// The five nodes with which the book, the tour and the page begin.
static bool put_expression(JsonOut *out, Error *error)
{
    Graph g;
    graph_init(&g);
    graph_name(&g, "a", -1);
    Value *a = value_leaf(&g, 2);
    graph_name(&g, "b", -1);
    Value *b = value_leaf(&g, -3);
    graph_name(&g, "c", -1);
    Value *c = value_mul(&g, a, b);
    graph_name(&g, "d", -1);
    Value *d = value_add(&g, c, a);
    graph_name(&g, "loss", -1);
    Value *loss = value_pow(&g, d, 2);
    bool ok = value_backward(&g, loss, error);
    if (ok) {
        report_put_graph(out, "expression", &g, 2);
    }
    graph_free(&g);
    return ok;
}

bool report_collect(JsonOut *out, LookSession *look, const double *losses, size_t n_losses,
                    Error *error)
{
    look_put_subject(look, out, "report");
    put_run(out, look);
    put_losses(out, losses, n_losses);
    put_tokens(out, look);
    if (!put_samples(out, look, error) || !put_document(out, look, error) ||
        !put_expression(out, error) || !check_weights(look->model, error)) {
        return false;
    }
    put_weights(out, look->model);
    return put_letters(out, look->model, error);
}
