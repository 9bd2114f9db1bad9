// A user's program that calls a function of every public header, and prints the results.
#include <stdio.h>

#include "microgpt/microgpt.h"

static bool use_values(Error *error)
{
    Graph g;
    graph_init(&g);
    Value *a = value_leaf(&g, 2);
    Value *loss = value_mul(&g, a, a);
    char path[NODE_PATH_BYTES];
    node_path(&g, 1, path);
    bool ok = value_backward(&g, loss, error);
    printf("%s: loss %g, dloss/da %g\n", path, loss->data, a->grad);
    graph_free(&g);
    return ok;
}

static bool use_model(const char *path, Error *error)
{
    Checkpoint run = {.num_steps = 2, .seed = 42, .init_std = 0.08, .can_resume = true};
    Dataset dataset;
    random_seed(&run.random, run.seed);
    if (!dataset_default(&dataset, error)) {
        return false;
    }
    dataset_shuffle(&dataset, &run.random);
    if (!tokenizer_init(&run.tokenizer, &dataset, error)) {
        return false;
    }
    const ModelConfig sizes = {1, 16, 4, 16, run.tokenizer.vocab_size};
    const AdamConfig rates = {0.01, 0.85, 0.99, 1e-8};
    Engine *engine;
    Trainer trainer;
    Sampler sampler;
    double loss;
    if (!model_init(&run.model, &sizes, error)) {
        return false;
    }
    model_randomize(&run.model, &run.random, run.init_std);
    if (!engine_create(&engine, ENGINE_TENSOR, &run.model, error) ||
        !adam_init(&run.adam, &rates, run.model.n_params, error) ||
        !trainer_init(&trainer, &dataset, &run.tokenizer, &run.model, engine, &run.adam,
                      run.num_steps, error) ||
        !trainer_step(&trainer, &loss, error) ||
        !sampler_init(&sampler, &run.model, engine, &run.random, 0.5, error) ||
        !sampler_next(&sampler, error)) {
        return false;
    }
    run.step = trainer.step;
    run.dataset = checkpoint_digest(&dataset);
    Checkpoint loaded;
    if (!checkpoint_save(&run, path, error) || !checkpoint_load(&loaded, path, 0, error)) {
        return false;
    }
    printf("loss %.4f, %zu tokens, step %zu\n", loss, sampler.n_tokens, loaded.step);
    checkpoint_free(&loaded);
    sampler_free(&sampler);
    trainer_free(&trainer);
    engine_free(engine);
    dataset_free(&dataset);
    checkpoint_free(&run);
    return true;
}

int main(int argc, char **argv)
{
    Error error = {""};
    const AdamConfig rates = {0.01, 0.85, 0.99, 1e-8};
    printf("lr_t %g, simd %d\n", adam_step_numbers(&rates, 1, 2).lr_t, simd_best() >= SIMD_NONE);
    Dataset nothing;
    error_set(&error, "nothing");
    printf("%s, ", error.message);
    printf("%s\n", dataset_read(&nothing, "/nowhere/at/all", &error) ? "read" : error.message);
    if (argc != 2 || !use_values(&error) || !use_model(argv[1], &error)) {
        fprintf(stderr, "every_header: %s\n", error.message);
        return 1;
    }
    printf("version %s\n", microgpt_version());
    return 0;
}
