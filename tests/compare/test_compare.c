// Makes the mistakes of ports in copies of a small model's graph, as dumps that such a port would
// write, and checks that the comparison names the true first cause of each. Then tests the command:
// its output and its exit status.
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compare/diff_explain.h"
#include "compare/diff_report.h"
#include "compare/dump_more.h"
#include "compare/graph_diff.h"
#include "run_program.h"

static const char *program_path;

static const DiffRules all_bits = {0, NULL};

// Mistakes of ports in backward.
typedef enum Mistake {
    NO_MISTAKE,
    EQUALS_FOR_PLUS_EQUALS, // child.grad = ...
    ORDER_OF_CREATION,      // for v in reversed(nodes)
    FUSED_MULTIPLY_ADD,
} Mistake;

// Appends a node after the nodes that it is computed from.
// Source: Value.backward, build_topo
static void visit(const NodeDump *dump, uint32_t node_id, bool *visited, uint32_t *topo, size_t *n)
{
    if (visited[node_id]) {
        return;
    }
    visited[node_id] = true;
    for (uint32_t e = dump->first_edge[node_id]; e < dump->first_edge[node_id + 1]; e++) {
        visit(dump, dump->children[e], visited, topo, n);
    }
    topo[*n] = node_id;
    *n += 1;
}

// Computes all gradients from the local gradients, as Python does except for the mistake.
static void run_backward(NodeDump *dump, Mistake mistake)
{
    size_t n_nodes = dump->n_nodes;
    bool *visited = calloc(n_nodes, sizeof *visited);
    uint32_t *topo = calloc(n_nodes, sizeof *topo);
    size_t n = 0;
    visit(dump, (uint32_t)n_nodes - 1, visited, topo, &n);
    memset(dump->grad, 0, n_nodes * sizeof *dump->grad);
    dump->grad[n_nodes - 1] = 1;
    for (size_t i = mistake == ORDER_OF_CREATION ? n_nodes : n; i-- > 0;) {
        uint32_t v = mistake == ORDER_OF_CREATION ? (uint32_t)i : topo[i];
        for (uint32_t e = dump->first_edge[v]; e < dump->first_edge[v + 1]; e++) {
            double *grad = &dump->grad[dump->children[e]];
            double before = mistake == EQUALS_FOR_PLUS_EQUALS ? 0 : *grad;
            *grad = mistake == FUSED_MULTIPLY_ADD ? fma(dump->local_grads[e], dump->grad[v], before)
                                                  : before + dump->local_grads[e] * dump->grad[v];
        }
    }
    free(visited);
    free(topo);
}

// Two dumps of the small model, of which B is to be changed, and their comparison.
static struct {
    NodeDump a;
    NodeDump b;
    GraphDiff diff;
    Judgement judgement;
    char *text;
    size_t text_size;
} pair; // freed after each test

static void open_pair(void)
{
    dump_small_model(&pair.a, DUMP_NAMED);
    dump_small_model(&pair.b, DUMP_NAMED);
}

// Compares both, and prints the report into text.
static void compare_pair(const DiffRules *rules)
{
    Error error;
    ck_assert_msg(graph_diff(&pair.diff, &pair.a, &pair.b, rules, &error), "%s", error.message);
    ck_assert_msg(judgement_init(&pair.judgement, &pair.diff, &error), "%s", error.message);
    FILE *file = open_memstream(&pair.text, &pair.text_size);
    ck_assert(diff_print_text(file, &pair.judgement, true, &error));
    ck_assert_int_eq(fclose(file), 0);
}

// Frees the comparison; the dumps remain.
static void forget_comparison(void)
{
    judgement_free(&pair.judgement);
    graph_diff_free(&pair.diff);
    free(pair.text);
    pair.text = NULL;
}

static void close_pair(void)
{
    forget_comparison();
    dump_free(&pair.a);
    dump_free(&pair.b);
}

static void assert_says(const char *what)
{
    ck_assert_msg(strstr(pair.text, what) != NULL, "expected: %s\nin: %s", what, pair.text);
}

// Checks what the first of all causes is.
static void assert_first_cause(CauseKind kind, const char *path)
{
    uint32_t node_id;
    char label[LABEL_BYTES];
    ck_assert_msg(diff_first_cause(&pair.diff, &node_id) == kind, "%s", pair.text);
    ck_assert_msg(strcmp(diff_label(&pair.diff, node_id, label), path) == 0, "%s", pair.text);
}

static uint32_t *child_of(NodeDump *dump, const char *path, int slot)
{
    return &dump->children[dump->first_edge[find_node(dump, path)] + (uint32_t)slot];
}

static bool has_op(const NodeDump *dump, uint32_t node_id, const char *op)
{
    return strcmp(dump_op(dump, node_id), op) == 0;
}

START_TEST(the_same_dump_is_the_same)
{
    open_pair();
    run_backward(&pair.b, NO_MISTAKE); // the tests' own backward is that of Python
    compare_pair(&all_bits);
    ck_assert(graph_diff_is_same(&pair.diff));
    assert_says("same: data and gradients of");
}
END_TEST

// x * x comes first in the model, and swapping does not change it; x * scale is next.
START_TEST(swapped_local_gradients_of_mul_are_found)
{
    open_pair();
    size_t n_swapped = 0;
    for (uint32_t i = 0; i < pair.b.n_nodes; i++) {
        double *local_grads = pair.b.local_grads + pair.b.first_edge[i];
        if (has_op(&pair.b, i, "mul") && local_grads[0] != local_grads[1]) {
            double left = local_grads[0];
            local_grads[0] = local_grads[1];
            local_grads[1] = left;
            n_swapped++;
        }
    }
    run_backward(&pair.b, NO_MISTAKE);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_LOCAL_GRADS, "pos0.norm.ms");
    assert_says("A has those of mul");
    assert_says("B has them swapped");
    ck_assert_uint_eq(pair.diff.local_grads.n_causes, n_swapped);
    ck_assert_uint_gt(pair.diff.grad.n_differ, 100);
    ck_assert_uint_eq(pair.diff.grad.n_causes, 0); // they follow from the cause
    ck_assert_uint_eq(pair.diff.data.n_differ, 0);
}
END_TEST

// The first node in the order of backward that is used twice is e of the last position's target: in
// e / total and in total.
START_TEST(a_forgotten_plus_is_found)
{
    open_pair();
    run_backward(&pair.b, EQUALS_FOR_PLUS_EQUALS);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_GRAD, "pos3.softmax.exp[4]");
    assert_says("the sum of 2 contributions");
    assert_says("A is their sum");
    assert_says("B is the last of them alone, number 2: `=` where `+=` belongs");
}
END_TEST

// One node's gradient loses the contributions before the second one. The gradients computed from it
// are wrong, too, and all others are unchanged.
START_TEST(one_forgotten_plus_is_told_from_what_follows)
{
    open_pair();
    uint32_t wrong = find_node(&pair.b, "pos1.norm[2]");
    compare_pair(&all_bits);
    Contribution *c;
    size_t n;
    Error error;
    ck_assert(diff_contributions(&pair.diff, wrong, &c, &n, &error));
    ck_assert_uint_ge(n, 3);
    pair.b.grad[wrong] = 0;
    for (size_t i = 1; i < n; i++) {
        pair.b.grad[wrong] += c[i].amount;
    }
    free(c);
    // Its own children are x and scale. Both have other contributions as well, so their gradients
    // differ, too.
    for (uint32_t e = pair.b.first_edge[wrong]; e < pair.b.first_edge[wrong + 1]; e++) {
        pair.b.grad[pair.b.children[e]] *= 1.5;
    }
    forget_comparison();
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_GRAD, "pos1.norm[2]");
    assert_says("B is their sum from number 2: `=` where `+=` belongs");
    assert_says("2 more differ and merely follow; 0 further causes");
}
END_TEST

START_TEST(a_lost_contribution_is_found)
{
    open_pair();
    uint32_t wrong = find_node(&pair.b, "pos1.norm[2]");
    compare_pair(&all_bits);
    Contribution *c;
    size_t n;
    Error error;
    ck_assert(diff_contributions(&pair.diff, wrong, &c, &n, &error));
    pair.b.grad[wrong] = 0;
    for (size_t i = 0; i < n; i++) {
        pair.b.grad[wrong] += i == 2 ? 0 : c[i].amount;
    }
    free(c);
    forget_comparison();
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_GRAD, "pos1.norm[2]");
    assert_says("B is their sum without number 3");
}
END_TEST

// The first node in the order of backward whose contributions come in another order is the vector
// that lm_head multiplies: depth-first, its use in the target's logit comes last.
START_TEST(gradients_in_the_order_of_creation_are_found)
{
    open_pair();
    run_backward(&pair.b, ORDER_OF_CREATION);
    compare_pair(&all_bits);
    uint32_t node_id;
    ck_assert_int_eq(diff_first_cause(&pair.diff, &node_id), CAUSE_GRAD);
    char label[LABEL_BYTES];
    diff_label(&pair.diff, node_id, label);
    ck_assert_msg(strncmp(label, "pos3.layer0.mlp.residual[", 25) == 0, "%s", pair.text);
    assert_says("B is their sum in the order of creation, from the last node to the first");
}
END_TEST

START_TEST(fused_gradients_are_found)
{
    open_pair();
    run_backward(&pair.b, FUSED_MULTIPLY_ADD);
    compare_pair(&all_bits);
    assert_says("A is their sum\n");
    assert_says("B is their sum by fused multiply-add: see -ffp-contract=off");
}
END_TEST

// A gradient that remains from the last step, for a parameter that this document does not use.
START_TEST(a_gradient_left_over_is_found)
{
    open_pair();
    pair.b.grad[find_node(&pair.b, "wte[3,1]")] = 0.25;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_GRAD, "wte[3,1]");
    assert_says("nothing contributes to it");
    assert_says("A is right");
    assert_says("B is not 0, though nothing contributes to it");
}
END_TEST

static double reciprocal(double x)
{
    return 1 / x;
}

static double reciprocal_root(double x)
{
    return 1 / sqrt(x);
}

static double square(double x)
{
    return x * x;
}

// Returns a number for which libm's power differs from the shortcut, or 0 if there is none nearby.
static double find_uncommon(double exponent, double (*short_way)(double))
{
    double x = 0x1.5c3fb5f18206ap+0;
    for (int i = 0; i < 200000; i++) {
        if (pow(x, exponent) != short_way(x)) {
            return x;
        }
        x += 0x1p-20;
    }
    return 0;
}

// exp(x**c), where B computes the power with a shortcut.
START_TEST(a_short_way_for_a_power_is_found)
{
    static const struct {
        double exponent;
        double (*short_way)(double);
        const char *says;
    } cases[] = {
        {2, square, "B is x * x, which is not always what pow(x, 2) gives"},
        {-1, reciprocal, "B is 1 / x, which is not always what pow(x, -1) gives"},
        {-0.5, reciprocal_root, "B is 1 / sqrt(x), which is not always what pow(x, -0.5) gives"},
        {0.5, sqrt, "B is sqrt(x), which is not always what pow(x, 0.5) gives"},
    };
    double x = find_uncommon(cases[_i].exponent, cases[_i].short_way);
    if (x == 0) {
        return; // this libm's powers are always the nearest double
    }
    Graph g;
    Error error;
    graph_init(&g);
    Value *power = value_pow(&g, value_leaf(&g, x), cases[_i].exponent);
    ck_assert(value_backward(&g, value_exp(&g, power), &error));
    dump_graph(&pair.a, &g, 1, DUMP_NAMED);
    dump_graph(&pair.b, &g, 1, DUMP_NAMED);
    graph_free(&g);
    pair.b.data[1] = cases[_i].short_way(x);
    pair.b.data[2] = 1 + pair.a.data[2]; // follows from the cause
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "pow");
    assert_says("1 ULP apart");
    assert_says("input 0: ");
    assert_says("A is what pow gives for these inputs");
    assert_says(cases[_i].says);
    assert_says("1 more differs and merely follows; 0 further causes");
}
END_TEST

// The same mistake in Adam is not a mistake of the graph: it shows as a parameter of the next step.
START_TEST(a_wrong_update_is_found_in_the_parameters)
{
    open_pair();
    uint32_t wrong = find_node(&pair.b, "layer0.attn_wq[1,2]");
    pair.b.data[wrong] = nextafter(pair.b.data[wrong], 1);
    pair.b.data[pair.b.n_nodes - 1] += 0.125;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "layer0.attn_wq[1,2]");
    assert_says("a parameter: it differs before this step computes anything");
}
END_TEST

// x * x as a special operation has two children, while the power has one.
START_TEST(another_operation_with_other_children_is_structure)
{
    Graph g;
    Error error;
    for (int side = 0; side < 2; side++) {
        graph_init(&g);
        Value *x = value_leaf(&g, 1.5);
        Value *square = side == 0 ? value_pow(&g, x, 2) : value_mul(&g, x, x);
        ck_assert(value_backward(&g, value_exp(&g, square), &error));
        dump_graph(side == 0 ? &pair.a : &pair.b, &g, 1, DUMP_NAMED);
        graph_free(&g);
    }
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "pow");
    assert_says("first place: a node with another number of children: pow\n"
                "    A: pow of 1 child\n       const (node 0, param)\n"
                "    B: mul of 2 children\n");
}
END_TEST

START_TEST(another_operation_with_the_same_children_is_structure)
{
    Graph g;
    Error error;
    for (int side = 0; side < 2; side++) {
        graph_init(&g);
        Value *x = value_leaf(&g, 2);
        Value *y = side == 0 ? value_add(&g, x, x) : value_mul(&g, x, x); // both 4
        ck_assert(value_backward(&g, y, &error));
        dump_graph(side == 0 ? &pair.a : &pair.b, &g, 1, DUMP_NAMED);
        graph_free(&g);
    }
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "add");
    assert_says("a node with another operation");
}
END_TEST

// With the first row of fc1 all zero, the input of its relu is exactly 0.
START_TEST(a_gradient_of_relu_at_0_is_found)
{
    dump_model(&pair.a, 0, DUMP_NAMED);
    dump_model(&pair.b, 0, DUMP_NAMED);
    for (uint32_t i = 0; i < pair.b.n_nodes; i++) {
        uint32_t edge = pair.b.first_edge[i];
        if (has_op(&pair.b, i, "relu") && pair.b.data[pair.b.children[edge]] >= 0) {
            pair.b.local_grads[edge] = 1;
        }
    }
    run_backward(&pair.b, NO_MISTAKE);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_LOCAL_GRADS, "pos0.layer0.mlp.fc1[0].relu");
    assert_says("B has a gradient at 0, where relu has none: 0 wins the tie");
    ck_assert_uint_eq(pair.diff.local_grads.n_causes, TEST_TOKENS - 1); // one in each position
    ck_assert_uint_eq(pair.diff.grad.n_causes, 0);
    ck_assert_uint_gt(pair.diff.grad.n_differ, 0);
}
END_TEST

// Returns the largest logit of the softmax that a path belongs to.
static double largest_logit(const NodeDump *dump, const char *prefix, size_t prefix_length)
{
    double largest = -INFINITY;
    for (uint32_t i = 0; i < dump->n_nodes; i++) {
        const char *path = dump_path(dump, i);
        if (strncmp(path, prefix, prefix_length) == 0 &&
            strncmp(path + prefix_length, ".logit[", 7) == 0 && path[strlen(path) - 1] == ']' &&
            strchr(path + prefix_length + 1, '.') == NULL) {
            largest = fmax(largest, dump->data[i]);
        }
    }
    return largest;
}

// Returns a leaf's data, which do not change except for the constant that softmax computes from its
// inputs.
static double compute_leaf(const NodeDump *dump, uint32_t node_id)
{
    const char *path = dump_path(dump, node_id);
    const char *softmax = strstr(path, ".softmax.exp[");
    return softmax == NULL ? dump->data[node_id]
                           : -largest_logit(dump, path, (size_t)(softmax - path));
}

static double compute_power(const NodeDump *dump, uint32_t node_id, double x)
{
    return pow(x, strstr(dump_path(dump, node_id), ".scale") != NULL ? -0.5 : -1);
}

// Computes all data again, as a port would whose nodes are connected in this way. Local gradients
// are not changed: a port whose data differ has other local gradients as well, and these tests are
// about data.
static void run_forward(NodeDump *dump)
{
    for (uint32_t i = 0; i < dump->n_nodes; i++) {
        const uint32_t *children = dump->children + dump->first_edge[i];
        double *data = dump->data;
        if (dump_n_children(dump, i) == 0) {
            data[i] = compute_leaf(dump, i);
        } else if (has_op(dump, i, "add")) {
            data[i] = data[children[0]] + data[children[1]];
        } else if (has_op(dump, i, "mul")) {
            data[i] = data[children[0]] * data[children[1]];
        } else if (has_op(dump, i, "exp")) {
            data[i] = exp(data[children[0]]);
        } else if (has_op(dump, i, "log")) {
            data[i] = log(data[children[0]]);
        } else if (has_op(dump, i, "relu")) {
            data[i] = data[children[0]] > 0 ? data[children[0]] : 0;
        } else {
            data[i] = compute_power(dump, i, data[children[0]]);
        }
    }
}

START_TEST(the_tests_own_forward_is_the_models)
{
    open_pair();
    run_forward(&pair.b);
    compare_pair(&all_bits);
    ck_assert_msg(graph_diff_is_same(&pair.diff), "%s", pair.text);
}
END_TEST

// Each query attends to the keys of one position earlier than it should, the first one to its own.
START_TEST(a_kv_cache_off_by_one_is_found)
{
    open_pair();
    for (int pos = 1; pos < TEST_TOKENS - 1; pos++) {
        for (int head = 0; head < 2; head++) {
            for (int j = 0; j < 2; j++) {
                char product[LABEL_BYTES];
                char key[LABEL_BYTES];
                snprintf(product, sizeof product, "pos%d.layer0.attn.head%d.logit[%d].mul[%d]", pos,
                         head, pos, j);
                snprintf(key, sizeof key, "pos%d.layer0.attn.k[%d]", pos - 1, 2 * head + j);
                *child_of(&pair.b, product, 1) = find_node(&pair.b, key);
            }
        }
    }
    run_forward(&pair.b);
    run_backward(&pair.b, NO_MISTAKE);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "pos1.layer0.attn.head0.logit[1].mul[0]");
    assert_says("structure: 12 nodes differ");
    assert_says("    A: mul of 2 children\n       pos1.layer0.attn.q[0] (");
    assert_says("       pos1.layer0.attn.k[0] (");
    assert_says("    B: mul of 2 children\n       pos1.layer0.attn.q[0] (");
    assert_says("       pos0.layer0.attn.k[0] (");
    ck_assert_uint_gt(pair.diff.data.n_differ, 100);
    ck_assert_uint_eq(pair.diff.data.n_causes, 0); // all differences follow from the structure
    ck_assert_uint_gt(pair.diff.grad.n_differ, 100);
    ck_assert_uint_eq(pair.diff.grad.n_causes, 0);
}
END_TEST

START_TEST(a_weight_used_transposed_is_found)
{
    open_pair();
    for (int pos = 0; pos < TEST_TOKENS - 1; pos++) {
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                char product[LABEL_BYTES];
                char weight[LABEL_BYTES];
                snprintf(product, sizeof product, "pos%d.layer0.attn.q[%d].mul[%d]", pos, i, j);
                snprintf(weight, sizeof weight, "layer0.attn_wq[%d,%d]", j, i);
                *child_of(&pair.b, product, 0) = find_node(&pair.b, weight);
            }
        }
    }
    run_forward(&pair.b);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "pos0.layer0.attn.q[0].mul[1]");
    assert_says("    A: mul of 2 children\n       layer0.attn_wq[0,1] (");
    assert_says("    B: mul of 2 children\n       layer0.attn_wq[1,0] (");
    ck_assert_uint_eq(pair.diff.data.n_causes, 0);
}
END_TEST

// A port that stores the matrix transposed.
START_TEST(a_weight_stored_transposed_is_found)
{
    open_pair();
    uint32_t first = find_node(&pair.b, "layer0.attn_wq[0,0]");
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < 4; j++) {
            pair.b.data[first + 4 * i + j] = pair.a.data[first + 4 * j + i];
        }
    }
    run_forward(&pair.b);
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "layer0.attn_wq[0,1]");
    assert_says("A is what B has in layer0.attn_wq[1,0]");
    assert_says("B is what A has in layer0.attn_wq[1,0]");
    assert_says("unexplained: 12 values of 1 kind\n");
    assert_says("    B keeps layer0.attn_wq transposed\n");
}
END_TEST

// softmax subtracts the largest logit as a plain number; these leaves have no child that a
// difference could follow from.
START_TEST(constants_that_softmax_makes_of_data_are_no_causes)
{
    open_pair();
    for (int i = 0; i < 4; i++) { // whichever logit is the largest, it changes
        char path[LABEL_BYTES];
        snprintf(path, sizeof path, "lm_head[%d,0]", i);
        pair.b.data[find_node(&pair.b, path)] += 0.5;
    }
    run_forward(&pair.b);
    compare_pair(&all_bits);
    ck_assert_uint_eq(pair.diff.data.n_causes, 4);
    assert_first_cause(CAUSE_DATA, "lm_head[0,0]");
}
END_TEST

// Returns a sum that would differ if its product were not rounded first.
static uint32_t find_fusible(const NodeDump *dump, double *fused)
{
    for (uint32_t i = 0; i < dump->n_nodes; i++) {
        const uint32_t *children = dump->children + dump->first_edge[i];
        if (!has_op(dump, i, "add") || !has_op(dump, children[1], "mul")) {
            continue;
        }
        const uint32_t *factors = dump->children + dump->first_edge[children[1]];
        *fused = fma(dump->data[factors[0]], dump->data[factors[1]], dump->data[children[0]]);
        if (*fused != dump->data[i]) {
            return i;
        }
    }
    ck_abort_msg("every sum is the same when it is fused");
    return 0;
}

START_TEST(fused_data_are_found)
{
    open_pair();
    double fused = 0;
    uint32_t node_id = find_fusible(&pair.b, &fused);
    pair.b.data[node_id] = fused;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, dump_path(&pair.a, node_id));
    assert_says("A is what add gives for these inputs");
    assert_says("B is what a fused multiply-add gives: see -ffp-contract=off");
}
END_TEST

START_TEST(single_precision_data_are_found)
{
    open_pair();
    uint32_t node_id = find_node(&pair.b, "pos1.layer0.attn.k[1].mul[2]");
    pair.b.data[node_id] = (double)(float)pair.b.data[node_id];
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "pos1.layer0.attn.k[1].mul[2]");
    assert_says("B is that in single precision");
}
END_TEST

// The dump of a shorter document is the same up to its end.
START_TEST(a_missing_position_is_found)
{
    char path[TEST_PATH_BYTES];
    dump_small_model(&pair.a, DUMP_NAMED);
    write_model(path, &small_config, small_tokens, 3, NAN, DUMP_NAMED);
    assert_read(&pair.b, path);
    unlink(path);
    pair.b.file_name = "shorter";
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "pos3.embed[0]");
    assert_says("A: add of 2 children\n       wte[0,0]");
    assert_says("B: const of 0 children");
    assert_says("only the nodes before it are compared");
    ck_assert_uint_eq(pair.diff.data.n_differ, 0);
    ck_assert(!pair.diff.grad.is_compared);
}
END_TEST

START_TEST(a_dump_that_ends_too_early_is_found)
{
    open_pair();
    pair.b.n_nodes -= 2;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_STRUCTURE, "loss.const");
    assert_says("B has no such node: it ends here; is the file cut off?");
    close_pair();
    open_pair();
    pair.a.n_nodes -= 2; // A is the base, and has no name for the position
    compare_pair(&all_bits);
    assert_says("A has no such node: it ends here; is the file cut off?");
}
END_TEST

// Python can make more nodes than its root is computed from. Their uses contribute nothing to
// gradients.
START_TEST(nodes_off_the_way_back_contribute_nothing)
{
    Graph g;
    Error error;
    graph_init(&g);
    Value *x = value_leaf(&g, 3);
    value_mul(&g, x, x);
    ck_assert(value_backward(&g, value_exp(&g, x), &error));
    dump_graph(&pair.a, &g, 1, DUMP_NAMED);
    dump_graph(&pair.b, &g, 1, DUMP_NAMED);
    graph_free(&g);
    pair.b.grad[0] = 1;
    compare_pair(&all_bits);
    assert_says("the sum of 1 contribution,");
    assert_says("A is that\n    B is not that");
}
END_TEST

START_TEST(distances_count_doubles)
{
    ck_assert_uint_eq(ulp_distance(1, 1), 0);
    ck_assert_uint_eq(ulp_distance(1, nextafter(1, 2)), 1);
    ck_assert_uint_eq(ulp_distance(nextafter(1, 0), 1), 1);
    ck_assert_uint_eq(ulp_distance(0.0, -0.0), 0);
    ck_assert_uint_eq(ulp_distance(-0x1p-1074, 0x1p-1074), 2);
    ck_assert_uint_eq(ulp_distance(-0x1p-1074, 0.0), 1);
    ck_assert_uint_eq(ulp_distance(1, 2), UINT64_C(1) << 52);
    ck_assert_uint_eq(ulp_distance(0x1.fffffffffffffp+1023, INFINITY), 1);
    ck_assert_uint_eq(ulp_distance(-INFINITY, INFINITY), 2 * UINT64_C(0x7FF0000000000000));
    ck_assert_uint_eq(ulp_distance(NAN, -NAN), 0);
    ck_assert_uint_eq(ulp_distance(NAN, INFINITY), UINT64_MAX);
}
END_TEST

START_TEST(numbers_differ_by_their_bits)
{
    double next = nextafter(1, 2);
    ck_assert(!numbers_differ(1, 1, 0));
    ck_assert(numbers_differ(1, next, 0));
    ck_assert(!numbers_differ(1, next, 1));
    ck_assert(numbers_differ(1, nextafter(next, 2), 1));
    ck_assert(numbers_differ(0.0, -0.0, 0)); // the sign of zero
    ck_assert(!numbers_differ(0.0, -0.0, 1));
    ck_assert(!numbers_differ(NAN, -NAN, 0)); // float.hex() does not show the sign of a NaN
    ck_assert(numbers_differ(NAN, 1, 1000000));
    ck_assert_double_eq(relative_difference(1, 2), 0.5);
    ck_assert_double_eq(relative_difference(-1, 1), 2);
    ck_assert_double_eq(relative_difference(0.0, -0.0), 0);
    ck_assert(isinf(relative_difference(NAN, 1)));
    ck_assert(isinf(relative_difference(INFINITY, 1)));
}
END_TEST

START_TEST(small_differences_may_pass)
{
    open_pair();
    uint32_t node_id = find_node(&pair.b, "pos0.logit[1]");
    pair.b.data[node_id] = nextafter(nextafter(pair.b.data[node_id], 9), 9);
    compare_pair(&(DiffRules){2, NULL});
    ck_assert(graph_diff_is_same(&pair.diff));
    forget_comparison();
    compare_pair(&(DiffRules){1, NULL});
    assert_first_cause(CAUSE_DATA, "pos0.logit[1]");
}
END_TEST

START_TEST(the_sign_of_zero_is_a_difference)
{
    open_pair();
    pair.b.data[find_node(&pair.b, "loss.sum.const")] = -0.0;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "loss.sum.const");
    assert_says("the sign of zero: 0 ULP apart, and other bits");
}
END_TEST

START_TEST(a_nan_is_a_difference)
{
    open_pair();
    pair.b.data[find_node(&pair.b, "pos0.loss.log")] = NAN;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "pos0.loss.log");
    assert_says("one of them is not a number");
    assert_says("      nan      inf |"); // in the table
}
END_TEST

START_TEST(patterns_take_brackets_as_they_are)
{
    static const char *const fits[][2] = {
        {"loss", "loss"},
        {"pos2.*", "pos2.layer0.attn.q[5].mul[3]"},
        {"*.q[5]*", "pos2.layer0.attn.q[5].mul[3]"},
        {"wte[3,?]", "wte[3,7]"},
        {"*", "loss.sum"},
        {"a\\b", "a\\b"},
    };
    static const char *const misfits[][2] = {
        {"loss", "pos2.loss"}, {"pos2", "pos2.loss"}, {"wte[3,7]", "wte3"},
        {"q[12]", "q1"},       {"?", "wte"},          {"", "loss"},
    };
    for (size_t i = 0; i < 6; i++) {
        ck_assert_msg(path_matches(fits[i][0], fits[i][1]), "%s", fits[i][0]);
        ck_assert_msg(!path_matches(misfits[i][0], misfits[i][1]), "%s", misfits[i][0]);
    }
}
END_TEST

// Differences outside the pattern do not count; those inside it may follow from outside.
START_TEST(only_looks_at_what_it_names)
{
    open_pair();
    pair.b.data[find_node(&pair.b, "pos1.logit[2].mul[1]")] += 1;
    run_backward(&pair.b, NO_MISTAKE);
    for (const char *path = "pos1.logit[2].add[1]"; path != NULL; path = NULL) {
        pair.b.data[find_node(&pair.b, path)] += 1;
    }
    compare_pair(&(DiffRules){0, "pos0.*"});
    ck_assert(graph_diff_is_same(&pair.diff));
    forget_comparison();
    compare_pair(&(DiffRules){0, "pos1.logit[2].add*"});
    ck_assert(!graph_diff_is_same(&pair.diff));
    ck_assert_uint_eq(pair.diff.data.n_differ, 1);
    ck_assert_uint_eq(pair.diff.data.n_causes, 0);
    ck_assert_uint_eq(pair.diff.data.n_elsewhere, 1);
    assert_says("all follow from other differences; the first is pos1.logit[2].add[1]");
    forget_comparison();
    compare_pair(&(DiffRules){0, "pos1.*"});
    assert_first_cause(CAUSE_DATA, "pos1.logit[2].mul[1]");
}
END_TEST

static void assert_refused(const NodeDump *a, const NodeDump *b, const char *only, const char *what)
{
    GraphDiff diff;
    Error error;
    DiffRules rules = {0, only};
    ck_assert(!graph_diff(&diff, a, b, &rules, &error));
    ck_assert_msg(strstr(error.message, what) != NULL, "%s", error.message);
}

START_TEST(a_pattern_that_fits_nothing_is_refused)
{
    open_pair();
    assert_refused(&pair.a, &pair.b, "pos9.*", "--only: no path of dump is like 'pos9.*'");
    pair.a.has_names = false;
    assert_refused(&pair.a, &pair.b, "pos1.*", "--only: the nodes of dump have no names");
}
END_TEST

START_TEST(nodes_without_names_go_by_their_numbers)
{
    open_pair();
    uint32_t node_id = find_node(&pair.b, "pos0.norm[0]");
    pair.a.has_names = false;
    pair.b.has_names = false;
    pair.b.data[node_id] += 1;
    compare_pair(&all_bits);
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "first cause: node %u\n", (unsigned)node_id);
    assert_says(label);
    assert_says("no names: ");
    pair.b.has_names = true; // the names of one side are used for both
    forget_comparison();
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "pos0.norm[0]");
    assert_says("B is not what mul gives for these inputs");
}
END_TEST

// The parts of the table together contain all nodes.
START_TEST(the_table_counts_every_node_once)
{
    open_pair();
    pair.b.data[find_node(&pair.b, "pos0.layer0.mlp.fc1[2].relu")] += 1;
    pair.b.data[find_node(&pair.b, "pos3.layer0.mlp.fc1[2].relu")] += 2;
    run_backward(&pair.b, EQUALS_FOR_PLUS_EQUALS);
    compare_pair(&all_bits);
    size_t n_nodes = 0;
    size_t n_grads = 0;
    for (int part = 0; part < N_MODEL_PARTS; part++) {
        n_nodes += pair.diff.data_of_part[part].n_nodes;
        n_grads += pair.diff.grad_of_part[part].n_differ;
    }
    ck_assert_uint_eq(n_nodes, pair.a.n_nodes);
    ck_assert_uint_eq(n_grads, pair.diff.grad.n_differ);
    ck_assert_uint_eq(pair.diff.data_of_part[PART_RELU].n_differ, 2);
    ck_assert_uint_eq(pair.diff.data_of_part[PART_OTHER].n_nodes, 0);
}
END_TEST

static void open_sparse(bool a_is_sparse, bool b_is_sparse)
{
    dump_small_model(&pair.a, a_is_sparse ? DUMP_SPARSE : DUMP_NAMED);
    dump_small_model(&pair.b, b_is_sparse ? DUMP_SPARSE : DUMP_NAMED);
}

// All four combinations of kinds, by the last bits of _i.
START_TEST(sparse_dumps_are_compared_by_path)
{
    open_sparse(_i & 1, _i & 2);
    compare_pair(&all_bits);
    ck_assert_msg(graph_diff_is_same(&pair.diff), "%s", pair.text);
    forget_comparison();
    pair.b.data[find_node(&pair.b, "pos2.logit[1]")] += 1;
    pair.b.data[find_node(&pair.b, "pos2.prob[1]")] += 1;
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_DATA, "pos2.logit[1]");
}
END_TEST

// Between the logit and the values that agree is the whole model; the mistake is in one of these
// nodes.
START_TEST(a_sparse_dump_narrows_the_fault_down)
{
    open_sparse(false, true);
    pair.b.data[find_node(&pair.b, "pos2.logit[1]")] += 1;
    pair.b.data[find_node(&pair.b, "pos2.prob[3]")] += 1; // follows, because of the total
    compare_pair(&all_bits);
    assert_says("1 more differs and merely follows; 0 further causes");
    assert_says(" nodes lie between, from pos0.embed[0] on");
    close_pair();
    open_sparse(false, true);
    pair.b.data[find_node(&pair.b, "loss")] += 1;
    compare_pair(&all_bits); // 5 of the sum and the constant 1/n
    assert_says("6 nodes lie between, from loss.sum.const on");
}
END_TEST

// The full dump contains the contributions, whichever side it is.
START_TEST(a_gradient_of_a_sparse_dump_is_explained)
{
    open_sparse(_i == 0, _i == 1);
    const NodeDump *full = _i == 0 ? &pair.b : &pair.a;
    NodeDump *sparse = _i == 0 ? &pair.a : &pair.b;
    double first = full->grad[find_node(full, "pos1.embed[3]")];
    sparse->grad[find_node(sparse, "wte[0,3]")] = first; // of token 0 at positions 3 and 1
    compare_pair(&all_bits);
    assert_first_cause(CAUSE_GRAD, "wte[0,3]");
    assert_says(_i == 0 ? "A is the last of them alone, number 2: `=` where `+=` belongs"
                        : "B is the last of them alone, number 2: `=` where `+=` belongs");
    assert_says("pos3.embed[3]");
}
END_TEST

static void read_text(NodeDump *dump, const char *text)
{
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, strlen(text));
    assert_read(dump, path);
    unlink(path);
    dump->file_name = "text";
}

START_TEST(a_path_that_the_full_dump_has_not_is_a_difference)
{
    dump_small_model(&pair.a, DUMP_NAMED);
    read_text(&pair.b, "pos9.loss 0x1p0 0x0p0\nloss.sum.const 0x0p0 0x1p-2\n");
    compare_pair(&all_bits);
    ck_assert(!graph_diff_is_same(&pair.diff));
    assert_says("1 paths of the sparse dump are not in the full one\n"
                "  first place: the path: pos9.loss");
}
END_TEST

// Two sparse dumps may contain different values: those that both contain are compared.
START_TEST(sparse_dumps_need_not_name_the_same)
{
    read_text(&pair.a, "a 0x1p0 0x0p0\nb 0x1p0 0x0p0\n");
    read_text(&pair.b, "c 0x1p0 0x0p0\nb 0x1p0 0x0p0\n");
    compare_pair(&all_bits);
    ck_assert(graph_diff_is_same(&pair.diff));
    ck_assert_uint_eq(pair.diff.n_paired, 1);
}
END_TEST

START_TEST(what_cannot_be_paired_is_refused)
{
    NodeDump sparse;
    open_pair();
    read_text(&sparse, "a 0x1p0 0x0p0\n");
    assert_refused(&pair.a, &sparse, NULL, "text: has no path in common with dump");
    dump_free(&sparse);
    read_text(&sparse, "a 0x1p0 0x0p0\nloss 0x1p0 0x0p0\nloss 0x1p0 0x0p0\n");
    assert_refused(&pair.a, &sparse, NULL, "text:3: has the path loss of line 2 once more");
    assert_refused(&sparse, &pair.a, NULL, "text:3: has the path loss of line 2 once more");
    assert_refused(&sparse, &sparse, NULL, "text:3: has the path loss of line 2 once more");
    pair.a.has_names = false;
    assert_refused(&pair.a, &sparse, NULL, "dump: its nodes have no names to find them by");
    dump_free(&sparse);
}
END_TEST

// For any contents of two dumps, both reports end without an error; a sanitizer checks this.
START_TEST(no_mutation_of_a_graph_makes_the_comparison_fall)
{
    static const double numbers[] = {0.0, -0.0, 1, NAN, INFINITY, -INFINITY, 0x1p-1074, -1e300};
    uint32_t state = 88675123u + (uint32_t)_i;
    open_sparse(_i % 5 == 1, _i % 7 == 2);
    for (int i = 0; i < 30; i++) {
        NodeDump *dump = next_random(&state) % 2 != 0 ? &pair.a : &pair.b;
        uint32_t node_id = next_random(&state) % (uint32_t)dump->n_nodes;
        uint32_t edge = dump->first_edge[node_id];
        double number = numbers[next_random(&state) % 8];
        switch (next_random(&state) % 5) {
        case 0:
            dump->data[node_id] = number;
            break;
        case 1:
            dump->grad[node_id] = number;
            break;
        case 2:
            if (dump_n_children(dump, node_id) > 0) {
                dump->children[edge] = next_random(&state) % node_id;
            }
            break;
        case 3:
            if (dump_n_children(dump, node_id) > 0) {
                dump->local_grads[edge] = number;
            }
            break;
        default:
            dump->n_nodes -= dump->n_nodes > 1500 ? next_random(&state) % 2 : 0;
        }
    }
    compare_pair(&(DiffRules){next_random(&state) % 3, _i % 3 == 0 ? "pos*" : NULL});
    Error error;
    FILE *null = fopen("/dev/null", "w");
    ck_assert(diff_print_json(null, &pair.judgement, &error));
    fclose(null);
}
END_TEST

// Files for the command: the small model in all forms, and one with a mistake.
typedef struct Files {
    char plain[TEST_PATH_BYTES];
    char named[TEST_PATH_BYTES];
    char sparse[TEST_PATH_BYTES];
    char other[TEST_PATH_BYTES]; // other parameters in one row
    char broken[TEST_PATH_BYTES];
} Files;

static const char sizes[] = "--n-embd 4 --n-head 2 --block-size 4";

static void open_files(Files *files)
{
    write_model(files->plain, &small_config, small_tokens, 4, NAN, DUMP_PLAIN);
    write_model(files->named, &small_config, small_tokens, 4, NAN, DUMP_NAMED);
    write_model(files->sparse, &small_config, small_tokens, 4, NAN, DUMP_SPARSE);
    write_model(files->other, &small_config, small_tokens, 4, 0.25, DUMP_PLAIN);
    static const char broken[] = "0 0x1p0 0x0p0 [] []\n1 0x1p0 nAm [] []\n";
    write_temporary(files->broken, broken, sizeof broken - 1);
}

static void close_files(const Files *files)
{
    unlink(files->plain);
    unlink(files->named);
    unlink(files->sparse);
    unlink(files->other);
    unlink(files->broken);
}

// Runs `compare A B options`.
static void run_compare(Program *p, const char *a, const char *b, const char *options)
{
    char arguments[512];
    snprintf(arguments, sizeof arguments, "compare %s %s%s%s", a, b, options[0] != '\0' ? " " : "",
             options);
    p->path = program_path;
    run_program(p, arguments);
}

static void assert_trouble(const Program *p, const char *says)
{
    ck_assert_msg(p->status == 2, "%d: %s", p->status, p->err);
    ck_assert_msg(strstr(p->err, says) != NULL, "%s", p->err);
    ck_assert_ptr_eq(strchr(p->err, '\n'), p->err + p->err_size - 1); // one line
    ck_assert_str_eq(p->out, "");
}

START_TEST(the_command_says_same_or_different)
{
    Files files;
    static Program p;
    open_files(&files);
    run_compare(&p, files.plain, files.named, "");
    ck_assert_int_eq(p.status, 0);
    ck_assert_ptr_nonnull(strstr(p.out, "same: data and gradients of"));
    ck_assert_str_eq(p.err, "");
    run_compare(&p, files.plain, files.other, sizes);
    ck_assert_int_eq(p.status, 1);
    ck_assert_ptr_nonnull(strstr(p.out, "first in the data: layer0.mlp_fc1[0,0]"));
    ck_assert_str_eq(p.err, "");
    run_compare(&p, files.plain, files.other, ""); // not of the default model
    ck_assert_int_eq(p.status, 1);
    ck_assert_ptr_nonnull(strstr(p.out, "no names: it is not a graph of the model; see --n-layer"));
    run_compare(&p, files.sparse, files.plain, sizes);
    ck_assert_int_eq(p.status, 0);
    run_compare(&p, files.plain, files.other, "--n-embd 4 --n-head 2 --block-size 4 --only wpe*");
    ck_assert_int_eq(p.status, 1);
    ck_assert_ptr_nonnull(strstr(p.out, "\ndata: the same\n"));
    close_files(&files);
}
END_TEST

START_TEST(the_commands_trouble_is_one_line_and_status_2)
{
    Files files;
    static Program p;
    open_files(&files);
    char says[2 * TEST_PATH_BYTES];
    snprintf(says, sizeof says, "microgpt: %s:2: 'nAm' is not a number", files.broken);
    run_compare(&p, files.plain, files.broken, "");
    assert_trouble(&p, says);
    run_compare(&p, files.broken, files.plain, "--json");
    assert_trouble(&p, says);
    run_compare(&p, files.plain, "/nonexistent", "");
    assert_trouble(&p, "microgpt: /nonexistent: cannot be opened: No such file or directory");
    run_compare(&p, "/tmp", files.plain, "");
    assert_trouble(&p, "microgpt: /tmp: is a directory; name a node dump");
    run_compare(&p, files.plain, files.sparse, "");
    assert_trouble(&p, "its nodes have no names to find them by, and it is not a graph of the");
    run_compare(&p, files.plain, files.named, "--n-head 3");
    assert_trouble(&p, "--n-embd: 16 must be a multiple of --n-head 3");
    run_compare(&p, files.plain, files.named, "third");
    assert_trouble(&p, "microgpt: third: is one argument too many; see microgpt compare --help");
    run_compare(&p, files.plain, files.named, "--seed 3");
    assert_trouble(&p, "microgpt: --seed: no such option; see microgpt compare --help");
    run_compare(&p, files.plain, files.named, "--max-ulp -1");
    assert_trouble(&p, "--max-ulp");
    run_program(&p, "compare --json one");
    assert_trouble(&p,
                   "microgpt: compare: needs two files to compare; see microgpt compare --help");
    static Program full = {.stdout_path = "/dev/full"};
    run_compare(&full, files.plain, files.other, "");
    ck_assert_int_eq(full.status, 2);
    ck_assert_ptr_nonnull(strstr(full.err, "standard output: cannot be written"));
    close_files(&files);
}
END_TEST

START_TEST(options_may_stand_anywhere)
{
    Files files;
    static Program p = {.path = NULL};
    char arguments[512];
    open_files(&files);
    p.path = program_path;
    snprintf(arguments, sizeof arguments, "compare --max-ulp 3 %s --json -- %s", files.plain,
             files.named);
    run_program(&p, arguments);
    ck_assert_int_eq(p.status, 0);
    ck_assert_ptr_nonnull(strstr(p.out, "\"max_ulp\": 3"));
    run_program(&p, "compare --help");
    ck_assert_int_eq(p.status, 0);
    ck_assert_ptr_nonnull(strstr(p.out, "usage: microgpt compare A B"));
    close_files(&files);
}
END_TEST

// Checks with Python's own parser that the report is valid JSON.
static void assert_is_json(const Program *p)
{
    char path[TEST_PATH_BYTES];
    char arguments[2 * TEST_PATH_BYTES];
    static Program python = {.path = "/usr/bin/env"};
    write_temporary(path, p->out, p->out_size);
    snprintf(arguments, sizeof arguments, "python3 -m json.tool %s", path);
    run_program(&python, arguments);
    ck_assert_msg(python.status == 0 || python.status == RUN_CANNOT_EXECUTE, "%s%s", python.err,
                  p->out);
    unlink(path);
}

START_TEST(the_json_is_json)
{
    static const char chain[] = "0 0x1p0 0x1p0 [] []\n1 %s %s [0] [%s]\n";
    static const char *const spoilt[][3] = {
        {"0x1p0", "0x1p0", "0x1p0"}, {"nan", "0x1p0", "0x1p0"},  {"inf", "0x1p0", "0x1p0"},
        {"0x1p0", "nan", "0x1p0"},   {"0x1p0", "0x1p0", "-inf"},
    };
    char a[TEST_PATH_BYTES];
    char b[TEST_PATH_BYTES];
    char text[256];
    static Program p;
    int n = snprintf(text, sizeof text, chain, "0x1p0", "0x1p0", "0x1p0");
    write_temporary(a, text, (size_t)n);
    n = snprintf(text, sizeof text, chain, spoilt[_i][0], spoilt[_i][1], spoilt[_i][2]);
    write_temporary(b, text, (size_t)n);
    run_compare(&p, a, b, "--json");
    ck_assert_int_eq(p.status, _i == 0 ? 0 : 1);
    assert_is_json(&p);
    unlink(a);
    unlink(b);
}
END_TEST

typedef struct CauseCase {
    const char *a;
    const char *b;
    const char *cause; // as in the JSON
} CauseCase;

static const CauseCase cause_cases[] = {
    // A node that only B has is not one of A's nodes.
    {"0 0x1p0 0x0p0 [] []\n", "0 0x1p0 0x0p0 [] []\n1 0x1p0 0x1p0 [0] [0x1p0]\n",
     "\"first_cause\": {\"in\": \"structure\"}"},
    {"0 0x1p0 0x0p0 [] []\n1 0x1p0 0x1p0 [0] [0x1p0]\n", "0 0x1p0 0x0p0 [] []\n",
     "\"first_cause\": {\"in\": \"structure\", \"node\": 1,"},
    {"0 0x1p0 0x0p0 [] [] param w\n", "x 0x1p0\nw 0x1p0\n",
     "\"first_cause\": {\"in\": \"structure\"}"},
    {"0 0x1p0 0x0p0 [] []\n", "0 0x1p1 0x0p0 [] []\n",
     "\"first_cause\": {\"in\": \"data\", \"node\": 0,"},
    {"0 0x1p0 0x0p0 [] []\n", "0 0x1p0 0x0p0 [] []\n", "\"first_cause\": null"},
};

START_TEST(a_cause_in_json_has_a_node_where_there_is_one)
{
    const CauseCase *c = &cause_cases[_i];
    char a[TEST_PATH_BYTES];
    char b[TEST_PATH_BYTES];
    static Program p;
    write_temporary(a, c->a, strlen(c->a));
    write_temporary(b, c->b, strlen(c->b));
    run_compare(&p, a, b, "--json");
    ck_assert_msg(strstr(p.out, c->cause) != NULL, "no %s in %s%s", c->cause, p.out, p.err);
    unlink(a);
    unlink(b);
}
END_TEST

START_TEST(the_json_of_a_model_is_json)
{
    Files files;
    static Program p;
    open_files(&files);
    run_compare(&p, files.plain, files.other, "--json --n-embd 4 --n-head 2 --block-size 4");
    ck_assert_int_eq(p.status, 1);
    ck_assert_ptr_nonnull(strstr(p.out, "\"first_cause\": {\"in\": \"data\", \"node\": 120, "
                                        "\"path\": \"layer0.mlp_fc1[0,0]\", \"op\": \"param\"}"));
    assert_is_json(&p);
    run_compare(&p, files.sparse, files.plain, "--json --n-embd 4 --n-head 2 --block-size 4");
    ck_assert_int_eq(p.status, 0);
    assert_is_json(&p);
    char odd[2 * TEST_PATH_BYTES]; // a name that needs quoting
    snprintf(odd, sizeof odd, "%s\"\\\t\xc3\xa9", files.plain);
    ck_assert_int_eq(rename(files.plain, odd), 0);
    run_compare(&p, odd, files.named, "--json");
    ck_assert_int_eq(p.status, 0);
    assert_is_json(&p);
    unlink(odd);
    run_compare(&p, files.named, files.broken, "--json");
    ck_assert_int_eq(p.status, 2);
    close_files(&files);
}
END_TEST

static TCase *mistakes_tcase(void)
{
    TCase *tcase = tcase_create("mistakes");
    tcase_add_checked_fixture(tcase, NULL, close_pair);
    tcase_add_test(tcase, the_same_dump_is_the_same);
    tcase_add_test(tcase, swapped_local_gradients_of_mul_are_found);
    tcase_add_test(tcase, a_forgotten_plus_is_found);
    tcase_add_test(tcase, one_forgotten_plus_is_told_from_what_follows);
    tcase_add_test(tcase, a_lost_contribution_is_found);
    tcase_add_test(tcase, gradients_in_the_order_of_creation_are_found);
    tcase_add_test(tcase, fused_gradients_are_found);
    tcase_add_test(tcase, a_gradient_left_over_is_found);
    tcase_add_loop_test(tcase, a_short_way_for_a_power_is_found, 0, 4);
    tcase_add_test(tcase, a_wrong_update_is_found_in_the_parameters);
    tcase_add_test(tcase, another_operation_with_other_children_is_structure);
    tcase_add_test(tcase, another_operation_with_the_same_children_is_structure);
    tcase_add_test(tcase, a_gradient_of_relu_at_0_is_found);
    tcase_add_test(tcase, the_tests_own_forward_is_the_models);
    tcase_add_test(tcase, a_kv_cache_off_by_one_is_found);
    tcase_add_test(tcase, a_weight_used_transposed_is_found);
    tcase_add_test(tcase, a_weight_stored_transposed_is_found);
    tcase_add_test(tcase, constants_that_softmax_makes_of_data_are_no_causes);
    tcase_add_test(tcase, fused_data_are_found);
    tcase_add_test(tcase, single_precision_data_are_found);
    tcase_add_test(tcase, a_missing_position_is_found);
    tcase_add_test(tcase, a_dump_that_ends_too_early_is_found);
    tcase_add_test(tcase, nodes_off_the_way_back_contribute_nothing);
    return tcase;
}

static TCase *rules_tcase(void)
{
    TCase *tcase = tcase_create("rules");
    tcase_add_checked_fixture(tcase, NULL, close_pair);
    tcase_add_test(tcase, distances_count_doubles);
    tcase_add_test(tcase, numbers_differ_by_their_bits);
    tcase_add_test(tcase, small_differences_may_pass);
    tcase_add_test(tcase, the_sign_of_zero_is_a_difference);
    tcase_add_test(tcase, a_nan_is_a_difference);
    tcase_add_test(tcase, patterns_take_brackets_as_they_are);
    tcase_add_test(tcase, only_looks_at_what_it_names);
    tcase_add_test(tcase, a_pattern_that_fits_nothing_is_refused);
    tcase_add_test(tcase, nodes_without_names_go_by_their_numbers);
    tcase_add_test(tcase, the_table_counts_every_node_once);
    tcase_add_loop_test(tcase, sparse_dumps_are_compared_by_path, 0, 4);
    tcase_add_test(tcase, a_sparse_dump_narrows_the_fault_down);
    tcase_add_loop_test(tcase, a_gradient_of_a_sparse_dump_is_explained, 0, 2);
    tcase_add_test(tcase, a_path_that_the_full_dump_has_not_is_a_difference);
    tcase_add_test(tcase, sparse_dumps_need_not_name_the_same);
    tcase_add_test(tcase, what_cannot_be_paired_is_refused);
    tcase_add_loop_test(tcase, no_mutation_of_a_graph_makes_the_comparison_fall, 0, 35);
    return tcase;
}

static TCase *command_tcase(void)
{
    TCase *tcase = tcase_create("command");
    tcase_add_test(tcase, the_command_says_same_or_different);
    tcase_add_test(tcase, the_commands_trouble_is_one_line_and_status_2);
    tcase_add_test(tcase, options_may_stand_anywhere);
    tcase_add_loop_test(tcase, the_json_is_json, 0, 5);
    tcase_add_loop_test(tcase, a_cause_in_json_has_a_node_where_there_is_one, 0,
                        (int)(sizeof cause_cases / sizeof *cause_cases));
    tcase_add_test(tcase, the_json_of_a_model_is_json);
    return tcase;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test_compare PROGRAM\n");
        return EXIT_FAILURE;
    }
    program_path = argv[1];
    Suite *suite = suite_create("compare");
    TCase *tcases[] = {mistakes_tcase(), rules_tcase(), command_tcase()};
    for (size_t i = 0; i < sizeof tcases / sizeof *tcases; i++) {
        tcase_set_timeout(tcases[i], 60);
        suite_add_tcase(suite, tcases[i]);
    }
    return run_suite(suite);
}
