// Sets up a run: see session.h.
#include "run/session.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/count.h"
#include "base/long_path.h"
#include "base/memory_limit.h"

bool session_check_memory(const char *option, EngineKind engine, const ModelConfig *config,
                          size_t n_positions, Error *error)
{
    size_t n_params;
    if (!model_count_params(config, &n_params, error)) {
        return false;
    }
    size_t arrays = count_mul(n_params, 4 * sizeof(double)); // data, grad, m, v
    size_t needed = count_add(arrays, engine_count_bytes(engine, config, n_positions));
    double needed_mib;
    double limit_mib;
    if (memory_fits(needed, &needed_mib, &limit_mib)) {
        return true;
    }
    return error_set(error,
                     "%s%s%zu parameters need %.0f MiB of memory for documents of %zu positions, "
                     "%.0f are available%s",
                     option != NULL ? option : "", option != NULL ? ": " : "", n_params, needed_mib,
                     n_positions, limit_mib,
                     option != NULL ? "" : "; use a smaller --n-embd, --n-layer or --block-size");
}

// Rejects a model that does not fit into memory, before anything is allocated for it.
static bool check_memory(const RunOptions *options, const ModelConfig *config,
                         const Dataset *dataset, Error *error)
{
    size_t n_positions = trainer_max_positions(dataset, (size_t)config->block_size);
    return session_check_memory(NULL, options->engine, config, n_positions, error);
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
    session->seed = options->seed;
    session->init_std = options->init_std;
    session->digest = checkpoint_digest(&session->dataset);
    return tokenizer_init(&session->tokenizer, &session->dataset, error);
}

// Selects the vector instructions. All of them give the same bits.
static void set_simd(Session *session, SimdLevel simd)
{
    engine_set_simd(session->engine, simd);
    session->adam.simd = simd;
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
    set_simd(session, options->simd);
    return true;
}

static bool open_trainer(Session *session, const RunOptions *options, Error *error)
{
    return trainer_init(&session->trainer, &session->dataset, &session->tokenizer, &session->model,
                        session->engine, &session->adam, options->num_steps, error);
}

bool session_open(Session *session, const RunOptions *options, Error *error)
{
    assert(session != NULL && options != NULL && error != NULL);
    *session = (Session){0};
    bool ok = open_data(session, options, error) && open_model(session, options, error) &&
              open_trainer(session, options, error);
    if (!ok) {
        session_close(session);
    }
    return ok;
}

bool session_check_data(const char *option, const char *data, const DatasetDigest *here,
                        const Checkpoint *checkpoint, Error *error)
{
    const DatasetDigest *there = &checkpoint->dataset;
    if (here->n_docs == there->n_docs && here->n_bytes == there->n_bytes &&
        here->crc32 == there->crc32) {
        return true;
    }
    const char *dots;
    const char *end = long_path_end(data != NULL ? data : "the built-in names.txt", &dots);
    return error_set(
        error,
        "%s: %s%s is not the data that was trained on (%zu documents, CRC-32 %08" PRIx32
        ", not %zu, %08" PRIx32 "); name the other file with --data",
        option, dots, end, here->n_docs, here->crc32, there->n_docs, there->crc32);
}

// Training takes the documents in order. With other data, or in another order, the resumed run
// would differ from one that was never stopped. (The alphabet follows from the documents.)
static bool check_data(const Session *session, const RunOptions *options,
                       const Checkpoint *checkpoint, Error *error)
{
    const Tokenizer *tokenizer = &session->tokenizer;
    if (!session_check_data("--resume", options->data, &session->digest, checkpoint, error)) {
        return false;
    }
    return (tokenizer->n_uchars == checkpoint->tokenizer.n_uchars &&
            memcmp(tokenizer->uchars, checkpoint->tokenizer.uchars,
                   (size_t)tokenizer->n_uchars * sizeof *tokenizer->uchars) == 0) ||
           error_set(error, "--resume: the checkpoint's alphabet is not that of its data");
}

// Moves the checkpoint's members to the session.
static void take_over(Session *session, Checkpoint *checkpoint)
{
    session->model = checkpoint->model;
    session->adam = checkpoint->adam;
    session->random = checkpoint->random;
    checkpoint->model = (Model){0};
    checkpoint->adam = (Adam){0};
}

bool session_resume(Session *session, const RunOptions *options, Checkpoint *checkpoint,
                    Error *error)
{
    assert(session != NULL && options != NULL && error != NULL);
    assert(checkpoint != NULL && checkpoint->can_resume && checkpoint->seed == options->seed);
    *session = (Session){0};
    bool ok = open_data(session, options, error) &&
              check_data(session, options, checkpoint, error) &&
              check_memory(options, &checkpoint->model.config, &session->dataset, error);
    if (ok) {
        take_over(session, checkpoint);
        ok = engine_create(&session->engine, options->engine, &session->model, error) &&
             open_trainer(session, options, error);
    }
    if (!ok) {
        session_close(session);
        return false;
    }
    set_simd(session, options->simd);
    session->trainer.step = checkpoint->step;
    return true;
}

Checkpoint session_checkpoint(const Session *session)
{
    assert(session != NULL);
    return (Checkpoint){
        .model = session->model,
        .tokenizer = session->tokenizer,
        .can_resume = true,
        .adam = session->adam,
        .random = session->random,
        .seed = session->seed,
        .init_std = session->init_std,
        .step = session->trainer.step,
        .num_steps = session->trainer.num_steps,
        .dataset = session->digest,
    };
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
