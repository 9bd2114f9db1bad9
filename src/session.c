// Sets up a run: see session.h.
#include "session.h"

#include <assert.h>
#include <math.h>
#include <sys/resource.h>
#include <unistd.h>

#include "count.h"

RunOptions run_options_default(void)
{
    return (RunOptions){
        .seed = 42,
        .num_steps = 1000,
        .num_samples = 20,
        .temperature = 0.5,
        .init_std = 0.08,
        .adam = {.learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8},
        .model = {.n_layer = 1, .n_embd = 16, .n_head = 4, .block_size = 16},
        .engine = ENGINE_SCALAR,
        .simd = simd_best(),
    };
}

static const double MEBIBYTE = 1 << 20;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// What a resource limit allows.
static size_t limit_bytes(const struct rlimit *limit)
{
    return limit->rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit->rlim_cur;
}

// The most memory that this process may have: the machine's, or less where a limit is set.
static size_t memory_limit(void)
{
    size_t smallest = SIZE_MAX;
    long n_pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    if (n_pages > 0 && page_size > 0) {
        smallest = count_mul((size_t)n_pages, (size_t)page_size);
    }
    struct rlimit address_space;
    if (getrlimit(RLIMIT_AS, &address_space) == 0) {
        smallest = smaller(smallest, limit_bytes(&address_space));
    }
    struct rlimit data;
    if (getrlimit(RLIMIT_DATA, &data) == 0) {
        smallest = smaller(smallest, limit_bytes(&data));
    }
    return smallest;
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
        return error_set(
            error,
            "%zu parameters and documents of %zu positions need %.0f MiB of memory, and "
            "there are %.0f; use a smaller --n-embd, --n-layer or --block-size",
            n_params, n_positions, ceil((double)needed / MEBIBYTE),
            floor((double)limit / MEBIBYTE));
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
    if (!engine_create(&session->engine, options->engine, &session->model, error) ||
        !adam_init(&session->adam, &options->adam, session->model.n_params, error)) {
        return false;
    }
    engine_set_simd(session->engine, options->simd);
    session->adam.simd = options->simd;
    return true;
}

bool session_open(Session *session, const RunOptions *options, Error *error)
{
    assert(session != NULL && options != NULL && error != NULL);
    *session = (Session){0};
    bool ok =
        open_data(session, options, error) && open_model(session, options, error) &&
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
