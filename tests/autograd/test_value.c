// The Value class: the nodes of every operator, the order of backward, gradients, deep graphs, and
// running out of memory.
//
// Numbers come from CPython: `class Value` of microgpt.py, with a list of all nodes in the order of
// their creation. The orders and gradients of many more graphs are compared with the plain
// recursive backward of that class, written again below. All comparisons are of bits.
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_more.h"
#include "golden_libm.h"
#include "memory_more.h"
#include "microgpt/random.h"
#include "microgpt/value.h"

// All tests start with a graph of two leaves.
static Graph graph;
static Graph *const g = &graph;
static Value *x;
static Value *y;

static void open_graph(void)
{
    graph_init(g);
    x = value_leaf(g, 0.7);
    y = value_leaf(g, -1.3);
}

static void close_graph(void)
{
    graph_free(g);
}

static void backward(Value *root)
{
    Error error = {""};
    bool ok = value_backward(g, root, &error);
    ck_assert_msg(ok, "%s", error.message);
}

// ---- what the operators make ----

static Value *make_add(void)
{
    return value_add(g, x, y);
}

static Value *make_mul(void)
{
    return value_mul(g, x, y);
}

static Value *make_add_itself(void)
{
    return value_add(g, x, x);
}

static Value *make_mul_itself(void)
{
    return value_mul(g, x, x);
}

static Value *make_cube(void)
{
    return value_pow(g, x, 3);
}

static Value *make_inverse_root(void)
{
    return value_pow(g, x, -0.5);
}

static Value *make_log(void)
{
    return value_log(g, x);
}

static Value *make_exp(void)
{
    return value_exp(g, x);
}

static Value *make_relu_on(void)
{
    return value_relu(g, x);
}

static Value *make_relu_off(void)
{
    return value_relu(g, y);
}

static Value *make_neg(void)
{
    return value_neg(g, x);
}

static Value *make_sub(void)
{
    return value_sub(g, x, y);
}

static Value *make_div(void)
{
    return value_div(g, x, y);
}

static Value *make_add_number(void)
{
    return value_add_number(g, x, 2.5);
}

static Value *make_mul_number(void)
{
    return value_mul_number(g, x, 2.5);
}

static Value *make_sub_number(void)
{
    return value_sub_number(g, x, 2.5);
}

static Value *make_div_number(void)
{
    return value_div_number(g, x, 0.499);
}

static Value *make_rsub_number(void)
{
    return value_rsub_number(g, x, 2.5);
}

static Value *make_rdiv_number(void)
{
    return value_rdiv_number(g, x, 2.5);
}

static Value *make_sum_of_one(void)
{
    return value_sum(g, (Value *[]){x}, 1);
}

static Value *make_sum_of_three(void)
{
    return value_sum(g, (Value *[]){x, y, x}, 3);
}

static Value *make_dot_of_one(void)
{
    return value_dot(g, (Value *[]){x}, (Value *[]){y}, 1);
}

static Value *make_dot_of_three(void)
{
    return value_dot(g, (Value *[]){x, y, y}, (Value *[]){y, x, y}, 3);
}

enum {
    MAX_ROWS = 9,
};

// A node as CPython made it; its children are the numbers of nodes in the order of creation.
typedef struct ExpectedNode {
    ValueOp op;
    double data;
    double grad;
    int children[2];
    double local_grads[2];
} ExpectedNode;

// All nodes after `x = Value(0.7); y = Value(-1.3); root = <expression>; root.backward()`.
typedef struct OperatorCase {
    const char *expression;
    Value *(*make)(void);
    bool needs_libm; // whether its numbers depend on libm
    size_t n_nodes;
    ExpectedNode nodes[MAX_ROWS];
} OperatorCase;

static const OperatorCase operator_cases[] = {
    {"x + y",
     make_add,
     false,
     3,
     {{.data = 0.7, .grad = 1},
      {.data = -1.3, .grad = 1},
      {OP_ADD, -0x1.3333333333334p-1, 1, {0, 1}, {1, 1}}}},
    {"x * y",
     make_mul,
     false,
     3,
     {{.data = 0.7, .grad = -1.3},
      {.data = -1.3, .grad = 0.7},
      {OP_MUL, -0x1.d1eb851eb851ep-1, 1, {0, 1}, {-1.3, 0.7}}}},
    {"x + x",
     make_add_itself,
     false,
     3,
     {{.data = 0.7, .grad = 2}, {.data = -1.3, .grad = 0}, {OP_ADD, 1.4, 1, {0, 0}, {1, 1}}}},
    {"x * x",
     make_mul_itself,
     false,
     3,
     {{.data = 0.7, .grad = 1.4},
      {.data = -1.3, .grad = 0},
      {OP_MUL, 0x1.f5c28f5c28f5bp-2, 1, {0, 0}, {0.7, 0.7}}}},
    {"x**3",
     make_cube,
     true,
     3,
     {{.data = 0.7, .grad = 0x1.7851eb851eb84p+0},
      {.data = -1.3, .grad = 0},
      {OP_POW, 0x1.5f3b645a1cabfp-2, 1, {0}, {0x1.7851eb851eb84p+0}}}},
    {"x**-0.5",
     make_inverse_root,
     true,
     3,
     {{.data = 0.7, .grad = -0x1.b51cb7a3e8261p-1},
      {.data = -1.3, .grad = 0},
      {OP_POW, 0x1.31fa808c55b44p+0, 1, {0}, {-0x1.b51cb7a3e8261p-1}}}},
    {"x.log()",
     make_log,
     true,
     3,
     {{.data = 0.7, .grad = 0x1.6db6db6db6db7p+0},
      {.data = -1.3, .grad = 0},
      {OP_LOG, -0x1.6d3c324e13f50p-2, 1, {0}, {0x1.6db6db6db6db7p+0}}}},
    {"x.exp()",
     make_exp,
     true,
     3,
     {{.data = 0.7, .grad = 0x1.01c2a61268987p+1},
      {.data = -1.3, .grad = 0},
      {OP_EXP, 0x1.01c2a61268987p+1, 1, {0}, {0x1.01c2a61268987p+1}}}},
    {"x.relu()",
     make_relu_on,
     false,
     3,
     {{.data = 0.7, .grad = 1}, {.data = -1.3, .grad = 0}, {OP_RELU, 0.7, 1, {0}, {1}}}},
    {"y.relu()",
     make_relu_off,
     false,
     3,
     {{.data = 0.7, .grad = 0}, {.data = -1.3, .grad = 0}, {OP_RELU, 0, 1, {1}, {0}}}},
    {"-x",
     make_neg,
     false,
     4,
     {{.data = 0.7, .grad = -1},
      {.data = -1.3, .grad = 0},
      {.data = -1, .grad = 0.7},
      {OP_MUL, -0.7, 1, {0, 2}, {-1, 0.7}}}},
    {"x - y",
     make_sub,
     false,
     5,
     {{.data = 0.7, .grad = 1},
      {.data = -1.3, .grad = -1},
      {.data = -1, .grad = -1.3},
      {OP_MUL, 1.3, 1, {1, 2}, {-1, -1.3}},
      {OP_ADD, 2, 1, {0, 3}, {1, 1}}}},
    {"x / y",
     make_div,
     true,
     4,
     {{.data = 0.7, .grad = -0x1.89d89d89d89d8p-1},
      {.data = -1.3, .grad = -0x1.a8245ae3380c0p-2},
      {OP_POW, -0x1.89d89d89d89d8p-1, 0.7, {1}, {-0x1.2ef5657dba51cp-1}},
      {OP_MUL, -0x1.13b13b13b13b0p-1, 1, {0, 2}, {-0x1.89d89d89d89d8p-1, 0.7}}}},
    {"x + 2.5",
     make_add_number,
     false,
     4,
     {{.data = 0.7, .grad = 1},
      {.data = -1.3, .grad = 0},
      {.data = 2.5, .grad = 1},
      {OP_ADD, 3.2, 1, {0, 2}, {1, 1}}}},
    {"x * 2.5",
     make_mul_number,
     false,
     4,
     {{.data = 0.7, .grad = 2.5},
      {.data = -1.3, .grad = 0},
      {.data = 2.5, .grad = 0.7},
      {OP_MUL, 1.75, 1, {0, 2}, {2.5, 0.7}}}},
    {"x - 2.5",
     make_sub_number,
     false,
     4,
     {{.data = 0.7, .grad = 1},
      {.data = -1.3, .grad = 0},
      {.data = -2.5, .grad = 1},
      {OP_ADD, -1.8, 1, {0, 2}, {1, 1}}}},
    {"x / 0.499",
     make_div_number,
     true,
     4,
     {{.data = 0.7, .grad = 0x1.008355ace3c8ap+1},
      {.data = -1.3, .grad = 0},
      {.data = 0x1.008355ace3c8ap+1, .grad = 0.7},
      {OP_MUL, 0x1.671e44bed87f4p+0, 1, {0, 2}, {0x1.008355ace3c8ap+1, 0.7}}}},
    {"2.5 - x",
     make_rsub_number,
     false,
     6,
     {{.data = 0.7, .grad = -1},
      {.data = -1.3, .grad = 0},
      {.data = -1, .grad = 0.7},
      {OP_MUL, -0.7, 1, {0, 2}, {-1, 0.7}},
      {.data = 2.5, .grad = 1},
      {OP_ADD, 1.8, 1, {3, 4}, {1, 1}}}},
    {"2.5 / x",
     make_rdiv_number,
     true,
     5,
     {{.data = 0.7, .grad = -0x1.4687d6343eb1ap+2},
      {.data = -1.3, .grad = 0},
      {OP_POW, 0x1.6db6db6db6db7p+0, 2.5, {0}, {-0x1.05397829cbc15p+1}},
      {.data = 2.5, .grad = 0x1.6db6db6db6db7p+0},
      {OP_MUL, 0x1.c924924924925p+1, 1, {2, 3}, {2.5, 0x1.6db6db6db6db7p+0}}}},
    {"sum([x])",
     make_sum_of_one,
     false,
     4,
     {{.data = 0.7, .grad = 1},
      {.data = -1.3, .grad = 0},
      {.data = 0, .grad = 1},
      {OP_ADD, 0.7, 1, {0, 2}, {1, 1}}}},
    {"sum([x, y, x])",
     make_sum_of_three,
     false,
     6,
     {{.data = 0.7, .grad = 2},
      {.data = -1.3, .grad = 1},
      {.data = 0, .grad = 1},
      {OP_ADD, 0.7, 1, {0, 2}, {1, 1}},
      {OP_ADD, -0x1.3333333333334p-1, 1, {3, 1}, {1, 1}},
      {OP_ADD, 0x1.9999999999990p-4, 1, {4, 0}, {1, 1}}}},
    {"sum(a * b for a, b in zip([x], [y]))",
     make_dot_of_one,
     false,
     5,
     {{.data = 0.7, .grad = -1.3},
      {.data = -1.3, .grad = 0.7},
      {OP_MUL, -0x1.d1eb851eb851ep-1, 1, {0, 1}, {-1.3, 0.7}},
      {.data = 0, .grad = 1},
      {OP_ADD, -0x1.d1eb851eb851ep-1, 1, {2, 3}, {1, 1}}}},
    {"sum(a * b for a, b in zip([x, y, y], [y, x, y]))",
     make_dot_of_three,
     false,
     9,
     {{.data = 0.7, .grad = -2.6},
      {.data = -1.3, .grad = -0x1.3333333333334p+0},
      {OP_MUL, -0x1.d1eb851eb851ep-1, 1, {0, 1}, {-1.3, 0.7}},
      {.data = 0, .grad = 1},
      {OP_ADD, -0x1.d1eb851eb851ep-1, 1, {2, 3}, {1, 1}},
      {OP_MUL, -0x1.d1eb851eb851ep-1, 1, {1, 0}, {0.7, -1.3}},
      {OP_ADD, -0x1.d1eb851eb851ep+0, 1, {4, 5}, {1, 1}},
      {OP_MUL, 0x1.b0a3d70a3d70bp+0, 1, {1, 1}, {-1.3, -1.3}},
      {OP_ADD, -0x1.0a3d70a3d7098p-3, 1, {6, 7}, {1, 1}}}},
};

enum {
    N_OPERATOR_CASES = sizeof operator_cases / sizeof *operator_cases,
};

static int expected_n_children(ValueOp op)
{
    if (op == OP_LEAF) {
        return 0;
    }
    return op == OP_ADD || op == OP_MUL ? 2 : 1;
}

static void assert_node(const Value *actual, const ExpectedNode *expected)
{
    int n_children = expected_n_children(expected->op);
    ck_assert_int_eq(actual->op, expected->op);
    ck_assert_int_eq(actual->n_children, n_children);
    assert_same_double(actual->data, expected->data, "data");
    assert_same_double(actual->grad, expected->grad, "grad");
    for (int i = 0; i < 2; i++) {
        Value *child = i < n_children ? graph_node(g, (size_t)expected->children[i]) : NULL;
        ck_assert_ptr_eq(actual->children[i], child);
        assert_same_double(actual->local_grads[i], expected->local_grads[i], "local_grad");
    }
}

START_TEST(operators_make_the_nodes_that_python_makes)
{
    const OperatorCase *c = &operator_cases[_i];
    if (c->needs_libm && !libm_is_golden()) {
        printf("%s: not compared, another libm than the numbers'\n", c->expression);
        return;
    }
    Value *root = c->make();
    backward(root);
    ck_assert_uint_eq(graph_n_nodes(g), c->n_nodes);
    ck_assert_ptr_eq(root, graph_node(g, c->n_nodes - 1));
    for (size_t i = 0; i < c->n_nodes; i++) {
        assert_node(graph_node(g, i), &c->nodes[i]);
    }
}
END_TEST

START_TEST(leaves_lie_side_by_side)
{
    const double numbers[] = {1.5, -0.0, 3};
    Value *leaves = graph_leaves(g, numbers, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_eq(&leaves[i], graph_node(g, 2 + i));
        assert_node(&leaves[i], &(ExpectedNode){.data = numbers[i]});
    }
}
END_TEST

// ---- numbers at the limits ----

// max(0, x) returns 0 if they are equal or x is NaN; float(x > 0).
START_TEST(relu_lets_only_positive_numbers_through)
{
    static const struct {
        double input;
        double data;
        double local_grad;
    } cases[] = {
        {-0.0, 0, 0},
        {0, 0, 0},
        {NAN, 0, 0},
        {-NAN, 0, 0},
        {-3, 0, 0},
        {3, 3, 1},
        {-INFINITY, 0, 0},
        {INFINITY, INFINITY, 1},
        {0x1p-1074, 0x1p-1074, 1},
        {-0x1p-1074, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Value *relu = value_relu(g, value_leaf(g, cases[i].input));
        assert_same_double(relu->data, cases[i].data, "relu");
        assert_same_double(relu->local_grads[0], cases[i].local_grad, "local_grad");
    }
}
END_TEST

// Through a pointer that the compiler must read, so that it cannot replace the call.
static double (*volatile libm_pow)(double, double) = pow;

static bool is_pow_of_libm(double input, double exponent)
{
    Value *power = value_pow(g, value_leaf(g, input), exponent);
    double local_grad = exponent * libm_pow(input, exponent - 1);
    return double_bits(power->data) == double_bits(libm_pow(input, exponent)) &&
           double_bits(power->local_grads[0]) == double_bits(local_grad);
}

// x*x, 1/x and sqrt(x) differ from pow for about one input in a thousand, so enough inputs find
// every shortcut, in the code or by the compiler, with any libm.
START_TEST(powers_are_those_of_libm)
{
    static const double exponents[] = {2, -1, 0.5, -0.5};
    GraphMark mark = graph_mark(g);
    for (int i = 1; i <= 20000; i++) {
        for (size_t k = 0; k < sizeof exponents / sizeof *exponents; k++) {
            if (!is_pow_of_libm(i / 1000.0, exponents[k])) {
                ck_abort_msg("%g ** %g is not libm's", i / 1000.0, exponents[k]);
            }
        }
        graph_reset(g, mark);
    }
}
END_TEST

// Inputs where pow differs from the shortcut. Python: (Value(input)**exponent).data.hex(), and
// ._local_grads[0].hex()
START_TEST(powers_are_those_of_python)
{
    static const struct {
        double input;
        double exponent;
        double data;
        double local_grad;
    } cases[] = {
        {2.759, 2, 0x1.e72c55c96030bp+2, 0x1.6126e978d4fdfp+2},
        {0.499, -1, 0x1.008355ace3c8ap+1, -0x1.0106eeba932e9p+2},
        {9.26, 0.5, 0x1.8581d645f4052p+1, 0x1.5081dd0e8af00p-3},
    };
    if (!libm_is_golden()) {
        printf("powers: not compared, another libm than the numbers'\n");
        return;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Value *power = value_pow(g, value_leaf(g, cases[i].input), cases[i].exponent);
        assert_same_double(power->data, cases[i].data, "power");
        assert_same_double(power->local_grads[0], cases[i].local_grad, "local_grad");
    }
    ck_assert(2.759 * 2.759 != cases[0].data);
    ck_assert(1 / 0.499 != cases[1].data);
    ck_assert(sqrt(9.26) != cases[2].data);
}
END_TEST

// If Python raises an exception, C has a number for it.
START_TEST(powers_without_a_result_are_infinite_or_nan)
{
    assert_same_double(value_pow(g, value_leaf(g, 0), -1)->data, INFINITY, "0**-1");
    assert_same_double(value_pow(g, value_leaf(g, -0.0), -1)->data, -INFINITY, "-0.0**-1");
    ck_assert(isnan(value_pow(g, value_leaf(g, -8), 0.5)->data));
    assert_same_double(value_pow(g, value_leaf(g, 0), 0)->data, 1, "0**0");
    assert_same_double(value_log(g, value_leaf(g, 0))->data, -INFINITY, "log 0");
    ck_assert(isnan(value_log(g, value_leaf(g, -1))->data));
    assert_same_double(value_exp(g, value_leaf(g, 1000))->data, INFINITY, "exp 1000");
}
END_TEST

// Python's gradients start as the number 0, and 0 + (-0.0) is 0.0.
START_TEST(no_gradient_is_a_negative_zero)
{
    Value *zero = value_leaf(g, 0);
    Value *root = value_neg(g, value_mul(g, x, zero)); // x's gradient: -1 * 0
    backward(root);
    assert_same_double(root->local_grads[0] * zero->data, -0.0, "what x's gradient adds");
    assert_same_double(x->grad, 0, "gradient");
}
END_TEST

// ---- expressions, as micrograd tests them ----

START_TEST(zero_grad_reaches_the_nodes_of_all_chunks)
{
    enum {
        N_NODES = 50
    };
    graph_free(g);
    g->arena.chunk_size = 7 * sizeof(Value);
    GraphMark mark = graph_mark(g);
    for (int with_nodes = 0; with_nodes < 2; with_nodes++) {
        for (int i = 0; i < N_NODES; i++) {
            value_leaf(g, 1)->grad = 2;
        }
        graph_zero_grad(g);
        ck_assert_uint_eq(graph_n_nodes(g), N_NODES);
        for (size_t id = 0; id < N_NODES; id++) {
            assert_same_double(graph_node(g, id)->grad, 0, "a gradient");
        }
        graph_reset(g, mark);
        graph_zero_grad(g);
    }
}
END_TEST

START_TEST(gradients_start_again_after_zero_grad)
{
    GraphMark mark = graph_mark(g);
    backward(value_mul(g, x, y));
    graph_reset(g, mark);
    graph_zero_grad(g);
    backward(value_mul(g, x, y));
    assert_same_double(x->grad, -1.3, "dloss/dx");
    assert_same_double(y->grad, 0.7, "dloss/dy");
}
END_TEST

START_TEST(a_graph_of_its_own_is_like_any_other)
{
    Graph *own = graph_new();
    Value *a = value_leaf(own, 3);
    Value *square = value_mul(own, a, a);
    Error error = {""};
    ck_assert(value_backward(own, square, &error));
    assert_same_double(a->grad, 6, "dloss/da");
    ck_assert_uint_eq(graph_n_nodes(own), 2);
    graph_delete(own);
    graph_delete(NULL);
}
END_TEST

START_TEST(a_diamond_adds_both_sides)
{
    Value *top = value_mul_number(g, x, 2);
    Value *left = value_mul_number(g, top, 3);
    Value *right = value_mul_number(g, top, 5);
    backward(value_add(g, left, right));
    assert_same_double(top->grad, 8, "top");
    assert_same_double(x->grad, 16, "x");
}
END_TEST

START_TEST(a_child_shared_by_many_parents_gets_all_their_gradients)
{
    Value *root = value_mul_number(g, x, 1);
    for (int i = 2; i <= 10; i++) {
        root = value_add(g, root, value_mul_number(g, x, i));
    }
    backward(root);
    assert_same_double(x->grad, 55, "x");
}
END_TEST

// f = d * e, d = a * a, e = a + a: every node is a child twice.
START_TEST(a_node_used_twice_by_one_parent_counts_twice)
{
    Value *a = value_leaf(g, 3);
    Value *square = value_mul(g, a, a);
    Value *twice = value_add(g, a, a);
    backward(value_mul(g, square, twice));
    assert_same_double(square->grad, 6, "square");
    assert_same_double(twice->grad, 9, "twice");
    assert_same_double(a->grad, 6 * 2 * 3 + 9 * 2, "a");
}
END_TEST

// As in Python: e.backward(); e.backward(), with d = a * b, e = d + a. The root starts at 1 again;
// all other nodes continue from their gradients, interior nodes included.
START_TEST(backward_twice_goes_on_from_the_first_gradients)
{
    Value *a = value_leaf(g, 2);
    Value *b = value_leaf(g, 3);
    Value *d = value_mul(g, a, b);
    Value *e = value_add(g, d, a);
    backward(e);
    assert_same_double(a->grad, 4, "a");
    assert_same_double(b->grad, 2, "b");
    backward(e);
    assert_same_double(e->grad, 1, "e");
    assert_same_double(d->grad, 2, "d");
    assert_same_double(a->grad, 11, "a");
    assert_same_double(b->grad, 6, "b");
}
END_TEST

// The expression of micrograd's own test. e ** 2 is exact here, and every usual libm rounds 10 / f
// correctly. The numbers are float.hex() of the same lines in Python.
START_TEST(the_expression_of_micrograd_gives_pythons_numbers)
{
    Value *a = value_leaf(g, -4);
    Value *b = value_leaf(g, 2);
    Value *c = value_add(g, a, b);
    Value *d = value_add(g, value_mul(g, a, b), value_pow(g, b, 3));
    c = value_add(g, c, value_add_number(g, c, 1));
    Value *c_plus_1 = value_add_number(g, c, 1);
    c = value_add(g, c, value_add(g, c_plus_1, value_neg(g, a)));
    Value *d_times_2 = value_mul_number(g, d, 2);
    d = value_add(g, d, value_add(g, d_times_2, value_relu(g, value_add(g, b, a))));
    Value *d_times_3 = value_mul_number(g, d, 3);
    d = value_add(g, d, value_add(g, d_times_3, value_relu(g, value_sub(g, b, a))));
    Value *e = value_sub(g, c, d);
    Value *f = value_pow(g, e, 2);
    Value *root = value_div_number(g, f, 2);
    root = value_add(g, root, value_rdiv_number(g, f, 10));
    backward(root);
    ck_assert_uint_eq(graph_n_nodes(g), 2 + 39); // x, y, and the nodes that Python makes
    assert_same_double(root->data, 0x1.8b43eb1a1f58dp+4, "root");
    assert_same_double(a->grad, 0x1.15aaea5b0e2e5p+7, "a");
    assert_same_double(b->grad, 0x1.42c9e3a373af6p+9, "b");
}
END_TEST

// ---- the order of backward ----

enum {
    MAX_NODES = 4096, // of a graph that is compared with the plain backward
};

// Value.backward of microgpt.py, as simple as possible, over ids instead of nodes.
typedef struct PlainBackward {
    bool visited[MAX_NODES];
    size_t topo[MAX_NODES];
    size_t n_topo;
    double grads[MAX_NODES];
} PlainBackward;

static PlainBackward plain;
static size_t graph_seed; // of the current random graph, for the messages

static void plain_build_topo(const Value *v)
{
    size_t id = graph_node_id(g, v);
    if (plain.visited[id]) {
        return;
    }
    plain.visited[id] = true;
    for (int i = 0; i < v->n_children; i++) {
        plain_build_topo(v->children[i]);
    }
    plain.topo[plain.n_topo++] = id;
}

static void plain_backward(const Value *root)
{
    size_t n_nodes = graph_n_nodes(g);
    ck_assert_uint_le(n_nodes, MAX_NODES);
    plain.n_topo = 0;
    for (size_t id = 0; id < n_nodes; id++) {
        plain.visited[id] = false;
        plain.grads[id] = graph_node(g, id)->grad;
    }
    plain_build_topo(root);
    plain.grads[graph_node_id(g, root)] = 1;
    for (size_t i = plain.n_topo; i-- > 0;) {
        size_t id = plain.topo[i];
        const Value *v = graph_node(g, id);
        for (int k = 0; k < v->n_children; k++) {
            plain.grads[graph_node_id(g, v->children[k])] += v->local_grads[k] * plain.grads[id];
        }
    }
}

// Checks every node's index in the order and every node's gradient, whether reached or not.
static void assert_backward_is_plain(Value *root)
{
    plain_backward(root);
    backward(root);
    ck_assert_msg(g->n_topo == plain.n_topo, "graph %zu: %zu nodes in the order, expected %zu",
                  graph_seed, g->n_topo, plain.n_topo);
    for (size_t i = 0; i < plain.n_topo; i++) {
        if (g->topo[i] != graph_node(g, plain.topo[i])) {
            ck_abort_msg("graph %zu: place %zu has node %zu, expected %zu", graph_seed, i,
                         graph_node_id(g, g->topo[i]), plain.topo[i]);
        }
    }
    for (size_t id = 0; id < graph_n_nodes(g); id++) {
        double grad = graph_node(g, id)->grad;
        if (double_bits(grad) != double_bits(plain.grads[id])) {
            ck_abort_msg("graph %zu: node %zu has gradient %a, expected %a", graph_seed, id, grad,
                         plain.grads[id]);
        }
    }
}

// Random graphs are built from a pool of their nodes, like an expression of many lines.
enum {
    N_BATCHES = 8,
    GRAPHS_PER_BATCH = 500,
    POOL_SIZE = 32,
    MAX_TERMS = 7,
};

static Random rng;
static Value *pool[POOL_SIZE];
static size_t n_pool;

static size_t below(size_t n)
{
    return (size_t)random_randbelow(&rng, n);
}

static Value *random_leaf(void)
{
    static const double special[] = {0.0, -0.0, 1.0, -1.0};
    if (below(8) == 0) {
        return value_leaf(g, special[below(4)]);
    }
    return value_leaf(g, 2 * random_random(&rng) - 1);
}

// Returns a node of the pool, often a late one, or one that it was computed from, because any
// pointer that the graph contains may be used again.
static Value *random_old_node(void)
{
    size_t n_late = n_pool < 4 ? n_pool : 4;
    Value *v = below(2) == 0 ? pool[below(n_pool)] : pool[n_pool - 1 - below(n_late)];
    while (v->n_children > 0 && below(3) == 0) {
        v = v->children[below(v->n_children)];
    }
    return v;
}

static Value *random_node(void)
{
    return below(4) == 0 ? random_leaf() : random_old_node();
}

static Value *random_sum(void)
{
    Value *terms[MAX_TERMS];
    size_t n = 1 + below(MAX_TERMS);
    for (size_t i = 0; i < n; i++) {
        terms[i] = random_node();
    }
    return value_sum(g, terms, n);
}

// Returns a dot product as in the model: weights times an input, a vector times itself, or
// anything.
static Value *random_dot(void)
{
    Value *a[MAX_TERMS];
    Value *b[MAX_TERMS];
    size_t n = 1 + below(MAX_TERMS);
    size_t kind = below(3);
    for (size_t i = 0; i < n; i++) {
        a[i] = kind == 0 ? random_leaf() : random_node();
        b[i] = kind == 1 ? a[i] : random_node();
    }
    return value_dot(g, a, b, n);
}

static Value *random_operation(void)
{
    switch (below(8)) {
    case 0:
        return random_leaf();
    case 1:
        return value_add(g, random_node(), random_node());
    case 2:
        return value_mul(g, random_node(), random_node());
    case 3:
        return value_relu(g, random_old_node());
    case 4:
        return value_pow(g, random_old_node(), 2);
    case 5:
        return random_sum();
    default:
        return random_dot();
    }
}

// Keeps numbers small, so that none overflows: infinities would hide differences.
static Value *tamed(Value *v)
{
    return fabs(v->data) > 4 ? value_mul_number(g, v, 0x1p-5) : v;
}

static void build_random_graph(size_t seed)
{
    random_seed(&rng, seed);
    size_t size = 2 + below(POOL_SIZE - 1);
    pool[0] = random_leaf();
    for (n_pool = 1; n_pool < size; n_pool++) {
        pool[n_pool] = tamed(random_operation());
    }
}

// Three traversals of each graph, from three roots: a node at the end, any node, and one that
// reaches the others in another order. What one traversal leaves behind must not change the next.
static void check_random_graph(size_t seed)
{
    graph_seed = seed;
    build_random_graph(seed);
    assert_backward_is_plain(pool[n_pool - 1]);
    assert_backward_is_plain(random_old_node());
    assert_backward_is_plain(random_sum());
}

START_TEST(random_graphs_go_backward_in_the_plain_order)
{
    // With chunks of few nodes, the parts of a graph are far apart in memory.
    if (_i % 2 == 1) {
        graph_free(g);
        g->arena.chunk_size = 24 * sizeof(Value);
    }
    GraphMark mark = graph_mark(g);
    for (size_t i = 0; i < GRAPHS_PER_BATCH; i++) {
        check_random_graph((size_t)_i * GRAPHS_PER_BATCH + i);
        graph_reset(g, mark);
    }
}
END_TEST

// ---- dot products whose nodes are also used elsewhere ----

// The nodes of value_dot(a, b, 2) in the order of their creation.
typedef struct DotOfTwo {
    Value *first_product;
    Value *zero;
    Value *first_sum;
    Value *second_product;
    Value *total;
} DotOfTwo;

static DotOfTwo dot_of_two(Value *a0, Value *b0, Value *a1, Value *b1)
{
    Value *total = value_dot(g, (Value *[]){a0, a1}, (Value *[]){b0, b1}, 2);
    return (DotOfTwo){
        .first_product = total->children[0]->children[0],
        .zero = total->children[0]->children[1],
        .first_sum = total->children[0],
        .second_product = total->children[1],
        .total = total,
    };
}

static Value *number(double data)
{
    return value_leaf(g, data);
}

START_TEST(dot_as_the_root)
{
    assert_backward_is_plain(dot_of_two(number(2), number(5), number(3), number(7)).total);
}
END_TEST

// By its indices the order looks as if the product were complete, but its second product is missing
// and another node (exp) is in its place.
START_TEST(dot_with_its_second_product_and_its_first_sum_used_elsewhere)
{
    DotOfTwo dot = dot_of_two(number(2), number(0.5), number(3), number(7));
    Value *other = value_exp(g, dot.first_sum);
    Value *sum = value_add(g, other, dot.total);
    assert_backward_is_plain(value_add(g, dot.second_product, sum));
    assert_same_double(dot.first_sum->grad, 1 + other->data, "first_sum");
}
END_TEST

// The same, with the 0 visited early and a factor in its place.
START_TEST(dot_with_its_zero_used_elsewhere_and_an_unseen_factor)
{
    Value *factor = value_exp(g, x);
    DotOfTwo dot = dot_of_two(number(2), number(5), factor, y);
    Value *seen = value_add(g, dot.zero, value_add(g, x, y));
    assert_backward_is_plain(value_add(g, seen, dot.total));
    assert_same_double(x->grad, 1 + factor->data * y->data, "x");
}
END_TEST

START_TEST(dot_with_one_of_its_nodes_used_elsewhere_before_and_after)
{
    for (int node = 0; node < 4; node++) {
        for (int after = 0; after < 2; after++) {
            DotOfTwo dot = dot_of_two(number(2), number(5), number(3), number(7));
            Value *nodes[] = {dot.first_product, dot.zero, dot.first_sum, dot.second_product};
            Value *other = value_mul(g, nodes[node], x);
            Value *left = after ? dot.total : other;
            Value *right = after ? other : dot.total;
            assert_backward_is_plain(value_add(g, left, right));
        }
    }
}
END_TEST

// A factor that needs its own traversal, at every index; leaves before it have been visited by
// then.
START_TEST(dot_with_a_factor_that_is_not_seen_yet)
{
    for (size_t place = 0; place < 6; place++) {
        Value *factors[6];
        for (size_t i = 0; i < 6; i++) {
            factors[i] = i == place ? value_relu(g, number(2)) : number((double)i);
        }
        Value *dot = value_dot(g, factors, factors + 3, 3);
        assert_backward_is_plain(value_neg(g, dot));
    }
}
END_TEST

START_TEST(dot_with_the_same_factor_everywhere)
{
    Value *same = value_relu(g, x);
    Value *factors[] = {same, same, same, same};
    Value *dot = value_dot(g, factors, factors, 4);
    assert_backward_is_plain(value_add(g, same, dot));
    assert_backward_is_plain(value_add(g, dot, dot));
}
END_TEST

START_TEST(dot_of_dots)
{
    Value *leaves[] = {x, y, number(3), number(4)};
    Value *inner[] = {value_dot(g, leaves, leaves + 1, 3), value_dot(g, leaves, leaves, 4)};
    Value *outer = value_dot(g, inner, inner, 2);
    assert_backward_is_plain(value_dot(g, &outer, inner, 1));
}
END_TEST

// ---- depth ----

enum {
    DEEP_CHAIN_NODES = 10000000,
    QUICK_CHAIN_NODES = 100000, // under valgrind
    SMALL_STACK_BYTES = 256 * 1024,
};

typedef struct Chain {
    size_t n_nodes;
    Value *end;
    bool ok;
    Error error;
} Chain;

// One third each of nodes that have the chain as their left, right and only child.
static Value *extend_chain(Value *chain, size_t i)
{
    switch (i % 3) {
    case 0:
        return value_add(g, chain, y);
    case 1:
        return value_add(g, y, chain);
    default:
        return value_relu(g, chain);
    }
}

static void *build_chain(void *argument)
{
    Chain *chain = argument;
    chain->end = x;
    for (size_t i = 0; i < chain->n_nodes; i++) {
        chain->end = extend_chain(chain->end, i);
    }
    chain->ok = value_backward(g, chain->end, &chain->error);
    return NULL;
}

// No assertions in the thread: Check may leave them by longjmp.
static void run_with_small_stack(Chain *chain)
{
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK_BYTES), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, build_chain, chain), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

START_TEST(a_chain_of_ten_million_nodes_needs_no_stack)
{
    Chain chain = {.n_nodes = is_quick() ? QUICK_CHAIN_NODES : DEEP_CHAIN_NODES};
    double n_uses_of_y = (double)(chain.n_nodes / 3 * 2 + chain.n_nodes % 3);
    x->data = 1;
    y->data = 1;
    run_with_small_stack(&chain);
    ck_assert_msg(chain.ok, "%s", chain.error.message);
    assert_same_double(chain.end->data, 1 + n_uses_of_y, "end");
    assert_same_double(x->grad, 1, "x");
    assert_same_double(y->grad, n_uses_of_y, "y");
}
END_TEST

// ---- out of memory ----

// Uses up the rest of the chunk, and makes new chunks impossible: their size overflows.
static void use_up_memory(void)
{
    g->arena.end = g->arena.next;
    g->arena.chunk_size = SIZE_MAX;
}

START_TEST(operators_without_memory_return_a_node_and_say_so)
{
    use_up_memory();
    Value *made = operator_cases[_i].make();
    ck_assert_ptr_nonnull(made);
    ck_assert(g->out_of_memory);
    ck_assert_uint_eq(graph_n_nodes(g), 2);
    Value *made_of_it = value_add(g, value_log(g, made), made);
    ck_assert_ptr_nonnull(made_of_it);
    Error error = {""};
    ck_assert(!value_backward(g, made_of_it, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "out of memory"));
}
END_TEST

// The nodes in the order no longer exist, so it must not be used.
START_TEST(a_reset_forgets_the_order)
{
    GraphMark mark = graph_mark(g);
    backward(value_add(g, x, y));
    ck_assert_uint_eq(g->n_topo, 3);
    graph_reset(g, mark);
    ck_assert_uint_eq(g->n_topo, 0);
}
END_TEST

// A node that was made does not help if another could not be made.
START_TEST(out_of_memory_lasts_until_the_reset)
{
    GraphMark mark = graph_mark(g);
    Value *before = value_add(g, x, y);
    use_up_memory();
    ck_assert_ptr_null(graph_leaves(g, (double[]){1, 2}, 2));
    Error error = {""};
    ck_assert(!value_backward(g, before, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "out of memory"));
    assert_same_double(x->grad, 0, "x");
    graph_reset(g, mark);
    ck_assert(!g->out_of_memory);
    backward(value_add(g, x, y));
    assert_same_double(x->grad, 1, "x");
}
END_TEST

static bool expect(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "under a memory limit: not so: %s\n", what);
    }
    return ok;
}

// Linux writes there how many pages of memory a process uses.
#define PAGES_IN_USE "/proc/self/statm"

// Limits the memory of the process to what it uses now and `more` bytes.
static bool limit_memory(size_t more)
{
    size_t n_pages = 0;
    FILE *statm = fopen(PAGES_IN_USE, "r");
    bool ok = statm != NULL && fscanf(statm, "%zu", &n_pages) == 1;
    if (statm != NULL) {
        fclose(statm);
    }
    struct rlimit limit;
    ok = ok && getrlimit(RLIMIT_AS, &limit) == 0;
    limit.rlim_cur = n_pages * (size_t)sysconf(_SC_PAGESIZE) + more;
    return expect(ok && setrlimit(RLIMIT_AS, &limit) == 0, "the limit can be set");
}

static void unlimit_memory(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_AS, &limit);
    }
}

enum {
    LIMIT_BYTES = 32 << 20,
    NODES_AT_THE_LIMIT = LIMIT_BYTES / sizeof(Value),
};

static bool nodes_run_out(void)
{
    GraphMark mark = graph_mark(g);
    bool ok = limit_memory(LIMIT_BYTES);
    Value *v = x;
    for (size_t i = 0; ok && i < NODES_AT_THE_LIMIT && !g->out_of_memory; i++) {
        v = value_add(g, v, value_dot(g, &v, &y, 1));
        ok = expect(v != NULL, "operators never return NULL");
    }
    Error error = {""};
    ok = ok && expect(g->out_of_memory, "the graph knows that it is out of memory") &&
         expect(!value_backward(g, v, &error), "backward refuses") &&
         expect(strstr(error.message, "out of memory") != NULL, "the error says why");
    graph_reset(g, mark);
    return ok && expect(!g->out_of_memory, "a reset forgives") &&
           expect(value_backward(g, value_mul(g, x, y), &error), "a small graph fits again") &&
           expect(x->grad == y->data, "its gradient is right");
}

// There is memory for the nodes, but not for the order.
static bool order_runs_out(void)
{
    Value *v = x;
    for (size_t i = 0; i < NODES_AT_THE_LIMIT; i++) {
        v = value_add(g, v, y);
    }
    Error error = {""};
    bool ok = limit_memory(1 << 20) && expect(!value_backward(g, v, &error), "backward refuses") &&
              expect(strstr(error.message, "out of memory") != NULL, "the error says why") &&
              expect(x->grad == 0, "no gradient was touched");
    unlimit_memory();
    return ok && expect(value_backward(g, v, &error), "it works once there is memory") &&
           expect(x->grad == 1, "its gradient is right");
}

// Runs in a separate process, so that the limit does not affect later tests. The tests with
// use_up_memory() run also where there can be no limit.
static void assert_in_child(bool (*works)(void))
{
    if (!memory_can_be_limited() || access(PAGES_IN_USE, R_OK) != 0 || is_quick()) {
        return;
    }
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        bool ok = works();
        close_graph();
        _exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS,
                  "the child ended with wait status %d", status);
}

START_TEST(a_memory_limit_is_an_error_and_no_crash)
{
    assert_in_child(nodes_run_out);
}
END_TEST

START_TEST(a_memory_limit_for_the_order_is_an_error_and_no_crash)
{
    assert_in_child(order_runs_out);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, open_graph, close_graph);
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_operator_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, operators_make_the_nodes_that_python_makes, 0, N_OPERATOR_CASES);
    tcase_add_test(tcase, leaves_lie_side_by_side);
    tcase_add_test(tcase, relu_lets_only_positive_numbers_through);
    tcase_add_test(tcase, powers_are_those_of_libm);
    tcase_add_test(tcase, powers_are_those_of_python);
    tcase_add_test(tcase, powers_without_a_result_are_infinite_or_nan);
}

static void add_gradient_tests(TCase *tcase)
{
    tcase_add_test(tcase, no_gradient_is_a_negative_zero);
    tcase_add_test(tcase, zero_grad_reaches_the_nodes_of_all_chunks);
    tcase_add_test(tcase, gradients_start_again_after_zero_grad);
    tcase_add_test(tcase, a_graph_of_its_own_is_like_any_other);
    tcase_add_test(tcase, a_diamond_adds_both_sides);
    tcase_add_test(tcase, a_child_shared_by_many_parents_gets_all_their_gradients);
    tcase_add_test(tcase, a_node_used_twice_by_one_parent_counts_twice);
    tcase_add_test(tcase, backward_twice_goes_on_from_the_first_gradients);
    tcase_add_test(tcase, the_expression_of_micrograd_gives_pythons_numbers);
}

static void add_order_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, random_graphs_go_backward_in_the_plain_order, 0, N_BATCHES);
    tcase_add_test(tcase, dot_as_the_root);
    tcase_add_test(tcase, dot_with_its_second_product_and_its_first_sum_used_elsewhere);
    tcase_add_test(tcase, dot_with_its_zero_used_elsewhere_and_an_unseen_factor);
    tcase_add_test(tcase, dot_with_one_of_its_nodes_used_elsewhere_before_and_after);
    tcase_add_test(tcase, dot_with_a_factor_that_is_not_seen_yet);
    tcase_add_test(tcase, dot_with_the_same_factor_everywhere);
    tcase_add_test(tcase, dot_of_dots);
    tcase_add_test(tcase, a_chain_of_ten_million_nodes_needs_no_stack);
}

static void add_memory_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, operators_without_memory_return_a_node_and_say_so, 0,
                        N_OPERATOR_CASES);
    tcase_add_test(tcase, a_reset_forgets_the_order);
    tcase_add_test(tcase, out_of_memory_lasts_until_the_reset);
    tcase_add_test(tcase, a_memory_limit_is_an_error_and_no_crash);
    tcase_add_test(tcase, a_memory_limit_for_the_order_is_an_error_and_no_crash);
}

int main(void)
{
    Suite *suite = suite_create("value");
    add_operator_tests(new_case(suite, "operators"));
    add_gradient_tests(new_case(suite, "gradients"));
    add_order_tests(new_case(suite, "order"));
    add_memory_tests(new_case(suite, "memory"));
    return run_suite(suite);
}
