// The engines' peak memory is at most the number of bytes that was computed before, and not much
// less.
#include "check_more.h"
#include "microgpt/microgpt.h"
#include "tensor/tensor_plain.h"

typedef struct Case {
    ModelConfig config;
    size_t n_positions;
} Case;

static const Case cases[] = {
    {{.n_layer = 1, .n_embd = 16, .n_head = 4, .block_size = 16, .vocab_size = 27}, 16},
    {{.n_layer = 3, .n_embd = 8, .n_head = 2, .block_size = 32, .vocab_size = 5}, 31},
    {{.n_layer = 0, .n_embd = 32, .n_head = 1, .block_size = 8, .vocab_size = 50}, 8},
    {{.n_layer = 2, .n_embd = 24, .n_head = 3, .block_size = 100, .vocab_size = 11}, 60},
};

static void run_document(Engine *engine, size_t n_positions)
{
    int tokens[128] = {0};
    double loss;
    Error error;
    ck_assert_msg(engine_forward(engine, tokens, n_positions, &loss, &error), "%s", error.message);
    ck_assert_msg(engine_backward(engine, &error), "%s", error.message);
}

// least is what the peak must exceed.
static void check_peak(EngineKind kind, SimdLevel level, const Case *c, size_t least)
{
    Model model;
    Engine *engine;
    Error error;
    Random random;
    size_t counted = engine_count_bytes(kind, &c->config, c->n_positions);
    ck_assert(model_init(&model, &c->config, &error));
    random_seed(&random, 1);
    model_randomize(&model, &random, 0.08);
    ck_assert(engine_create(&engine, kind, &model, &error));
    engine_set_simd(engine, level);
    run_document(engine, c->n_positions);
    size_t peak = engine_peak_bytes(engine);
    ck_assert_msg(peak <= counted, "%zu bytes used, %zu counted", peak, counted);
    ck_assert_msg(peak > least, "only %zu bytes used, %zu counted", peak, counted);
    run_document(engine, 1); // a shorter document frees no memory
    ck_assert_uint_eq(engine_peak_bytes(engine), peak);
    engine_free(engine);
    model_free(&model);
}

START_TEST(the_peak_is_what_was_counted)
{
    const Case *c = &cases[_i];
    for (int kind = ENGINE_SCALAR; kind <= ENGINE_TENSOR; kind++) {
        size_t counted = engine_count_bytes((EngineKind)kind, &c->config, c->n_positions);
        check_peak((EngineKind)kind, simd_best(), c, counted / 2);
    }
    // Without kernels, the tensor engine has only the memory of the plain loops.
    check_peak(ENGINE_TENSOR, SIMD_NONE, c, plain_count_bytes(&c->config, c->n_positions));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_memory");
    TCase *tcase = tcase_create("peak");
    tcase_add_loop_test(tcase, the_peak_is_what_was_counted, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
