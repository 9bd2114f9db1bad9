// The model's sizes and parameters: the state_dict's order, names, counts, and rejected sizes.
//
// The default sizes are microgpt.py's: n_layer 1, n_embd 16, n_head 4, block_size 16 and, for names
// from a to z, vocab_size 27: 4192 parameters.
#include "check_more.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "golden_libm.h"
#include "microgpt/dataset.h"
#include "microgpt/model.h"

// The address sanitizer ends a program that requests too much memory, unless it is told to return
// NULL.
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static const ModelConfig default_config = {
    .n_layer = 1, .n_embd = 16, .n_head = 4, .block_size = 16, .vocab_size = 27};

// All sizes are different, so that none can be used in place of another.
static const ModelConfig odd_config = {
    .n_layer = 2, .n_embd = 6, .n_head = 3, .block_size = 5, .vocab_size = 11};

static Model model_of(const ModelConfig *config)
{
    Model model;
    Error error;
    ck_assert_msg(model_init(&model, config, &error), "%s", error.message);
    return model;
}

static size_t count_params(const ModelConfig *config)
{
    size_t n_params = 0;
    Error error;
    ck_assert_msg(model_count_params(config, &n_params, &error), "%s", error.message);
    return n_params;
}

// list(state_dict) and the shapes of its matrices, as microgpt.py makes them with odd_config.
static const struct {
    const char *name;
    MatrixKind kind;
    int layer, n_out, n_in;
} state_dict[] = {
    {"wte", MATRIX_WTE, -1, 11, 6},
    {"wpe", MATRIX_WPE, -1, 5, 6},
    {"lm_head", MATRIX_LM_HEAD, -1, 11, 6},
    {"layer0.attn_wq", MATRIX_ATTN_WQ, 0, 6, 6},
    {"layer0.attn_wk", MATRIX_ATTN_WK, 0, 6, 6},
    {"layer0.attn_wv", MATRIX_ATTN_WV, 0, 6, 6},
    {"layer0.attn_wo", MATRIX_ATTN_WO, 0, 6, 6},
    {"layer0.mlp_fc1", MATRIX_MLP_FC1, 0, 24, 6},
    {"layer0.mlp_fc2", MATRIX_MLP_FC2, 0, 6, 24},
    {"layer1.attn_wq", MATRIX_ATTN_WQ, 1, 6, 6},
    {"layer1.attn_wk", MATRIX_ATTN_WK, 1, 6, 6},
    {"layer1.attn_wv", MATRIX_ATTN_WV, 1, 6, 6},
    {"layer1.attn_wo", MATRIX_ATTN_WO, 1, 6, 6},
    {"layer1.mlp_fc1", MATRIX_MLP_FC1, 1, 24, 6},
    {"layer1.mlp_fc2", MATRIX_MLP_FC2, 1, 6, 24},
};

enum {
    N_STATE_DICT = sizeof state_dict / sizeof *state_dict,
};

START_TEST(matrices_stand_in_state_dict_order)
{
    Model model = model_of(&odd_config);
    ck_assert_int_eq(model.n_matrices, N_STATE_DICT);
    for (int i = 0; i < N_STATE_DICT; i++) {
        char name[MODEL_NAME_BYTES];
        const Matrix *matrix = &model.matrices[i];
        model_matrix_name(matrix, name);
        ck_assert_str_eq(name, state_dict[i].name);
        ck_assert_int_eq((int)matrix->kind, (int)state_dict[i].kind);
        ck_assert_int_eq(matrix->layer, state_dict[i].layer);
    }
    model_free(&model);
}
END_TEST

// The key in the state_dict without the layer.
START_TEST(kind_of_matrix_has_a_name)
{
    for (int i = 0; i < N_STATE_DICT; i++) {
        const char *dot = strchr(state_dict[i].name, '.');
        const char *expected = dot != NULL ? dot + 1 : state_dict[i].name;
        ck_assert_str_eq(matrix_kind_name(state_dict[i].kind), expected);
    }
}
END_TEST

START_TEST(matrices_have_the_shapes_of_state_dict)
{
    Model model = model_of(&odd_config);
    for (int i = 0; i < N_STATE_DICT; i++) {
        ck_assert_int_eq(model.matrices[i].n_out, state_dict[i].n_out);
        ck_assert_int_eq(model.matrices[i].n_in, state_dict[i].n_in);
    }
    model_free(&model);
}
END_TEST

START_TEST(matrices_lie_one_after_the_other_without_a_gap)
{
    Model model = model_of(&odd_config);
    size_t first_param = 0;
    for (int i = 0; i < model.n_matrices; i++) {
        const Matrix *matrix = &model.matrices[i];
        ck_assert_uint_eq(matrix->first_param, first_param);
        first_param += (size_t)matrix->n_out * (size_t)matrix->n_in;
    }
    ck_assert_uint_eq(first_param, model.n_params);
    model_free(&model);
}
END_TEST

START_TEST(matrix_is_found_by_kind_and_layer)
{
    Model model = model_of(&odd_config);
    for (int i = 0; i < N_STATE_DICT; i++) {
        const Matrix *matrix = model_matrix(&model, state_dict[i].kind, state_dict[i].layer);
        ck_assert_ptr_eq(matrix, &model.matrices[i]);
    }
    model_free(&model);
}
END_TEST

// Python's len(params) for these sizes.
START_TEST(parameters_are_counted_as_python_counts_them)
{
    static const struct {
        ModelConfig config;
        size_t n_params;
    } cases[] = {
        {{.n_layer = 1, .n_embd = 16, .n_head = 4, .block_size = 16, .vocab_size = 27}, 4192},
        {{.n_layer = 0, .n_embd = 16, .n_head = 4, .block_size = 16, .vocab_size = 27}, 1120},
        {{.n_layer = 2, .n_embd = 6, .n_head = 3, .block_size = 5, .vocab_size = 11}, 1026},
        {{.n_layer = 1, .n_embd = 1, .n_head = 1, .block_size = 1, .vocab_size = 2}, 17},
        {{.n_layer = 4, .n_embd = 64, .n_head = 8, .block_size = 32, .vocab_size = 100}, 211456},
    };
    ck_assert_uint_eq(count_params(&cases[_i].config), cases[_i].n_params);
    Model model = model_of(&cases[_i].config);
    ck_assert_uint_eq(model.n_params, cases[_i].n_params);
    model_free(&model);
}
END_TEST

START_TEST(model_without_layers_has_three_matrices)
{
    ModelConfig config = default_config;
    config.n_layer = 0;
    Model model = model_of(&config);
    ck_assert_int_eq(model.n_matrices, 3);
    ck_assert_ptr_eq(model_matrix(&model, MATRIX_LM_HEAD, -1), &model.matrices[2]);
    model_free(&model);
}
END_TEST

START_TEST(head_dim_is_the_share_of_one_head)
{
    Model model = model_of(&default_config);
    ck_assert_int_eq(model.head_dim, 4);
    model_free(&model);
    model = model_of(&odd_config);
    ck_assert_int_eq(model.head_dim, 2);
    ck_assert_mem_eq(&model.config, &odd_config, sizeof odd_config);
    model_free(&model);
}
END_TEST

START_TEST(new_parameters_and_gradients_are_zero)
{
    Model model = model_of(&odd_config);
    for (size_t i = 0; i < model.n_params; i++) {
        assert_same_double(model.data[i], 0.0, "data");
        assert_same_double(model.grad[i], 0.0, "grad");
    }
    model_free(&model);
}
END_TEST

START_TEST(parameter_is_named_by_matrix_row_and_column)
{
    Model model = model_of(&odd_config);
    size_t param_id = 0;
    for (int i = 0; i < N_STATE_DICT; i++) {
        for (int row = 0; row < state_dict[i].n_out; row++) {
            for (int column = 0; column < state_dict[i].n_in; column++) {
                char expected[MODEL_NAME_BYTES];
                char name[MODEL_NAME_BYTES];
                snprintf(expected, sizeof expected, "%s[%d,%d]", state_dict[i].name, row, column);
                model_param_name(&model, param_id, name);
                ck_assert_str_eq(name, expected);
                param_id++;
            }
        }
    }
    ck_assert_uint_eq(param_id, model.n_params);
    model_free(&model);
}
END_TEST

// The longest possible name fits: all sizes and indices are the largest. If a size_t has 32 bits,
// no parameter has these indices.
START_TEST(longest_parameter_name_fits)
{
#if SIZE_MAX > UINT32_MAX
    Matrix matrix = {.kind = MATRIX_MLP_FC2,
                     .layer = MODEL_MAX_SIZE - 1,
                     .n_out = MODEL_MAX_SIZE,
                     .n_in = 4 * MODEL_MAX_SIZE};
    Model model = {.n_matrices = 1, .matrices = &matrix, .n_params = (size_t)1 << 42};
    char name[MODEL_NAME_BYTES];
    model_param_name(&model, model.n_params - 1, name);
    ck_assert_str_eq(name, "layer1048575.mlp_fc2[1048575,4194303]");
#endif
}
END_TEST

// A bad size, and what its error says: the size's name, its limits, and what it is.
static const struct {
    ModelConfig config;
    const char *message;
} bad_sizes[] = {
    {{-1, 16, 4, 16, 27}, "n_layer must be from 0 to 1048576, not -1"},
    {{INT_MIN, 16, 4, 16, 27}, "n_layer must be from 0 to 1048576, not -2147483648"},
    {{1048577, 16, 4, 16, 27}, "n_layer must be from 0 to 1048576, not 1048577"},
    {{1, 0, 4, 16, 27}, "n_embd must be from 1 to 1048576, not 0"},
    {{1, -16, 4, 16, 27}, "n_embd must be from 1 to 1048576, not -16"},
    {{1, 1048577, 1, 16, 27}, "n_embd must be from 1 to 1048576, not 1048577"},
    {{1, INT_MAX, 1, 16, 27}, "n_embd must be from 1 to 1048576, not 2147483647"},
    {{1, 16, 0, 16, 27}, "n_head must be from 1 to 1048576, not 0"},
    {{1, 16, -4, 16, 27}, "n_head must be from 1 to 1048576, not -4"},
    {{1, 16, 1048577, 16, 27}, "n_head must be from 1 to 1048576, not 1048577"},
    {{1, 16, 4, 0, 27}, "block_size must be from 1 to 1048576, not 0"},
    {{1, 16, 4, -1, 27}, "block_size must be from 1 to 1048576, not -1"},
    {{1, 16, 4, 1048577, 27}, "block_size must be from 1 to 1048576, not 1048577"},
    {{1, 16, 5, 16, 27}, "n_embd 16 must be a multiple of n_head 5"},
    {{1, 16, 32, 16, 27}, "n_embd 16 must be a multiple of n_head 32"},
};

enum {
    N_BAD_SIZES = sizeof bad_sizes / sizeof *bad_sizes,
};

START_TEST(bad_size_is_not_counted)
{
    size_t n_params = 12345;
    Error error = {{0}};
    ck_assert(!model_count_params(&bad_sizes[_i].config, &n_params, &error));
    ck_assert_str_eq(error.message, bad_sizes[_i].message);
    ck_assert_uint_eq(n_params, 12345);
}
END_TEST

START_TEST(bad_size_makes_no_model)
{
    Model model;
    Model untouched;
    memset(&model, 0xA5, sizeof model);
    memset(&untouched, 0xA5, sizeof untouched);
    Error error = {{0}};
    ck_assert(!model_init(&model, &bad_sizes[_i].config, &error));
    ck_assert_str_eq(error.message, bad_sizes[_i].message);
    ck_assert_mem_eq(&model, &untouched, sizeof model);
}
END_TEST

// 2 * 2 * 1 + 1 * 1 + 2^20 * 12, and so on: a size at its limit is accepted.
START_TEST(largest_sizes_are_counted)
{
    static const struct {
        ModelConfig config;
        size_t n_params;
    } cases[] = {
        {{MODEL_MAX_SIZE, 1, 1, 1, 2}, 5 + ((size_t)12 << 20)},
        {{0, MODEL_MAX_SIZE, 1, 1, 2}, (size_t)5 << 20},
        {{0, MODEL_MAX_SIZE, MODEL_MAX_SIZE, 1, 2}, (size_t)5 << 20},
        {{0, 1, 1, MODEL_MAX_SIZE, 2}, 4 + ((size_t)1 << 20)},
        {{0, 1, 1, 1, INT_MAX}, UINT32_MAX},
    };
    ck_assert_uint_eq(count_params(&cases[_i].config), cases[_i].n_params);
}
END_TEST

// 12 * 2^43 parameters, more bytes than a process has addresses.
START_TEST(model_beyond_memory_is_refused)
{
    ModelConfig config = {
        .n_layer = 8, .n_embd = MODEL_MAX_SIZE, .n_head = 1, .block_size = 1, .vocab_size = 2};
    Model model;
    Model untouched;
    memset(&model, 0xA5, sizeof model);
    memset(&untouched, 0xA5, sizeof untouched);
    Error error = {{0}};
    ck_assert(!model_init(&model, &config, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "out of memory"));
    ck_assert_mem_eq(&model, &untouched, sizeof model);
}
END_TEST

// With any libm: the parameters are successive results of gauss(), row by row, starting with wte.
START_TEST(parameters_are_drawn_in_state_dict_order)
{
    Random random;
    Random same;
    Model model = model_of(&odd_config);
    random_seed(&random, 7);
    same = random;
    model_randomize(&model, &random, 0.5);
    for (size_t i = 0; i < model.n_params; i++) {
        assert_same_double(model.data[i], random_gauss(&same, 0, 0.5), "parameter");
        assert_same_double(model.grad[i], 0.0, "gradient");
    }
    assert_same_double(random_random(&random), random_random(&same), "random() after them");
    model_free(&model);
}
END_TEST

// microgpt.py's own start: random.seed(42); random.shuffle(docs) with the default names; then
// p = [random.gauss(0, 0.08) for _ in range(4192)]: p[:4], p[2048], p[4191], random.random()
START_TEST(first_parameters_are_those_of_python)
{
    static const double expected[4] = {0x1.924849edf4bdap-5, 0x1.8054eceb3975bp-4,
                                       -0x1.84c17171d4e96p-5, 0x1.6d948062fd46ep-6};
    Random random;
    Dataset dataset;
    Error error;
    Model model = model_of(&default_config);
    random_seed(&random, 42);
    ck_assert(dataset_default(&dataset, &error));
    dataset_shuffle(&dataset, &random);
    model_randomize(&model, &random, 0.08);
    assert_same_doubles(model.data, expected, 4, "wte[0]");
    assert_same_double(model.data[2048], 0x1.3ccbd8348a9a4p-4, "p[2048]");
    assert_same_double(model.data[4191], 0x1.59a68a72d134ap-6, "p[4191]");
    assert_same_double(random_random(&random), 0x1.9f519b24ac004p-3, "random()");
    dataset_free(&dataset);
    model_free(&model);
}
END_TEST

START_TEST(free_leaves_a_model_that_may_be_freed_again)
{
    Model model = model_of(&odd_config);
    for (int i = 0; i < 2; i++) {
        model_free(&model);
        ck_assert_ptr_null(model.matrices);
        ck_assert_ptr_null(model.data);
        ck_assert_ptr_null(model.grad);
        ck_assert_uint_eq(model.n_params, 0);
    }
}
END_TEST

static TCase *state_dict_tests(void)
{
    TCase *tcase = tcase_create("state_dict");
    tcase_add_test(tcase, matrices_stand_in_state_dict_order);
    tcase_add_test(tcase, kind_of_matrix_has_a_name);
    tcase_add_test(tcase, matrices_have_the_shapes_of_state_dict);
    tcase_add_test(tcase, matrices_lie_one_after_the_other_without_a_gap);
    tcase_add_test(tcase, matrix_is_found_by_kind_and_layer);
    tcase_add_test(tcase, model_without_layers_has_three_matrices);
    tcase_add_test(tcase, head_dim_is_the_share_of_one_head);
    tcase_add_test(tcase, parameter_is_named_by_matrix_row_and_column);
    tcase_add_test(tcase, longest_parameter_name_fits);
    return tcase;
}

static TCase *size_tests(void)
{
    TCase *tcase = tcase_create("sizes");
    tcase_add_loop_test(tcase, parameters_are_counted_as_python_counts_them, 0, 5);
    tcase_add_loop_test(tcase, bad_size_is_not_counted, 0, N_BAD_SIZES);
    tcase_add_loop_test(tcase, bad_size_makes_no_model, 0, N_BAD_SIZES);
    tcase_add_loop_test(tcase, largest_sizes_are_counted, 0, 5);
    tcase_add_test(tcase, model_beyond_memory_is_refused);
    return tcase;
}

static TCase *parameter_tests(void)
{
    TCase *tcase = tcase_create("parameters");
    tcase_add_test(tcase, new_parameters_and_gradients_are_zero);
    tcase_add_test(tcase, parameters_are_drawn_in_state_dict_order);
    if (libm_is_golden_or_say("the bits of the first parameters")) {
        tcase_add_test(tcase, first_parameters_are_those_of_python);
    }
    tcase_add_test(tcase, free_leaves_a_model_that_may_be_freed_again);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("model");
    suite_add_tcase(suite, state_dict_tests());
    suite_add_tcase(suite, size_tests());
    suite_add_tcase(suite, parameter_tests());
    return run_suite(suite);
}
