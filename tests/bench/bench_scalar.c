// Times documents on the scalar graph: `meson test --benchmark`.
//
// Trains on the default names and takes the time of each phase of each document: forward (building
// the graph), order (the topological order), backward, Adam. Prints the minimum and the median over
// the documents, since the machine may also do other work, and the mean, since documents differ in
// length.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run/session.h"
#include "scalar/scalar_gpt.h"

enum {
    N_WARM_UP = 200,
    N_DOCUMENTS = 3000,
};

typedef enum Phase {
    PHASE_FORWARD,
    PHASE_ORDER,
    PHASE_BACKWARD,
    PHASE_ADAM,
    PHASE_TOTAL,
    N_PHASES,
} Phase;

static const char *const phase_names[N_PHASES] = {"forward", "order", "backward", "adam", "total"};

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const Error *error)
{
    fprintf(stderr, "bench_scalar: %s\n", error->message);
    exit(EXIT_FAILURE);
}

// Does one training step in its phases, and sets us[phase] to the time of each.
static size_t time_step(Session *session, ScalarGpt *gpt, double *us)
{
    Error error;
    double loss;
    Trainer *trainer = &session->trainer;
    const Dataset *dataset = &session->dataset;
    Document doc = dataset->docs[trainer->step % dataset->n_docs];
    size_t n_tokens = tokenizer_encode(&session->tokenizer, doc, trainer->tokens,
                                       (size_t)session->model.config.block_size + 1);
    double start = now_us();
    if (!scalar_gpt_forward(gpt, trainer->tokens, n_tokens - 1, &loss, &error)) {
        fail(&error);
    }
    double after_forward = now_us();
    if (!graph_build_topo(&gpt->graph, gpt->loss, &error)) {
        fail(&error);
    }
    double after_order = now_us();
    graph_backward(&gpt->graph);
    scalar_gpt_store_grads(gpt);
    double after_backward = now_us();
    if (!trainer_update(trainer, &error)) {
        fail(&error);
    }
    double after_adam = now_us();
    us[PHASE_FORWARD] = after_forward - start;
    us[PHASE_ORDER] = after_order - after_forward;
    us[PHASE_BACKWARD] = after_backward - after_order;
    us[PHASE_ADAM] = after_adam - after_backward;
    us[PHASE_TOTAL] = after_adam - start;
    return graph_n_nodes(&gpt->graph) - session->model.n_params;
}

static void print_phase(const char *name, double *us, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += us[i];
    }
    qsort(us, n, sizeof *us, compare_doubles);
    printf("%-10s %10.1f %10.1f %10.1f\n", name, us[0], us[n / 2], sum / (double)n);
}

int main(void)
{
    static double us[N_PHASES][N_DOCUMENTS];
    RunOptions options = run_options_default();
    options.num_steps = N_WARM_UP + N_DOCUMENTS;
    Error error;
    Session session;
    ScalarGpt gpt;
    if (!session_open(&session, &options, &error) ||
        !scalar_gpt_init(&gpt, &session.model, &error)) {
        fail(&error);
    }
    size_t n_nodes = 0;
    double total_us = 0;
    for (size_t i = 0; i < N_WARM_UP + N_DOCUMENTS; i++) {
        double step_us[N_PHASES];
        size_t step_nodes = time_step(&session, &gpt, step_us);
        if (i >= N_WARM_UP) {
            for (int phase = 0; phase < N_PHASES; phase++) {
                us[phase][i - N_WARM_UP] = step_us[phase];
            }
            n_nodes += step_nodes;
            total_us += step_us[PHASE_TOTAL];
        }
    }
    printf("us per document over %d documents of the default run\n", N_DOCUMENTS);
    printf("%-10s %10s %10s %10s\n", "", "min", "median", "mean");
    for (int phase = 0; phase < N_PHASES; phase++) {
        print_phase(phase_names[phase], us[phase], N_DOCUMENTS);
    }
    printf("%.0f nodes per document, %.1f million nodes per second\n",
           (double)n_nodes / (double)N_DOCUMENTS, (double)n_nodes / total_us);
    printf("peak memory of graph and order: %.1f MiB\n",
           (double)scalar_gpt_peak_bytes(&gpt) / 1048576);
    scalar_gpt_free(&gpt);
    session_close(&session);
    return EXIT_SUCCESS;
}
