// Trains a model for twenty steps, and prints the last loss and a new name, with the library alone.
// The calls draw random numbers in the same order as microgpt.py.
//
// After an error the program ends without freeing anything.
#include <stdio.h>

#include "microgpt/microgpt.h"

static void print_name(const Tokenizer *tokenizer, const Sampler *sampler)
{
    for (size_t i = 0; i < sampler->n_tokens; i++) {
        char text[TOKENIZER_MAX_BYTES];
        size_t n_bytes = tokenizer_decode(tokenizer, sampler->tokens[i], text);
        printf("%.*s", (int)n_bytes, text);
    }
    printf("\n");
}

static bool train_and_sample(size_t num_steps, Error *error)
{
    Random random;
    Dataset dataset;
    Tokenizer tokenizer;
    random_seed(&random, 42);
    if (!dataset_default(&dataset, error)) {
        return false;
    }
    dataset_shuffle(&dataset, &random);
    if (!tokenizer_init(&tokenizer, &dataset, error)) {
        return false;
    }
    const ModelConfig sizes = {
        .n_layer = 1,
        .n_embd = 16,
        .n_head = 4,
        .block_size = 16,
        .vocab_size = tokenizer.vocab_size,
    };
    const AdamConfig rates = {
        .learning_rate = 0.01,
        .beta1 = 0.85,
        .beta2 = 0.99,
        .eps_adam = 1e-8,
    };
    Model model;
    if (!model_init(&model, &sizes, error)) {
        return false;
    }
    model_randomize(&model, &random, 0.08);
    Engine *engine;
    Adam adam;
    Trainer trainer;
    Sampler sampler;
    if (!engine_create(&engine, ENGINE_SCALAR, &model, error) ||
        !adam_init(&adam, &rates, model.n_params, error) ||
        !trainer_init(&trainer, &dataset, &tokenizer, &model, engine, &adam, num_steps, error) ||
        !sampler_init(&sampler, &model, engine, &random, 0.5, error)) {
        return false;
    }
    double loss = 0;
    while (trainer.step < num_steps) {
        if (!trainer_step(&trainer, &loss, error)) {
            return false;
        }
    }
    if (!sampler_next(&sampler, error)) {
        return false;
    }
    printf("loss %.4f\n", loss);
    print_name(&tokenizer, &sampler);
    sampler_free(&sampler);
    trainer_free(&trainer);
    adam_free(&adam);
    engine_free(engine);
    model_free(&model);
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
    return true;
}

int main(void)
{
    Error error;
    if (!train_and_sample(20, &error)) {
        fprintf(stderr, "twenty_steps: %s\n", error.message);
        return 1;
    }
    return 0;
}
