// Compares gradients with finite differences: backward must give the measured slope.
//
// The slope at x is measured as (f(x + h) - f(x - h)) / 2h. Only this test has a tolerance, because
// the quotient has two errors of its own: the truncation h^2/6 * f''' + ..., and the rounding error
// of f, about 1e-16 * |f|, divided by h. With h = 1e-5 both are near 1e-10 if f and its derivatives
// are near 1. All bits of the gradients are compared elsewhere: see the golden test.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "microgpt/random.h"
#include "microgpt/value.h"
#include "run/session.h"

static const double h = 1e-5;

// ---- operators ----

enum {
    N_OPERANDS = 3,
    N_POINTS = 200, // random points at which each operator is measured
};

static Graph graph;
static Graph *const g = &graph;

static Value *add(Value **x)
{
    return value_add(g, x[0], x[1]);
}

static Value *mul(Value **x)
{
    return value_mul(g, x[0], x[1]);
}

static Value *square(Value **x)
{
    return value_pow(g, x[0], 2);
}

static Value *inverse_root(Value **x)
{
    return value_pow(g, x[0], -0.5);
}

static Value *log_(Value **x)
{
    return value_log(g, x[0]);
}

static Value *exp_(Value **x)
{
    return value_exp(g, x[0]);
}

static Value *relu(Value **x)
{
    return value_relu(g, value_sub_number(g, x[0], 1));
}

static Value *neg(Value **x)
{
    return value_neg(g, x[0]);
}

static Value *sub(Value **x)
{
    return value_sub(g, x[0], x[1]);
}

static Value *div_(Value **x)
{
    return value_div(g, x[0], x[1]);
}

static Value *with_numbers(Value **x)
{
    Value *sum = value_add_number(g, x[0], 0.3);
    Value *product = value_mul_number(g, x[1], 0.7);
    Value *difference = value_sub_number(g, x[2], 3.1);
    Value *quotient = value_div_number(g, product, 1.3);
    return value_mul(g, value_mul(g, sum, quotient), difference);
}

static Value *with_numbers_on_the_left(Value **x)
{
    return value_mul(g, value_rsub_number(g, x[0], 0.3), value_rdiv_number(g, x[1], 0.7));
}

static Value *sum_(Value **x)
{
    return value_sum(g, (Value *[]){x[0], x[1], x[0], x[2]}, 4);
}

static Value *dot(Value **x)
{
    Value *shared = value_mul(g, x[0], x[2]);
    return value_dot(g, (Value *[]){x[0], x[1], shared}, (Value *[]){x[1], shared, shared}, 3);
}

// An expression with shared children and every operator.
static Value *everything(Value **x)
{
    Value *a = value_exp(g, value_div(g, x[0], x[1]));
    Value *b = value_log(g, value_add(g, a, value_mul(g, x[1], x[2])));
    Value *c = value_pow(g, value_add(g, value_mul(g, a, b), x[0]), 0.5);
    return value_sub(g, value_relu(g, c), value_dot(g, (Value *[]){a, b}, (Value *[]){b, c}, 2));
}

typedef struct OperatorCase {
    const char *name;
    Value *(*f)(Value **x);
    double bound; // two to three times the worst error seen, or more
} OperatorCase;

static const OperatorCase operator_cases[] = {
    {"add", add, 1e-9},
    {"mul", mul, 1e-9},
    {"pow 2", square, 1e-9},
    {"pow -0.5", inverse_root, 1e-9},
    {"log", log_, 1e-9},
    {"exp", exp_, 1e-9},
    {"relu", relu, 1e-9},
    {"neg", neg, 1e-9},
    {"sub", sub, 1e-9},
    {"div", div_, 1e-9},
    {"a number on the right", with_numbers, 1e-9},
    {"a number on the left", with_numbers_on_the_left, 1e-9},
    {"sum", sum_, 1e-9},
    {"dot", dot, 1e-9},
    {"everything", everything, 1e-8},
};

enum {
    N_OPERATOR_CASES = sizeof operator_cases / sizeof *operator_cases,
};

// Computes f at the point, and its gradient if grad is not NULL. Leaves no nodes.
static double evaluate(Value *(*f)(Value **x), const double *point, double *grad)
{
    Error error = {""};
    Value *x[N_OPERANDS];
    GraphMark mark = graph_mark(g);
    for (size_t i = 0; i < N_OPERANDS; i++) {
        x[i] = value_leaf(g, point[i]);
    }
    Value *root = f(x);
    double data = root->data;
    if (grad != NULL) {
        ck_assert_msg(value_backward(g, root, &error), "%s", error.message);
        for (size_t i = 0; i < N_OPERANDS; i++) {
            grad[i] = x[i]->grad;
        }
    }
    graph_reset(g, mark);
    return data;
}

static double measure(Value *(*f)(Value **x), const double *point, size_t i)
{
    double moved[N_OPERANDS];
    memcpy(moved, point, sizeof moved);
    moved[i] = point[i] + h;
    double above = evaluate(f, moved, NULL);
    moved[i] = point[i] - h;
    double below = evaluate(f, moved, NULL);
    return (above - below) / (2 * h);
}

// Operands from 0.5 to 2.5, where all operators are smooth except for relu's corner at 1; with this
// seed, no operand is within h of it. The bounds are given by the truncation: the third derivative
// is up to 100 for 1/x, and 1000 for the expression with every operator.
START_TEST(operators_have_the_slope_of_their_gradient)
{
    const OperatorCase *c = &operator_cases[_i];
    Random random;
    double worst = 0;
    graph_init(g);
    random_seed(&random, 1);
    for (int n = 0; n < N_POINTS; n++) {
        double point[N_OPERANDS];
        double grad[N_OPERANDS];
        for (size_t i = 0; i < N_OPERANDS; i++) {
            point[i] = 0.5 + 2 * random_random(&random);
        }
        evaluate(c->f, point, grad);
        for (size_t i = 0; i < N_OPERANDS; i++) {
            double error = fabs(measure(c->f, point, i) - grad[i]) / fmax(1, fabs(grad[i]));
            worst = fmax(worst, error);
        }
    }
    graph_free(g);
    printf("%-22s worst error %.1e\n", c->name, worst);
    ck_assert_double_le(worst, c->bound);
}
END_TEST

// ---- all parameters of the model ----

enum {
    N_TRAINING_STEPS = 30,
};

typedef struct ModelCheck {
    Session session;
    int tokens[17];
    size_t n_positions;
    double worst_error;
    size_t worst_param;
    size_t n_zero; // parameters that the document does not use
} ModelCheck;

static double loss_of(ModelCheck *check)
{
    Error error = {""};
    double loss;
    bool ok =
        engine_forward(check->session.engine, check->tokens, check->n_positions, &loss, &error);
    ck_assert_msg(ok, "%s", error.message);
    return loss;
}

// After some training, gradients have realistic sizes. Then a short name is used, since every
// parameter takes two forward passes. (The number of steps matters: after 20 steps, one of the 256
// hidden units is so near the corner of its ReLU that a step of h crosses it.)
static void open_check(ModelCheck *check)
{
    Error error = {""};
    RunOptions options = run_options_default();
    const Document ann = {"ann", 3};
    bool ok = session_open(&check->session, &options, &error);
    for (double loss; ok && check->session.trainer.step < N_TRAINING_STEPS;) {
        ok = trainer_step(&check->session.trainer, &loss, &error);
    }
    ck_assert_msg(ok, "%s", error.message);
    check->n_positions = tokenizer_encode(&check->session.tokenizer, ann, check->tokens, 17) - 1;
    loss_of(check);
    ok = engine_backward(check->session.engine, &error);
    ck_assert_msg(ok, "%s", error.message);
}

static double measure_param(ModelCheck *check, size_t param_id)
{
    double *data = &check->session.model.data[param_id];
    double original = *data;
    *data = original + h;
    double above = loss_of(check);
    *data = original - h;
    double below = loss_of(check);
    *data = original;
    return (above - below) / (2 * h);
}

// Errors are relative to the largest gradient of the parameter's matrix: rounding causes the same
// error everywhere, so the quotients of small gradients have few correct digits. The loss is near 2
// and wrong by about 1e-16, which divided by h is 1e-11, and the smallest matrix of gradients
// (attn_wk) has values up to 5e-3. So 2e-9 is expected, and 1.5e-9 is measured.
static void check_matrix(ModelCheck *check, const Matrix *matrix, size_t stride)
{
    const double *grad = check->session.model.grad;
    size_t first = matrix->first_param;
    size_t end = first + (size_t)matrix->n_out * (size_t)matrix->n_in;
    double largest = 0;
    for (size_t i = first; i < end; i++) {
        largest = fmax(largest, fabs(grad[i]));
    }
    ck_assert_double_gt(largest, 0);
    for (size_t i = first; i < end; i += stride) {
        double error = fabs(measure_param(check, i) - grad[i]) / largest;
        if (error > check->worst_error) {
            check->worst_error = error;
            check->worst_param = i;
        }
        check->n_zero += grad[i] == 0;
    }
}

START_TEST(all_parameters_of_the_model_have_the_slope_of_their_gradient)
{
    static ModelCheck check;
    char name[MODEL_NAME_BYTES];
    size_t stride = is_quick() ? 101 : 1;
    open_check(&check);
    const Model *model = &check.session.model;
    for (int i = 0; i < model->n_matrices; i++) {
        check_matrix(&check, &model->matrices[i], stride);
    }
    model_param_name(model, check.worst_param, name);
    printf("%zu parameters         worst error %.1e at %s (%zu gradients are 0)\n",
           model->n_params / stride, check.worst_error, name, check.n_zero);
    ck_assert_double_le(check.worst_error, 5e-9);
    session_close(&check.session);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradcheck");
    TCase *operators = tcase_create("operators");
    tcase_add_loop_test(operators, operators_have_the_slope_of_their_gradient, 0, N_OPERATOR_CASES);
    suite_add_tcase(suite, operators);
    TCase *parameters = tcase_create("parameters");
    tcase_set_timeout(parameters, 0); // Meson's time-out is enough
    tcase_add_test(parameters, all_parameters_of_the_model_have_the_slope_of_their_gradient);
    suite_add_tcase(suite, parameters);
    return run_suite(suite);
}
