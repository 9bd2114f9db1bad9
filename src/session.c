// Sets up a run: see session.h.
#include "session.h"

#include <assert.h>
#include <sys/resource.h>
#include <unistd.h>

#include "count.h"

const RunOptions run_options_default = {
    .seed = 42,
    .num_steps = 1000,
    .num_samples = 20,
    .temperature = 0.5,
    .init_std = 0.08,
    .adam = {.learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8},
    .model = {.n_layer = 1, .n_embd = 16, .n_head = 4, .block_size = 16},
    .engine = ENGINE_SCALAR,
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// The most memory that this process may have: the machine's, or less where a limit is set.
static size_t memory_limit(void)
{
    size_t limit = SIZE_MAX;
    long n_pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    if (n_pages > 0 && page_size > 0) {
        limit = count_mul((size_t)n_pages, (size_t)page_size);
    }
    const int resources[] = {RLIMIT_AS, RLIMIT_DATA};
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        struct rlimit rlimit;
        if (getrlimit(resources[i], &rlimit) == 0 && rlimit.rlim_cur != RLIM_INFINITY) {
            limit = smaller(limit, (size_t)rlimit.rlim_cur);
        }
    }
    return limit;
}

// Refuses a model that cannot fit, before anything is allocated for it.
static bool check_memory(const RunOptions *options, const ModelConfig *config,
                         const Dataset *dataset, Error *error)
{
    size_t n_params;
    if (!model_count_params(config, &n_params, error)) {
        return false;
    }
    size_t n_positions = trainer_max_positions(dataset, (size_t)config->block_size);
    size_t arrays = count_mul(n_params, 4 * sizeof(double)); // data, grad, m, v
    size_t needed = count_add(arrays, engine_count_bytes(options->engine, config, n_positions));
    size_t limit = memory_limit();
    if (needed > limit) {
        return error_set(error,
                         "%zu parameters and documents of %zu positions need %.3g MiB, and there "
                         "are %.3g MiB; use a smaller --n-embd, --n-layer or --block-size",
                         n_params, n_positions, (double)needed / 1048576, (double)limit / 1048576);
    }
    return true;
}

static bool open_data(Session *session, const RunOptions *options, Error *error)
{
    bool ok = options->data != NULL ? dataset_read(&session->dataset, options->data, error)
                                    : dataset_default(&session->dataset, error);
    if (!ok) {
        return false;
    }
    random_seed(&session->random, options->seed);
    dataset_shuffle(&session->dataset, &session->random);
    return tokenizer_init(&session->tokenizer, &session->dataset, error);
}

static bool open_model(Session *session, const RunOptions *options, Error *error)
{
    ModelConfig config = options->model;
    config.vocab_size = session->tokenizer.vocab_size;
    if (!check_memory(options, &config, &session->dataset, error) ||
        !model_init(&session->model, &config, error)) {
        return false;
    }
    model_randomize(&session->model, &session->random, options->init_std);
    return engine_create(&session->engine, options->engine, &session->model, error);
}

bool session_open(Session *session, const RunOptions *options, Error *error)
{
    assert(session != NULL && options != NULL && error != NULL);
    *session = (Session){0};
    bool ok =
        open_data(session, options, error) && open_model(session, options, error) &&
        adam_init(&session->adam, &options->adam, session->model.n_params, error) &&
        trainer_init(&session->trainer, &session->dataset, &session->tokenizer, &session->model,
                     session->engine, &session->adam, options->num_steps, error);
    if (!ok) {
        session_close(session);
    }
    return ok;
}

void session_close(Session *session)
{
    assert(session != NULL);
    trainer_free(&session->trainer);
    adam_free(&session->adam);
    engine_free(session->engine);
    model_free(&session->model);
    tokenizer_free(&session->tokenizer);
    dataset_free(&session->dataset);
    *session = (Session){0};
}
