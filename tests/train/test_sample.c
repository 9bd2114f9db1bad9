// Sampling: where a sample ends, from which probabilities it is drawn, and that the names are those
// of microgpt.py.
//
// Most tests set a model's parameters so that the outcome is known beforehand.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "golden_libm.h"
#include "microgpt/sample.h"
#include "microgpt/trainer.h"

enum {
    VOCAB_SIZE = 5,
    BOS = VOCAB_SIZE - 1,
    BLOCK_SIZE = 6,
};

static Model model;
static Engine *engine;
static Random rng;
static Sampler sampler;

static void open_sampler(double temperature)
{
    const ModelConfig shape = {
        .n_layer = 1, .n_embd = 2, .n_head = 1, .block_size = BLOCK_SIZE, .vocab_size = VOCAB_SIZE};
    Error error = {""};
    bool ok = model_init(&model, &shape, &error);
    random_seed(&rng, 42);
    model_randomize(&model, &rng, 0.5);
    ok = ok && engine_create(&engine, ENGINE_SCALAR, &model, &error) &&
         sampler_init(&sampler, &model, engine, &rng, temperature, &error);
    ck_assert_msg(ok, "%s", error.message);
}

static void close_sampler(void)
{
    sampler_free(&sampler);
    engine_free(engine);
    model_free(&model);
}

static void next_sample(void)
{
    Error error = {""};
    ck_assert_msg(sampler_next(&sampler, &error), "%s", error.message);
}

// Makes the logit of one token 1000 times x, which is positive, and all others 0.
static void always_say(int token_id)
{
    const Matrix *lm_head = model_matrix(&model, MATRIX_LM_HEAD, -1);
    for (size_t i = 0; i < model.n_params; i++) {
        model.data[i] = i < lm_head->first_param ? 1 : 0;
    }
    model.data[lm_head->first_param + (size_t)token_id * 2] = 1000;
}

// Returns how many calls of random() lead from one state to the other; a huge number if none do.
static size_t count_draws(Random from, const Random *to)
{
    size_t n_draws = 0;
    while (n_draws <= 2 * BLOCK_SIZE && memcmp(&from, to, sizeof from) != 0) {
        random_random(&from);
        n_draws++;
    }
    return n_draws;
}

START_TEST(a_sample_ends_before_bos)
{
    open_sampler(1);
    always_say(BOS);
    Random before = rng;
    next_sample();
    ck_assert_uint_eq(sampler.n_tokens, 0);
    ck_assert_uint_eq(count_draws(before, &rng), 1);
    close_sampler();
}
END_TEST

START_TEST(a_sample_without_bos_ends_with_the_block)
{
    open_sampler(1);
    always_say(2);
    Random before = rng;
    next_sample();
    ck_assert_uint_eq(sampler.n_tokens, BLOCK_SIZE);
    for (size_t i = 0; i < BLOCK_SIZE; i++) {
        ck_assert_int_eq(sampler.tokens[i], 2);
    }
    ck_assert_uint_eq(count_draws(before, &rng), BLOCK_SIZE);
    close_sampler();
}
END_TEST

START_TEST(tokens_are_in_range_and_lengths_differ)
{
    size_t n_of_length[BLOCK_SIZE + 1] = {0};
    size_t n_of_token[BOS] = {0};
    open_sampler(2);
    for (int i = 0; i < 300; i++) {
        next_sample();
        ck_assert_uint_le(sampler.n_tokens, BLOCK_SIZE);
        n_of_length[sampler.n_tokens]++;
        for (size_t t = 0; t < sampler.n_tokens; t++) {
            ck_assert(sampler.tokens[t] >= 0 && sampler.tokens[t] < BOS);
            n_of_token[sampler.tokens[t]]++;
        }
    }
    for (size_t i = 0; i <= BLOCK_SIZE; i++) {
        ck_assert_uint_gt(n_of_length[i], 0);
    }
    for (size_t i = 0; i < BOS; i++) {
        ck_assert_uint_gt(n_of_token[i], 0);
    }
    close_sampler();
}
END_TEST

// The same state of the generator gives the same sample, whatever was sampled before.
START_TEST(a_sample_depends_on_the_generator_alone)
{
    int tokens[BLOCK_SIZE];
    open_sampler(1);
    for (int i = 0; i < 50; i++) {
        Random before = rng;
        next_sample();
        size_t n_tokens = sampler.n_tokens;
        memcpy(tokens, sampler.tokens, sizeof tokens);
        next_sample();
        rng = before;
        next_sample();
        ck_assert_uint_eq(sampler.n_tokens, n_tokens);
        ck_assert_mem_eq(sampler.tokens, tokens, n_tokens * sizeof *tokens);
    }
    close_sampler();
}
END_TEST

// Samples by hand: probabilities from the engine at the sampler's temperature, choices, and BOS
// ends the sample.
START_TEST(tokens_are_drawn_from_the_probabilities_at_the_temperature)
{
    Error error = {""};
    double probs[VOCAB_SIZE];
    open_sampler(0.7);
    for (int i = 0; i < 50; i++) {
        Random by_hand = rng;
        next_sample();
        int token_id = BOS;
        for (size_t pos_id = 0; pos_id < BLOCK_SIZE; pos_id++) {
            ck_assert(engine_probs(engine, token_id, pos_id, 0.7, probs, &error));
            token_id = (int)random_choices(&by_hand, probs, VOCAB_SIZE);
            if (token_id == BOS) {
                ck_assert_uint_eq(sampler.n_tokens, pos_id);
                break;
            }
            ck_assert_int_eq(sampler.tokens[pos_id], token_id);
        }
        ck_assert_uint_eq(count_draws(by_hand, &rng), 0);
    }
    close_sampler();
}
END_TEST

// A broken model, and a temperature so low that the logits overflow.
START_TEST(probabilities_that_are_not_finite_are_an_error)
{
    Error error = {""};
    open_sampler(_i == 0 ? 1 : 1e-310);
    if (_i == 0) {
        model.data[model_matrix(&model, MATRIX_LM_HEAD, -1)->first_param] = NAN;
    }
    Random before = rng;
    ck_assert(!sampler_next(&sampler, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "not finite"));
    ck_assert_uint_eq(count_draws(before, &rng), 0);
    close_sampler();
}
END_TEST

// ---- the samples of microgpt.py ----

// The part of microgpt.py before sampling, with n_layer = 2, n_embd = 8, n_head = 2, block_size =
// 4, num_steps = 7, and an input.txt of these four names.
static void train_as_python(Dataset *dataset, Tokenizer *tokenizer)
{
    static const char names[] = "anna\nbob\nclara\nd\n";
    const AdamConfig adam_config = {
        .learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8};
    ModelConfig shape = {.n_layer = 2, .n_embd = 8, .n_head = 2, .block_size = 4};
    Error error = {""};
    Adam adam;
    Trainer trainer;
    bool ok = dataset_parse(dataset, "names", names, sizeof names - 1, &error);
    random_seed(&rng, 42);
    dataset_shuffle(dataset, &rng);
    ok = ok && tokenizer_init(tokenizer, dataset, &error);
    shape.vocab_size = tokenizer->vocab_size;
    ok = ok && model_init(&model, &shape, &error);
    model_randomize(&model, &rng, 0.08);
    ok = ok && engine_create(&engine, ENGINE_SCALAR, &model, &error) &&
         adam_init(&adam, &adam_config, model.n_params, &error) &&
         trainer_init(&trainer, dataset, tokenizer, &model, engine, &adam, 7, &error);
    for (double loss; ok && trainer.step < 7;) {
        ok = trainer_step(&trainer, &loss, &error);
    }
    ck_assert_msg(ok, "%s", error.message);
    trainer_free(&trainer);
    adam_free(&adam);
}

START_TEST(samples_are_pythons)
{
    static const char *const expected[] = {"cbdc", "", "rolc", "n", "lcan"};
    Dataset dataset;
    Tokenizer tokenizer;
    Error error = {""};
    if (!libm_is_golden()) {
        printf("samples: not compared, another libm than the numbers'\n");
        return;
    }
    train_as_python(&dataset, &tokenizer);
    ck_assert(sampler_init(&sampler, &model, engine, &rng, 0.5, &error));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char name[5] = "";
        next_sample();
        for (size_t t = 0; t < sampler.n_tokens; t++) {
            tokenizer_decode(&tokenizer, sampler.tokens[t], &name[t]);
        }
        ck_assert_str_eq(name, expected[i]);
    }
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
    close_sampler();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample");
    TCase *tcase = tcase_create("sample");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_test(tcase, a_sample_ends_before_bos);
    tcase_add_test(tcase, a_sample_without_bos_ends_with_the_block);
    tcase_add_test(tcase, tokens_are_in_range_and_lengths_differ);
    tcase_add_test(tcase, a_sample_depends_on_the_generator_alone);
    tcase_add_test(tcase, tokens_are_drawn_from_the_probabilities_at_the_temperature);
    tcase_add_loop_test(tcase, probabilities_that_are_not_finite_are_an_error, 0, 2);
    tcase_add_test(tcase, samples_are_pythons);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
