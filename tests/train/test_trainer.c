// The body of the training loop: the order of the documents, the decay of the learning rate,
// errors, and that the parts together are microgpt.py.
//
// Numbers come from microgpt.py with n_layer = 2, n_embd = 8, n_head = 2, block_size = 4,
// num_steps = 7 at its top, and an input.txt of the four names below.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "golden_libm.h"
#include "microgpt/trainer.h"

enum {
    NUM_STEPS = 7,
};

static const char names[] = "anna\nbob\nclara\nd\n";

// Everything that a trainer uses.
static Random rng;
static Dataset dataset;
static Tokenizer tokenizer;
static Model model;
static Engine *engine;
static Adam adam;
static Trainer trainer;

static const ModelConfig default_shape = {.n_layer = 2, .n_embd = 8, .n_head = 2, .block_size = 4};

static const AdamConfig default_adam = {
    .learning_rate = 0.01, .beta1 = 0.85, .beta2 = 0.99, .eps_adam = 1e-8};

// Without running means, a step depends only on its own gradient.
static const AdamConfig adam_without_memory = {.learning_rate = 0.25, .eps_adam = 1e-8};

static void open_trainer(const ModelConfig *shape, const AdamConfig *adam_config)
{
    Error error = {""};
    ModelConfig config = *shape;
    bool ok = dataset_parse(&dataset, "names", names, sizeof names - 1, &error);
    random_seed(&rng, 42);
    dataset_shuffle(&dataset, &rng);
    ok = ok && tokenizer_init(&tokenizer, &dataset, &error);
    config.vocab_size = tokenizer.vocab_size;
    ok = ok && model_init(&model, &config, &error);
    model_randomize(&model, &rng, 0.08);
    ok = ok && engine_create(&engine, ENGINE_SCALAR, &model, &error) &&
         adam_init(&adam, adam_config, model.n_params, &error) &&
         trainer_init(&trainer, &dataset, &tokenizer, &model, engine, &adam, NUM_STEPS, &error);
    ck_assert_msg(ok, "%s", error.message);
}

static void close_trainer(void)
{
    trainer_free(&trainer);
    adam_free(&adam);
    engine_free(engine);
    model_free(&model);
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
}

static double train_one_step(void)
{
    Error error = {""};
    double loss;
    ck_assert_msg(trainer_step(&trainer, &loss, &error), "%s", error.message);
    return loss;
}

// ---- what a step does ----

START_TEST(documents_come_in_turn_and_again)
{
    open_trainer(&default_shape, &default_adam);
    for (size_t step = 0; step < NUM_STEPS; step++) {
        int tokens[8];
        ck_assert_uint_eq(trainer.step, step);
        train_one_step();
        size_t n = tokenizer_encode(&tokenizer, dataset.docs[step % 4], tokens, 8);
        n = n < 5 ? n : 5; // block_size + 1
        ck_assert_uint_eq(trainer.n_positions, n - 1);
        ck_assert_mem_eq(trainer.tokens, tokens, n * sizeof *tokens);
    }
    ck_assert_uint_eq(trainer.step, NUM_STEPS);
    close_trainer();
}
END_TEST

// loss.data.hex() of the seven steps.
START_TEST(seven_steps_have_pythons_losses)
{
    static const double losses[NUM_STEPS] = {
        0x1.30dd2b140d73cp+1, 0x1.2243b59589f34p+1, 0x1.276c3e96a9961p+1, 0x1.25d80e5354981p+1,
        0x1.02b003ebb6ce0p+1, 0x1.0981f2f3f36dap+1, 0x1.178a4fb1d9b6ep+1,
    };
    if (!libm_is_golden()) {
        printf("losses: not compared, another libm than the numbers'\n");
        return;
    }
    open_trainer(&default_shape, &default_adam);
    for (size_t step = 0; step < NUM_STEPS; step++) {
        assert_same_double(train_one_step(), losses[step], "loss");
    }
    close_trainer();
}
END_TEST

START_TEST(a_step_is_its_three_parts)
{
    double losses[NUM_STEPS];
    Error error = {""};
    open_trainer(&default_shape, &default_adam);
    for (size_t step = 0; step < NUM_STEPS; step++) {
        losses[step] = train_one_step();
    }
    size_t n_bytes = model.n_params * sizeof(double);
    double *data = malloc(n_bytes);
    memcpy(data, model.data, n_bytes);
    close_trainer();
    open_trainer(&default_shape, &default_adam);
    for (size_t step = 0; step < NUM_STEPS; step++) {
        double loss;
        ck_assert(trainer_forward(&trainer, &loss, &error));
        ck_assert(trainer_backward(&trainer, &error));
        ck_assert_uint_eq(trainer.step, step);
        ck_assert(trainer_update(&trainer, &error));
        ck_assert_uint_eq(trainer.step, step + 1);
        assert_same_double(loss, losses[step], "loss");
    }
    assert_same_doubles(model.data, data, model.n_params, "data");
    free(data);
    close_trainer();
}
END_TEST

// data -= lr_t * grad / (|grad| + eps), where lr_t falls from 1/4 to 0 over the seven steps. (It
// uses pow twice, as in Adam: the result is not exactly |grad|.)
START_TEST(updates_shrink_with_the_learning_rate)
{
    open_trainer(&default_shape, &adam_without_memory);
    double *data = malloc(model.n_params * sizeof *data);
    for (size_t step = 0; step < NUM_STEPS; step++) {
        memcpy(data, model.data, model.n_params * sizeof *data);
        train_one_step();
        double lr_t = 0.25 * (1 - (double)step / (double)NUM_STEPS);
        for (size_t i = 0; i < model.n_params; i++) {
            double grad = model.grad[i];
            data[i] -= lr_t * grad / (pow(pow(grad, 2), 0.5) + 1e-8);
        }
        assert_same_doubles(model.data, data, model.n_params, "data");
    }
    free(data);
    close_trainer();
}
END_TEST

// ---- what is refused ----

static void make_loss_nan(void)
{
    model.data[model_matrix(&model, MATRIX_LM_HEAD, -1)->first_param] = NAN;
}

// Makes the model predict BOS with certainty: the letter's probability is 0.
static void make_loss_infinite(void)
{
    const Matrix *lm_head = model_matrix(&model, MATRIX_LM_HEAD, -1);
    for (size_t i = 0; i < model.n_params; i++) {
        model.data[i] = i < lm_head->first_param ? 1 : 0;
    }
    size_t bos_row = (size_t)(tokenizer.bos * lm_head->n_in);
    model.data[lm_head->first_param + bos_row] = 1000;
}

START_TEST(a_loss_that_is_not_finite_names_the_step)
{
    Error error = {""};
    double loss = 42;
    open_trainer(&default_shape, &default_adam);
    train_one_step();
    train_one_step();
    if (_i == 0) {
        make_loss_nan();
    } else {
        make_loss_infinite();
    }
    ck_assert(!trainer_step(&trainer, &loss, &error));
    ck_assert_msg(strncmp(error.message, "step 3: ", 8) == 0, "%s", error.message);
    ck_assert_ptr_nonnull(strstr(error.message, _i == 0 ? "nan" : "inf"));
    ck_assert_ptr_nonnull(strstr(error.message, "learning_rate"));
    assert_same_double(loss, 42, "loss");
    ck_assert_uint_eq(trainer.step, 2);
    close_trainer();
}
END_TEST

// Embeddings near 0, which rmsnorm makes larger, and an lm_head so large that their product is
// ordinary. So the loss is finite, and the squares of the gradients of the embeddings overflow.
START_TEST(a_gradient_that_is_too_large_names_the_step)
{
    const ModelConfig shape = {.n_embd = 1, .n_head = 1, .block_size = 4};
    Error error = {""};
    double loss;
    open_trainer(&shape, &default_adam);
    train_one_step();
    const Matrix *lm_head = model_matrix(&model, MATRIX_LM_HEAD, -1);
    for (size_t i = 0; i < model.n_params; i++) {
        bool is_embedding = i < lm_head->first_param;
        model.data[i] = is_embedding ? 1e-170 : (i % 2 == 0 ? 1e160 : -1e160);
    }
    ck_assert_msg(trainer_forward(&trainer, &loss, &error), "%s", error.message);
    ck_assert_msg(trainer_backward(&trainer, &error), "%s", error.message);
    ck_assert(!trainer_update(&trainer, &error));
    ck_assert_msg(strncmp(error.message, "step 2: ", 8) == 0, "%s", error.message);
    ck_assert_ptr_nonnull(strstr(error.message, "gradient"));
    ck_assert_uint_eq(trainer.step, 1);
    close_trainer();
}
END_TEST

// ---- the loss for another parameter ----

static double moved_loss(size_t param_id, double delta)
{
    double loss;
    Error error = {""};
    double before = model.data[param_id];
    model.data[param_id] += delta;
    ck_assert_msg(trainer_forward(&trainer, &loss, &error), "%s", error.message);
    model.data[param_id] = before;
    return loss;
}

// It is the loss of the model with that parameter changed, and it changes nothing: neither the
// model nor what backward needs.
START_TEST(loss_at_is_the_loss_of_a_moved_model_and_touches_nothing)
{
    double loss;
    Error error = {""};
    open_trainer(&default_shape, &default_adam);
    train_one_step();
    size_t n_bytes = model.n_params * sizeof(double);
    double *data = malloc(n_bytes);
    double *grad = malloc(n_bytes);
    memcpy(data, model.data, n_bytes);
    ck_assert(trainer_forward(&trainer, &loss, &error) && trainer_backward(&trainer, &error));
    memcpy(grad, model.grad, n_bytes);
    ck_assert(trainer_forward(&trainer, &loss, &error));
    size_t in_use = model_matrix(&model, MATRIX_WPE, -1)->first_param; // every document uses it
    double plus = trainer_loss_at(&trainer, in_use, 0.5);
    double same = trainer_loss_at(&trainer, 0, 0);
    double minus = trainer_loss_at(&trainer, model.n_params - 1, -0.5);
    assert_same_doubles(model.data, data, model.n_params, "data");
    assert_same_doubles(model.grad, grad, model.n_params, "grad before backward");
    ck_assert(trainer_backward(&trainer, &error));
    assert_same_doubles(model.grad, grad, model.n_params, "grad");
    assert_same_double(same, loss, "loss");
    assert_same_double(plus, moved_loss(in_use, 0.5), "loss with a larger parameter");
    assert_same_double(minus, moved_loss(model.n_params - 1, -0.5), "with a smaller one");
    ck_assert(plus != loss && minus != loss);
    free(grad);
    free(data);
    close_trainer();
}
END_TEST

// ---- lengths ----

START_TEST(max_positions_is_the_longest_document_or_the_block)
{
    static const struct {
        const char *text;
        size_t block_size;
        size_t expected;
    } cases[] = {
        {"a", 16, 2},
        {"a", 1, 1},
        {"bob\nanna\nd", 16, 5},
        {"bob\nanna", 5, 5},
        {"bob\nanna", 4, 4},
        {"bob\nanna", 1, 1},
        {"anna\n\nbob", 9, 5},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 16, 4}, // 3 code points
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Dataset docs;
        Error error = {""};
        bool ok = dataset_parse(&docs, "names", cases[i].text, strlen(cases[i].text), &error);
        ck_assert_msg(ok, "%s", error.message);
        ck_assert_uint_eq(trainer_max_positions(&docs, cases[i].block_size), cases[i].expected);
        dataset_free(&docs);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train");
    TCase *tcase = tcase_create("train");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_test(tcase, documents_come_in_turn_and_again);
    tcase_add_test(tcase, seven_steps_have_pythons_losses);
    tcase_add_test(tcase, a_step_is_its_three_parts);
    tcase_add_test(tcase, updates_shrink_with_the_learning_rate);
    tcase_add_loop_test(tcase, a_loss_that_is_not_finite_names_the_step, 0, 2);
    tcase_add_test(tcase, a_gradient_that_is_too_large_names_the_step);
    tcase_add_test(tcase, loss_at_is_the_loss_of_a_moved_model_and_touches_nothing);
    tcase_add_test(tcase, max_positions_is_the_longest_document_or_the_block);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
