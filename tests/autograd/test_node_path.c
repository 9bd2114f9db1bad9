// Names of nodes, which are computed from scopes: for expressions and for the model.
//
// The model's names are spelled out for one document of the default model; that no two nodes share
// one is checked for a model of several layers, too.
#include "check_more.h"

#include "microgpt/node_path.h"
#include "scalar/scalar_gpt.h"

static Graph graph;

static void start_graph(void)
{
    graph_init(&graph);
}

static void end_graph(void)
{
    graph_free(&graph);
}

static void assert_path_of(const Graph *g, size_t node_id, const char *expected)
{
    char path[NODE_PATH_BYTES];
    size_t length = node_path(g, node_id, path);
    ck_assert_str_eq(path, expected);
    ck_assert_uint_eq(length, strlen(expected));
}

static void assert_path(const Value *v, const char *expected)
{
    assert_path_of(&graph, graph_node_id(&graph, v), expected);
}

START_TEST(without_names_a_node_is_its_operation_and_number)
{
    Value *a = value_leaf(&graph, 2);
    Value *b = value_leaf(&graph, 3);
    Value *product = value_mul(&graph, a, b);
    assert_path(a, "const[0]");
    assert_path(b, "const[1]");
    assert_path(product, "mul");
}
END_TEST

START_TEST(a_thing_is_its_last_node)
{
    graph_name(&graph, "q", 5);
    Value *a = value_leaf(&graph, 2);
    Value *square = value_mul(&graph, a, a);
    Value *fourth = value_mul(&graph, square, square);
    Value *result = value_mul(&graph, fourth, a);
    assert_path(a, "q[5].const");
    assert_path(square, "q[5].mul[0]");
    assert_path(fourth, "q[5].mul[1]");
    assert_path(result, "q[5]");
}
END_TEST

START_TEST(parts_stand_before_the_things_in_them)
{
    graph_enter(&graph, "pos", 2);
    graph_enter(&graph, "attn", -1);
    graph_name(&graph, "q", 0);
    Value *inner = value_leaf(&graph, 1);
    graph_leave(&graph);
    Value *between = value_leaf(&graph, 2);
    graph_name(&graph, "loss", -1);
    Value *outer = value_leaf(&graph, 3);
    graph_leave(&graph);
    Value *outside = value_leaf(&graph, 4);
    assert_path(inner, "pos2.attn.q[0]");
    assert_path(between, "pos2.const");
    assert_path(outer, "pos2.loss");
    assert_path(outside, "const");
}
END_TEST

START_TEST(the_index_goes_where_the_brackets_are)
{
    graph_name(&graph, "fc1[].relu", 17);
    assert_path(value_leaf(&graph, 1), "fc1[17].relu");
}
END_TEST

START_TEST(a_matrix_is_named_by_row_and_column)
{
    const double data[6] = {0};
    graph_name_matrix(&graph, "wte", 3);
    Value *leaves = graph_leaves(&graph, data, 6);
    assert_path(&leaves[0], "wte[0,0]");
    assert_path(&leaves[5], "wte[1,2]");
}
END_TEST

START_TEST(nodes_before_the_first_name_have_their_operation)
{
    Value *early = value_leaf(&graph, 1);
    graph_name(&graph, "thing", -1);
    Value *late = value_leaf(&graph, 2);
    assert_path(early, "const");
    assert_path(late, "thing");
}
END_TEST

START_TEST(names_go_with_the_nodes_at_a_reset)
{
    graph_name(&graph, "kept", -1);
    Value *kept = value_leaf(&graph, 1);
    GraphMark mark = graph_mark(&graph);
    graph_enter(&graph, "gone", -1);
    graph_name(&graph, "too", -1);
    value_leaf(&graph, 2);
    graph_reset(&graph, mark);
    Value *after = value_leaf(&graph, 3);
    assert_path(kept, "kept.const");
    assert_path(after, "kept");
}
END_TEST

START_TEST(a_long_path_is_cut)
{
    static const char name[] = "a_name_of_sixty_characters_which_is_as_long_as_it_is_useless";
    char path[NODE_PATH_BYTES];
    for (int i = 0; i < 4; i++) {
        graph_enter(&graph, name, i);
    }
    value_leaf(&graph, 1);
    ck_assert_uint_eq(node_path(&graph, 0, path), NODE_PATH_BYTES - 1);
    ck_assert_uint_eq(strlen(path), NODE_PATH_BYTES - 1);
}
END_TEST

// Pointers and ids, across the chunks of the arena and the gaps at their ends.
START_TEST(node_and_id_lead_to_each_other)
{
    enum {
        N = 100000
    };
    Value *v = value_leaf(&graph, 0);
    Value *terms[40];
    for (size_t i = 0; i < 40; i++) {
        terms[i] = v;
    }
    while (graph_n_nodes(&graph) < N) {
        v = value_dot(&graph, terms, terms, 40);
        ck_assert_ptr_eq(graph_node(&graph, graph_n_nodes(&graph) - 1), v);
    }
    for (size_t node_id = 0; node_id < graph_n_nodes(&graph); node_id++) {
        ck_assert_uint_eq(graph_node_id(&graph, graph_node(&graph, node_id)), node_id);
    }
    Value outside = {0};
    ck_assert_uint_eq(graph_node_id(&graph, &outside), SIZE_MAX);
}
END_TEST

// Builds the graph of arbitrary tokens through a model of these sizes.
static void build_model_graph(ScalarGpt *gpt, Model *model, ModelConfig config, size_t n_positions)
{
    const int tokens[4] = {0, 1, 2, 1};
    double loss;
    Error error;
    Random random;
    random_seed(&random, 1);
    ck_assert_msg(model_init(model, &config, &error), "%s", error.message);
    model_randomize(model, &random, 0.1);
    ck_assert_msg(scalar_gpt_init(gpt, model, &error), "%s", error.message);
    ck_assert(scalar_gpt_forward(gpt, tokens, n_positions, &loss, &error));
}

typedef struct NamedNode {
    size_t node_id;
    const char *path;
} NamedNode;

START_TEST(nodes_of_the_model_have_the_names_of_microgpt)
{
    // Counted by hand from the start of each part: a position of the default model makes 7,619
    // nodes and another 125 for each key that it attends to; the parameters come before.
    static const NamedNode nodes[] = {
        {0, "wte[0,0]"},
        {27 * 16 + 1, "wpe[0,1]"},
        {43 * 16 + 2, "lm_head[0,2]"},
        {70 * 16 + 3 * 16 + 7, "layer0.attn_wq[3,7]"},
        {4191, "layer0.mlp_fc2[15,63]"},
        {4192, "pos0.embed[0]"},
        {4192 + 16, "pos0.norm.ms.mul[0]"},
        {4192 + 16 + 34, "pos0.norm.ms"},
        {4192 + 16 + 37, "pos0.norm.scale"},
        {4192 + 16 + 53, "pos0.norm[15]"},
        {4192 + 16 + 54 + 54, "pos0.layer0.attn.q[0].mul[0]"},
        {4192 + 16 + 54 + 54 + 33 * 5 + 7, "pos0.layer0.attn.q[5].mul[3]"},
    };
    ScalarGpt gpt;
    Model model;
    build_model_graph(&gpt, &model, (ModelConfig){1, 16, 4, 16, 27}, 1);
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        assert_path_of(&gpt.graph, nodes[i].node_id, nodes[i].path);
    }
    size_t last = graph_n_nodes(&gpt.graph) - 1;
    assert_path_of(&gpt.graph, last, "loss");
    assert_path_of(&gpt.graph, last - 1, "loss.const");
    assert_path_of(&gpt.graph, last - 2, "loss.sum");
    assert_path_of(&gpt.graph, last - 6, "pos0.loss.log");
    scalar_gpt_free(&gpt);
    model_free(&model);
}
END_TEST

static int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

START_TEST(every_node_has_a_name_of_its_own)
{
    ScalarGpt gpt;
    Model model;
    build_model_graph(&gpt, &model, (ModelConfig){2, 4, 2, 4, 5}, 3);
    size_t n_nodes = graph_n_nodes(&gpt.graph);
    char(*paths)[NODE_PATH_BYTES] = malloc(n_nodes * sizeof *paths);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        node_path(&gpt.graph, node_id, paths[node_id]);
    }
    qsort(paths, n_nodes, sizeof *paths, compare_paths);
    for (size_t i = 1; i < n_nodes; i++) {
        ck_assert_str_ne(paths[i - 1], paths[i]);
    }
    free(paths);
    scalar_gpt_free(&gpt);
    model_free(&model);
}
END_TEST

static void assert_same_path(NodePaths *paths, size_t node_id)
{
    char path[NODE_PATH_BYTES];
    char expected[NODE_PATH_BYTES];
    size_t length = node_path(paths->graph, node_id, expected);
    ck_assert_uint_eq(node_paths_write(paths, node_id, path), length);
    ck_assert_str_eq(path, expected);
}

START_TEST(paths_are_the_same_in_any_order)
{
    ScalarGpt gpt;
    Model model;
    build_model_graph(&gpt, &model, (ModelConfig){2, 4, 2, 4, 5}, 3);
    size_t n_nodes = graph_n_nodes(&gpt.graph);
    NodePaths paths = node_paths(&gpt.graph);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        assert_same_path(&paths, node_id);
    }
    for (size_t node_id = n_nodes; node_id-- > 0;) {
        assert_same_path(&paths, node_id);
    }
    for (size_t i = 0; i < n_nodes; i++) {
        assert_same_path(&paths, i * 7919 % n_nodes);
    }
    scalar_gpt_free(&gpt);
    model_free(&model);
}
END_TEST

// One name for so many nodes that counting them again for each would take hours.
START_TEST(paths_take_time_in_proportion)
{
    enum {
        N = 1000000
    };
    char path[NODE_PATH_BYTES];
    graph_name(&graph, "sum", -1);
    for (size_t i = 0; i <= N; i++) {
        value_leaf(&graph, 1);
    }
    NodePaths paths = node_paths(&graph);
    for (size_t node_id = 0; node_id < N; node_id++) {
        node_paths_write(&paths, node_id, path);
    }
    ck_assert_str_eq(path, "sum.const[999999]");
}
END_TEST

static Suite *node_path_suite(void)
{
    Suite *suite = suite_create("node_path");
    TCase *own = tcase_create("expressions");
    tcase_add_checked_fixture(own, start_graph, end_graph);
    tcase_set_timeout(own, 0); // Meson's own is enough
    tcase_add_test(own, without_names_a_node_is_its_operation_and_number);
    tcase_add_test(own, a_thing_is_its_last_node);
    tcase_add_test(own, parts_stand_before_the_things_in_them);
    tcase_add_test(own, the_index_goes_where_the_brackets_are);
    tcase_add_test(own, a_matrix_is_named_by_row_and_column);
    tcase_add_test(own, nodes_before_the_first_name_have_their_operation);
    tcase_add_test(own, names_go_with_the_nodes_at_a_reset);
    tcase_add_test(own, a_long_path_is_cut);
    tcase_add_test(own, node_and_id_lead_to_each_other);
    tcase_add_test(own, paths_take_time_in_proportion);
    suite_add_tcase(suite, own);
    TCase *model = tcase_create("model");
    tcase_add_test(model, nodes_of_the_model_have_the_names_of_microgpt);
    tcase_add_test(model, every_node_has_a_name_of_its_own);
    tcase_add_test(model, paths_are_the_same_in_any_order);
    suite_add_tcase(suite, model);
    return suite;
}

int main(void)
{
    return run_suite(node_path_suite());
}
