// A caller's bug that would give wrong numbers fails an assertion.
//
// In a build with -Db_ndebug=true this test is skipped, and says what such a build does not check.
#include <signal.h>
#include <stdio.h>

#include "check_more.h"
#include "microgpt/value.h"

#ifdef NDEBUG
int main(void)
{
    printf(
        "skipped: b_ndebug=true: asserts are lost, and with them the checks for callers' bugs\n");
    return 77;
}
#else

START_TEST(nodes_of_two_graphs_cannot_be_mixed)
{
    Graph g;
    Graph h;
    graph_init(&g);
    graph_init(&h);
    Value *a = value_leaf(&g, 2);
    Value *b = value_leaf(&h, 3);
    value_mul(&g, a, b);
}
END_TEST

START_TEST(a_node_belongs_to_its_own_graph_only)
{
    Graph g;
    Graph h;
    graph_init(&g);
    graph_init(&h);
    const double data = 2;
    value_exp(&h, graph_leaves(&g, &data, 1));
}
END_TEST

START_TEST(a_sum_has_a_term)
{
    Graph g;
    graph_init(&g);
    value_sum(&g, NULL, 0);
}
END_TEST

START_TEST(a_node_has_an_id_of_the_graph)
{
    Graph g;
    graph_init(&g);
    value_leaf(&g, 2);
    graph_node(&g, 1);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("asserts");
    TCase *tcase = tcase_create("callers' bugs");
    tcase_add_test_raise_signal(tcase, nodes_of_two_graphs_cannot_be_mixed, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_node_belongs_to_its_own_graph_only, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_sum_has_a_term, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_node_has_an_id_of_the_graph, SIGABRT);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return run_suite(make_suite());
}
#endif
