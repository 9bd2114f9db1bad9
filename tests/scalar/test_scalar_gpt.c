// The model over Values: the number of its nodes, its KV cache, its losses and gradients, and its
// memory.
//
// Runs on small models of many shapes with parameters drawn from seed 1. Numbers come from
// microgpt.py with other constants at its top.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "golden_libm.h"
#include "microgpt/engine.h"
#include "scalar/scalar_gpt.h"

enum {
    MAX_BLOCK_SIZE = 16,
    MAX_VOCAB_SIZE = 40,
};

static const ModelConfig default_shape = {1, 16, 4, 16, 27};

// n_layer, n_embd, n_head, block_size, vocab_size
static const ModelConfig shapes[] = {
    {0, 1, 1, 1, 2}, {0, 4, 2, 3, 5}, {0, 1, 1, 1, 40}, {1, 1, 1, 4, 2},
    {1, 6, 6, 4, 3}, {2, 6, 3, 5, 7}, {3, 5, 1, 6, 4},  {1, 8, 2, 8, 9},
};

enum {
    N_SHAPES = sizeof shapes / sizeof *shapes,
};

static Model model;
static ScalarGpt gpt;

static void open_gpt(const ModelConfig *shape)
{
    Error error = {""};
    Random random;
    ck_assert_msg(model_init(&model, shape, &error), "%s", error.message);
    random_seed(&random, 1);
    model_randomize(&model, &random, 0.5);
    ck_assert_msg(scalar_gpt_init(&gpt, &model, &error), "%s", error.message);
}

static void close_gpt(void)
{
    scalar_gpt_free(&gpt);
    model_free(&model);
}

// Makes BOS and then tokens from the whole vocabulary.
static void make_tokens(int *tokens, size_t n_positions)
{
    int vocab_size = model.config.vocab_size;
    for (int i = 0; i <= (int)n_positions; i++) {
        tokens[i] = (vocab_size - 1 + 3 * i * i) % vocab_size;
    }
}

static double forward(const int *tokens, size_t n_positions)
{
    Error error = {""};
    double loss;
    ck_assert_msg(scalar_gpt_forward(&gpt, tokens, n_positions, &loss, &error), "%s",
                  error.message);
    return loss;
}

static void backward(void)
{
    Error error = {""};
    ck_assert_msg(scalar_gpt_backward(&gpt, &error), "%s", error.message);
}

static void probs_at(int token_id, size_t pos_id, double temperature, double *probs)
{
    Error error = {""};
    bool ok = scalar_gpt_probs(&gpt, token_id, pos_id, temperature, probs, &error);
    ck_assert_msg(ok, "%s", error.message);
}

// ---- nodes ----

START_TEST(counted_nodes_are_those_that_are_made)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    open_gpt(&shapes[_i]);
    for (size_t n = 1; n <= (size_t)model.config.block_size; n++) {
        make_tokens(tokens, n);
        forward(tokens, n);
        size_t n_made = graph_n_nodes(&gpt.graph) - model.n_params;
        ck_assert_uint_eq(scalar_gpt_count_nodes(&model.config, n), n_made);
    }
    close_gpt();
}
END_TEST

// What microgpt.py makes for a name of six different letters, parameters included: 60,475 nodes, of
// which 59,647 are reached from the loss.
START_TEST(seven_positions_of_the_default_model_make_56283_nodes)
{
    const int tokens[] = {26, 0, 1, 2, 3, 4, 5, 26};
    open_gpt(&default_shape);
    forward(tokens, 7);
    backward();
    ck_assert_uint_eq(model.n_params, 4192);
    ck_assert_uint_eq(scalar_gpt_count_nodes(&default_shape, 7), 56283);
    ck_assert_uint_eq(graph_n_nodes(&gpt.graph), 60475);
    ck_assert_uint_eq(gpt.graph.n_topo, 59647);
    close_gpt();
}
END_TEST

START_TEST(node_counts_too_large_for_a_size_are_capped)
{
    const ModelConfig huge = {MODEL_MAX_SIZE, MODEL_MAX_SIZE, 1, MODEL_MAX_SIZE, 1114112};
    ck_assert_uint_eq(scalar_gpt_count_nodes(&huge, MODEL_MAX_SIZE), SIZE_MAX);
    ck_assert_uint_eq(scalar_gpt_count_bytes(&huge, MODEL_MAX_SIZE), SIZE_MAX);
    ck_assert_uint_eq(engine_count_bytes(ENGINE_SCALAR, &huge, 1), SIZE_MAX);
}
END_TEST

// ---- numbers ----

// FNV-1a over 64-bit words, the lowest byte first: one number that identifies many.
typedef struct Fingerprint {
    uint64_t hash;
} Fingerprint;

static const Fingerprint empty_fingerprint = {0xcbf29ce484222325};

static void fingerprint_word(Fingerprint *fingerprint, uint64_t word)
{
    for (int i = 0; i < 8; i++) {
        fingerprint->hash = (fingerprint->hash ^ (word >> (8 * i) & 0xff)) * 0x100000001b3;
    }
}

// Returns the fingerprint of all gradients in state_dict order.
static uint64_t grads_fingerprint(void)
{
    Fingerprint fingerprint = empty_fingerprint;
    for (size_t i = 0; i < model.n_params; i++) {
        fingerprint_word(&fingerprint, double_bits(model.grad[i]));
    }
    return fingerprint.hash;
}

// Returns the fingerprint of all nodes in the order of creation, parameters first: data, grad, then
// the number and the local gradient of each child.
static uint64_t nodes_fingerprint(void)
{
    Fingerprint fingerprint = empty_fingerprint;
    for (size_t id = 0; id < graph_n_nodes(&gpt.graph); id++) {
        const Value *v = graph_node(&gpt.graph, id);
        fingerprint_word(&fingerprint, double_bits(v->data));
        fingerprint_word(&fingerprint, double_bits(v->grad));
        for (int i = 0; i < v->n_children; i++) {
            fingerprint_word(&fingerprint, graph_node_id(&gpt.graph, v->children[i]));
            fingerprint_word(&fingerprint, double_bits(v->local_grads[i]));
        }
    }
    return fingerprint.hash;
}

// microgpt.py's definitions with these constants, random.seed(1), std=0.5 and the tokens of
// make_tokens(): loss.data.hex(), and after loss.backward() the fingerprints of p.grad for p in
// params, and of every Value that was made.
static const struct {
    ModelConfig shape;
    size_t n_positions;
    double loss;
    uint64_t grads;
    uint64_t nodes;
} golden_cases[] = {
    {{0, 1, 1, 1, 2}, 1, 0x1.3aabafa0d3e41p-1, 0xdf9a78d5a7064fbf, 0x72086f0f55edc71b},
    {{0, 4, 2, 3, 5}, 3, 0x1.884091b07cb38p+0, 0x27ae7e94af0ac647, 0xe9b8599fe0f5e4d8},
    {{1, 6, 6, 4, 3}, 4, 0x1.1fc958a61c29bp+2, 0x6d587d473bbf7162, 0x882e86df754858e5},
    {{2, 6, 3, 5, 7}, 5, 0x1.401b1bb25bb8fp+3, 0x62bc88ecf2c693ff, 0x9cd6e202317a8d2a},
    {{3, 5, 1, 6, 4}, 6, 0x1.0afac276cf730p+2, 0x79e6e86afc1ba9c8, 0xbf294023031206fd},
    {{1, 8, 2, 8, 9}, 2, 0x1.3b7482c978475p+2, 0x75a266e16abca116, 0x55cd5d184164c20d},
};

enum {
    N_GOLDEN_CASES = sizeof golden_cases / sizeof *golden_cases,
};

START_TEST(every_node_of_any_shape_is_pythons)
{
    if (!libm_is_golden()) {
        printf("nodes: not compared, another libm than the numbers'\n");
        return;
    }
    int tokens[MAX_BLOCK_SIZE + 1];
    size_t n_positions = golden_cases[_i].n_positions;
    open_gpt(&golden_cases[_i].shape);
    make_tokens(tokens, n_positions);
    double loss = forward(tokens, n_positions);
    backward();
    assert_same_double(loss, golden_cases[_i].loss, "loss");
    ck_assert_uint_eq(grads_fingerprint(), golden_cases[_i].grads);
    ck_assert_uint_eq(nodes_fingerprint(), golden_cases[_i].nodes);
    close_gpt();
}
END_TEST

// Formula: loss = (1/n) * ((loss_0 + loss_1) + ...)
START_TEST(loss_is_the_mean_over_the_positions)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    open_gpt(&default_shape);
    make_tokens(tokens, 7);
    double loss = forward(tokens, 7);
    double sum = 0;
    for (size_t pos_id = 0; pos_id < 7; pos_id++) {
        sum += gpt.losses[pos_id]->data;
    }
    assert_same_double(loss, sum * (1 / 7.0), "loss");
    close_gpt();
}
END_TEST

// Sampling and training use the same model: position by position, with all earlier positions in the
// KV cache, the probabilities are those of the forward pass.
START_TEST(probs_at_temperature_1_are_those_of_the_forward_pass)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double probs[MAX_BLOCK_SIZE][MAX_VOCAB_SIZE];
    open_gpt(&shapes[_i]);
    size_t block_size = (size_t)model.config.block_size;
    make_tokens(tokens, block_size);
    for (size_t pos_id = 0; pos_id < block_size; pos_id++) {
        probs_at(tokens[pos_id], pos_id, 1, probs[pos_id]);
    }
    for (size_t n = 1; n <= block_size; n++) {
        forward(tokens, n);
        for (int i = 0; i < model.config.vocab_size; i++) {
            assert_same_double(probs[n - 1][i], gpt.probs[i]->data, "probability");
        }
        double log_prob = log(probs[n - 1][tokens[n]]);
        assert_same_double(gpt.losses[n - 1]->data, log_prob * -1, "loss of the position");
    }
    close_gpt();
}
END_TEST

// Formula: softmax(logits / temperature), and a quotient is a product with temperature**-1.
START_TEST(temperature_divides_the_logits)
{
    double probs[MAX_VOCAB_SIZE];
    double cold_probs[MAX_VOCAB_SIZE];
    const ModelConfig shape = {0, 2, 1, 1, 3};
    open_gpt(&shape);
    probs_at(0, 0, 1, probs);
    // Doubling lm_head has the same effect on the logits as a temperature of 1/2.
    probs_at(0, 0, 0.5, cold_probs);
    const Matrix *lm_head = model_matrix(&model, MATRIX_LM_HEAD, -1);
    for (size_t i = 0; i < (size_t)(lm_head->n_out * lm_head->n_in); i++) {
        model.data[lm_head->first_param + i] *= 2;
    }
    probs_at(0, 0, 1, probs);
    assert_same_doubles(cold_probs, probs, 3, "probs");
    close_gpt();
}
END_TEST

START_TEST(later_tokens_do_not_change_earlier_losses)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double losses[MAX_BLOCK_SIZE];
    open_gpt(&default_shape);
    make_tokens(tokens, MAX_BLOCK_SIZE);
    forward(tokens, MAX_BLOCK_SIZE);
    for (size_t i = 0; i < MAX_BLOCK_SIZE; i++) {
        losses[i] = gpt.losses[i]->data;
    }
    for (size_t changed = MAX_BLOCK_SIZE; changed >= 1; changed--) {
        tokens[changed] = (tokens[changed] + 1) % model.config.vocab_size;
        forward(tokens, MAX_BLOCK_SIZE);
        for (size_t i = 0; i + 1 < changed; i++) {
            assert_same_double(gpt.losses[i]->data, losses[i], "loss of an earlier position");
        }
        ck_assert(gpt.losses[changed - 1]->data != losses[changed - 1]);
    }
    close_gpt();
}
END_TEST

// Rows of tokens and positions that do not occur have the gradient 0, not that of the last
// document.
START_TEST(a_document_leaves_nothing_to_the_next)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double probs[MAX_VOCAB_SIZE];
    const int short_tokens[] = {26, 3, 26};
    open_gpt(&default_shape);
    double first_loss = forward(short_tokens, 2);
    backward();
    double *first_grad = calloc(model.n_params, sizeof *first_grad);
    memcpy(first_grad, model.grad, model.n_params * sizeof *first_grad);
    make_tokens(tokens, MAX_BLOCK_SIZE);
    forward(tokens, MAX_BLOCK_SIZE);
    backward();
    probs_at(26, 0, 0.5, probs);
    assert_same_double(forward(short_tokens, 2), first_loss, "loss");
    backward();
    assert_same_doubles(model.grad, first_grad, model.n_params, "grad");
    assert_same_double(model.grad[0], 0, "grad of wte[0,0]");
    free(first_grad);
    close_gpt();
}
END_TEST

// The graph's leaves are copies: each document uses the current parameters.
START_TEST(parameters_are_read_anew_for_every_document)
{
    const int tokens[] = {26, 3, 26};
    open_gpt(&default_shape);
    double loss = forward(tokens, 2);
    model.data[26 * 16] += 0.5;
    ck_assert(forward(tokens, 2) != loss);
    model.data[26 * 16] -= 0.5;
    assert_same_double(forward(tokens, 2), loss, "loss");
    close_gpt();
}
END_TEST

// ---- memory ----

START_TEST(counted_bytes_are_enough)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double probs[MAX_VOCAB_SIZE];
    const ModelConfig *shape = _i < N_SHAPES ? &shapes[_i] : &default_shape;
    for (size_t n = 1; n <= (size_t)shape->block_size; n++) {
        open_gpt(shape);
        make_tokens(tokens, n);
        forward(tokens, n);
        backward();
        for (size_t pos_id = 0; pos_id < n; pos_id++) {
            probs_at(tokens[pos_id], pos_id, 0.5, probs);
        }
        size_t counted = scalar_gpt_count_bytes(shape, n);
        size_t peak = scalar_gpt_peak_bytes(&gpt);
        ck_assert_msg(counted >= peak, "%zu positions: counted %zu bytes, used %zu", n, counted,
                      peak);
        close_gpt();
    }
}
END_TEST

// Makes new chunks impossible: their size overflows.
static void take_memory_away(void)
{
    gpt.graph.arena.end = gpt.graph.arena.next;
    gpt.graph.arena.chunk_size = SIZE_MAX;
}

START_TEST(out_of_memory_is_an_error_and_forgiven)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double probs[MAX_VOCAB_SIZE];
    Error error = {""};
    open_gpt(&default_shape);
    make_tokens(tokens, 7);
    size_t chunk_size = gpt.graph.arena.chunk_size;
    // One document fills the chunk of the parameters, and needs more memory.
    take_memory_away();
    double loss = 42;
    ck_assert(!scalar_gpt_forward(&gpt, tokens, 7, &loss, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "out of memory"));
    assert_same_double(loss, 42, "loss");
    probs[0] = 42;
    take_memory_away();
    ck_assert(!scalar_gpt_probs(&gpt, 26, 0, 1, probs, &error));
    assert_same_double(probs[0], 42, "probs[0]");
    gpt.graph.arena.chunk_size = chunk_size;
    loss = forward(tokens, 7);
    close_gpt();
    open_gpt(&default_shape);
    assert_same_double(loss, forward(tokens, 7), "loss");
    close_gpt();
}
END_TEST

// ---- the interface of the engine ----

START_TEST(the_engine_computes_what_the_scalar_model_does)
{
    int tokens[MAX_BLOCK_SIZE + 1];
    double probs[MAX_VOCAB_SIZE];
    double engine_probs_[MAX_VOCAB_SIZE];
    Error error = {""};
    EngineKind kind;
    Engine *engine;
    double loss;
    open_gpt(&default_shape);
    make_tokens(tokens, 7);
    double expected_loss = forward(tokens, 7);
    backward();
    double *expected_grad = calloc(model.n_params, sizeof *expected_grad);
    memcpy(expected_grad, model.grad, model.n_params * sizeof *expected_grad);
    probs_at(26, 0, 0.7, probs);

    ck_assert(engine_kind_find("scalar", &kind) && kind == ENGINE_SCALAR);
    ck_assert(engine_create(&engine, kind, &model, &error));
    memset(model.grad, 0, model.n_params * sizeof *model.grad);
    ck_assert(engine_forward(engine, tokens, 7, &loss, &error));
    ck_assert(engine_backward(engine, &error));
    assert_same_double(loss, expected_loss, "loss");
    assert_same_doubles(model.grad, expected_grad, model.n_params, "grad");
    ck_assert(engine_probs(engine, 26, 0, 0.7, engine_probs_, &error));
    assert_same_doubles(engine_probs_, probs, 27, "probs");
    ck_assert_uint_eq(engine_peak_bytes(engine), scalar_gpt_peak_bytes(&gpt));
    ck_assert_uint_eq(engine_count_bytes(kind, &default_shape, 7),
                      scalar_gpt_count_bytes(&default_shape, 7));
    engine_free(engine);
    free(expected_grad);
    close_gpt();
}
END_TEST

START_TEST(an_unknown_engine_is_not_found)
{
    EngineKind kind = ENGINE_SCALAR;
    ck_assert(!engine_kind_find("", &kind));
    ck_assert(!engine_kind_find("Scalar", &kind));
    ck_assert(!engine_kind_find("scalars", &kind));
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("scalar_gpt");
    TCase *nodes = new_case(suite, "nodes");
    tcase_add_loop_test(nodes, counted_nodes_are_those_that_are_made, 0, N_SHAPES);
    tcase_add_test(nodes, seven_positions_of_the_default_model_make_56283_nodes);
    tcase_add_test(nodes, node_counts_too_large_for_a_size_are_capped);
    TCase *numbers = new_case(suite, "numbers");
    tcase_add_loop_test(numbers, every_node_of_any_shape_is_pythons, 0, N_GOLDEN_CASES);
    tcase_add_test(numbers, loss_is_the_mean_over_the_positions);
    tcase_add_loop_test(numbers, probs_at_temperature_1_are_those_of_the_forward_pass, 0, N_SHAPES);
    tcase_add_test(numbers, temperature_divides_the_logits);
    tcase_add_test(numbers, later_tokens_do_not_change_earlier_losses);
    tcase_add_test(numbers, a_document_leaves_nothing_to_the_next);
    tcase_add_test(numbers, parameters_are_read_anew_for_every_document);
    TCase *memory = new_case(suite, "memory");
    tcase_add_loop_test(memory, counted_bytes_are_enough, 0, N_SHAPES + 1);
    tcase_add_test(memory, out_of_memory_is_an_error_and_forgiven);
    TCase *engine = new_case(suite, "engine");
    tcase_add_test(engine, the_engine_computes_what_the_scalar_model_does);
    tcase_add_test(engine, an_unknown_engine_is_not_found);
    return run_suite(suite);
}
