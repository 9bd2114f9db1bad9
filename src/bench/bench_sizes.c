// Measures models of many sizes: see bench_sizes.h.
//
// Wider models do not fit into the caches, deeper ones have more layers, longer contexts increase
// the share of attention; and longer training has more gradients that are so small that Adam needs
// libm for their squares. There is a row for each of these.
#include "bench/bench_sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peak.h"
#include "bench/timing.h"
#include "cli/json_out.h"
#include "run/session.h"

enum {
    N_WARM_UP = 20, // documents before the measurement
    TURN = 50,      // how many documents a level trains on before the next level does
};

typedef struct Size {
    int n_embd;
    int n_layer;
    int block_size;
    size_t n_letters; // of each document; 0: use the documents of the data
} Size;

static const Size sizes[] = {
    {16, 1, 16, 0}, {32, 1, 16, 0}, {64, 1, 16, 0},  {128, 1, 16, 0},   {16, 2, 16, 0},
    {16, 4, 16, 0}, {64, 4, 16, 0}, {16, 1, 64, 60}, {16, 1, 256, 250}, {64, 1, 64, 60},
};

enum {
    N_SIZES = sizeof sizes / sizeof *sizes,
};

// A model at one level, and its measurements.
typedef struct Row {
    Session session;
    char *text;       // of its long documents; NULL if there are none
    double *us;       // [n_documents] the whole step
    double *adam_us;  // [n_documents] only the update
    double *rate;     // [n_documents] products and sums per us, in forward and backward
    double used_us;   // in all steps
    size_t n_letters; // positions, in all documents
    double peak_per_us;
    Timing whole;
    Timing adam;
    double mean_us;
    double peak_share;
    double asked; // how many of 100,000 parameters Adam computed with libm
} Row;

// Makes documents of n_letters by concatenating those of the data.
// Errors: out of memory.
static bool lengthen_documents(Row *row, size_t n_letters, Error *error)
{
    Dataset *dataset = &row->session.dataset;
    size_t n_bytes = 0;
    for (size_t i = 0; i < dataset->n_docs; i++) {
        n_bytes += dataset->docs[i].size;
    }
    row->text = malloc(n_bytes + 1); // never 0 bytes, for which malloc() may return NULL
    if (row->text == NULL) {
        return error_out_of_memory(error, "long documents", n_bytes);
    }
    char *end = row->text;
    size_t n_docs = 0;
    for (size_t i = 0; i < dataset->n_docs; i++) {
        Document doc = dataset->docs[i];
        memcpy(end, doc.text, doc.size);
        end += doc.size;
        char *start = n_docs == 0 ? row->text : (char *)dataset->docs[n_docs - 1].text + n_letters;
        if ((size_t)(end - start) >= n_letters) {
            dataset->docs[n_docs] = (Document){start, n_letters};
            n_docs++;
        }
    }
    dataset->n_docs = n_docs;
    return n_docs > 0 ||
           error_set(error, "--data: there are fewer than %zu letters; name a longer file",
                     n_letters);
}

static bool open_row(Row *row, const RunOptions *options, const Size *size, SimdLevel level,
                     size_t n_documents, Error *error)
{
    RunOptions run = *options;
    run.engine = ENGINE_TENSOR;
    run.simd = level;
    run.num_steps = N_WARM_UP + n_documents;
    run.model.n_embd = size->n_embd;
    run.model.n_layer = size->n_layer;
    run.model.block_size = size->block_size;
    if (!run_options_check(&run, error) || !session_open(&row->session, &run, error)) {
        return false;
    }
    row->us = calloc(n_documents, sizeof(double));
    row->adam_us = calloc(n_documents, sizeof(double));
    row->rate = calloc(n_documents, sizeof(double));
    if (row->us == NULL || row->adam_us == NULL || row->rate == NULL) {
        return error_out_of_memory(error, "the timings", n_documents * sizeof(double));
    }
    row->peak_per_us = peak_per_us(level);
    return size->n_letters == 0 || lengthen_documents(row, size->n_letters, error);
}

static void close_row(Row *row)
{
    session_close(&row->session);
    free(row->text);
    free(row->us);
    free(row->adam_us);
    free(row->rate);
}

static bool time_step(Row *row, size_t step, Error *error)
{
    Trainer *trainer = &row->session.trainer;
    double loss;
    double start = timing_now_us();
    if (!trainer_forward(trainer, &loss, error) || !trainer_backward(trainer, error)) {
        return false;
    }
    double after_backward = timing_now_us();
    if (!trainer_update(trainer, error)) {
        return false;
    }
    double end = timing_now_us();
    if (step >= N_WARM_UP) {
        size_t i = step - N_WARM_UP;
        double operations = timing_operations(&row->session.model.config, trainer->n_positions);
        row->us[i] = end - start;
        row->adam_us[i] = end - after_backward;
        row->rate[i] = operations / (after_backward - start);
        row->n_letters += trainer->n_positions;
    }
    return true;
}

static void summarize_row(Row *row, size_t n_documents)
{
    row->whole = timing_of(row->us, n_documents);
    row->adam = timing_of(row->adam_us, n_documents);
    row->mean_us = row->used_us / (double)(N_WARM_UP + n_documents);
    row->peak_share = timing_of(row->rate, n_documents).median / row->peak_per_us;
    row->asked = timing_asked(&row->session.adam, N_WARM_UP + n_documents);
}

// Times the levels alternately.
static bool time_size(Row *rows, size_t n_rows, size_t n_documents, Error *error)
{
    size_t n_steps = N_WARM_UP + n_documents;
    for (size_t first = 0; first < n_steps; first += TURN) {
        for (size_t i = 0; i < n_rows; i++) {
            double start = timing_used_us();
            for (size_t step = first; step < first + TURN && step < n_steps; step++) {
                if (!time_step(&rows[i], step, error)) {
                    return false;
                }
            }
            rows[i].used_us += timing_used_us() - start;
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        summarize_row(&rows[i], n_documents);
    }
    return true;
}

// growth is the time per parameter and position, divided by that of the first model at this level.
static void print_row(const Row *row, const char *level, size_t n_documents, double growth)
{
    const ModelConfig *config = &row->session.model.config;
    printf("%6d %6d %7d %9.1f %10zu %-7s %9.2f %9.2f %9.2f %7.2f %6.1f %7.2f\n", config->n_embd,
           config->n_layer, config->block_size, (double)row->n_letters / (double)n_documents,
           row->session.model.n_params, level, row->whole.median, row->mean_us, row->adam.median,
           growth, 100 * row->peak_share, row->asked);
}

static void put_row(JsonOut *out, json_t *parent, const Row *row, const char *level,
                    size_t n_documents, double growth)
{
    const ModelConfig *config = &row->session.model.config;
    json_t *object = json_out_object(out, parent, NULL);
    json_out_count(out, object, "n_embd", (size_t)config->n_embd);
    json_out_count(out, object, "n_layer", (size_t)config->n_layer);
    json_out_count(out, object, "block_size", (size_t)config->block_size);
    json_out_number(out, object, "positions", (double)row->n_letters / (double)n_documents);
    json_out_count(out, object, "n_params", row->session.model.n_params);
    json_out_text(out, object, "simd", level);
    json_t *us = timing_put_json(out, object, "us", row->whole);
    json_out_number(out, us, "mean", row->mean_us);
    json_out_number(out, object, "adam_us", row->adam.median);
    json_out_number(out, object, "growth", growth);
    json_out_number(out, object, "peak_share", row->peak_share);
    json_out_number(out, object, "asked_per_100000", row->asked);
}

// Measures one size at all levels. Prints the rows, or adds them to list if it is not NULL.
// first_us contains the time per parameter of the first size, at each level.
static bool bench_size(const RunOptions *run, size_t size_id, size_t n_documents, JsonOut *out,
                       json_t *list, double *first_us, Error *error)
{
    Row rows[N_SIMD_LEVELS] = {{.text = NULL}};
    SimdLevel levels[N_SIMD_LEVELS];
    size_t n_rows = 0;
    bool ok = true;
    for (SimdLevel level = SIMD_NONE; ok && level < N_SIMD_LEVELS; level++) {
        if (simd_has(level)) {
            levels[n_rows] = level;
            ok = open_row(&rows[n_rows], run, &sizes[size_id], level, n_documents, error);
            n_rows++;
        }
    }
    ok = ok && time_size(rows, n_rows, n_documents, error);
    for (size_t i = 0; ok && i < n_rows; i++) {
        double us = rows[i].whole.median / (double)rows[i].session.model.n_params;
        first_us[i] = size_id == 0 ? us : first_us[i];
        const char *level = simd_name(levels[i]);
        if (list != NULL) {
            put_row(out, list, &rows[i], level, n_documents, us / first_us[i]);
        } else {
            print_row(&rows[i], level, n_documents, us / first_us[i]);
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        close_row(&rows[i]);
    }
    return ok;
}

static bool bench_all_sizes(const RunOptions *run, size_t n_documents, JsonOut *out, json_t *list,
                            Error *error)
{
    double first_us[N_SIMD_LEVELS];
    for (size_t i = 0; i < N_SIZES; i++) {
        if (!bench_size(run, i, n_documents, out, list, first_us, error)) {
            return false;
        }
    }
    return true;
}

bool bench_sizes(const RunOptions *run, size_t n_documents, bool json, Error *error)
{
    if (!json) {
        printf("us per document of %zu: the median; the mean, in processor time; and the median\n"
               "of Adam alone. growth: of the median per parameter, from the first row; peak: the\n"
               "share that forward and backward have of the processor's products and sums;\n"
               "asked: how many of 100,000 parameters Adam computed with libm\n\n",
               n_documents);
        printf("n_embd layers context positions parameters level      median      mean      adam  "
               "growth peak %%   asked\n");
        return bench_all_sizes(run, n_documents, NULL, NULL, error);
    }
    JsonOut out = json_out_begin();
    json_out_count(&out, out.root, "documents", n_documents);
    json_t *list = json_out_array(&out, out.root, "sizes");
    bool ok = bench_all_sizes(run, n_documents, &out, list, error) &&
              json_out_write_line(&out, stdout, error);
    json_out_free(&out);
    return ok;
}
