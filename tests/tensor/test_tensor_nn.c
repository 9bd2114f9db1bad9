// Compares each operation of the tensor engine with the same operation on Values, forward and
// backward, bit for bit, with random and extreme numbers.
//
// The gradient dy of the result is also made with Values: backward starts from the loss dy[0] *
// y[0] + dy[1] * y[1] + ..., so that y[i] gets the gradient dy[i], the last one first, as in the
// network.
#include <math.h>

#include "check_more.h"
#include "kernels/random_inputs.h"
#include "scalar/scalar_nn.h"
#include "tensor/tensor_nn.h"

enum {
    N_MAX = 80, // numbers in a vector
    E_MAX = 24, // dimensions of an attention layer
    T_MAX = 6,  // positions
    N_ROUNDS = 400,
};

// The kinds of numbers that a round draws.
typedef enum InputKind {
    INPUTS_USUAL,
    INPUTS_ZERO_AND_SUBNORMAL, // of both signs
    INPUTS_HUGE,               // with overflow, infinities and NaN as results
    INPUTS_OF_ALL_SIZES,
    INPUTS_MIXED,
    N_INPUT_KINDS,
} InputKind;

static double random_number(InputKind kind)
{
    switch (kind) {
    case INPUTS_USUAL:
        return random_sign() * random_size(-8, 3);
    case INPUTS_ZERO_AND_SUBNORMAL:
        return random_sign() * (random_below(2) == 0 ? 0.0 : random_size(-1074, -1000));
    case INPUTS_HUGE:
        return random_sign() * random_size(400, 1023.9);
    case INPUTS_OF_ALL_SIZES:
        return random_sign() * random_size(-1074, 1023.9);
    default:
        return random_number((InputKind)random_below(INPUTS_MIXED));
    }
}

static void fill(double *x, size_t n, InputKind kind)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = random_number(kind);
    }
}

// Draws gradients of results. None is -0.0: a Value's gradient starts at +0.0, and adding to that
// never gives -0.0.
static void fill_gradients(double *dy, size_t n, InputKind kind)
{
    for (size_t i = 0; i < n; i++) {
        dy[i] = random_number(kind) + 0.0;
    }
}

static void set_zero(double *x, size_t n)
{
    memset(x, 0, n * sizeof *x);
}

// The graph of one test.
static Graph graph;

static void make_leaves(Value **leaves, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        leaves[i] = value_leaf(&graph, x[i]);
    }
}

// Returns the loss that gives y the gradient dy.
static Value *loss_of(Value *const *y, const double *dy, size_t n)
{
    Value *leaves[T_MAX * N_MAX];
    make_leaves(leaves, dy, n);
    return value_dot(&graph, leaves, y, n);
}

static void run_backward(Value *loss)
{
    Error error = {""};
    ck_assert_msg(value_backward(&graph, loss, &error), "%s", error.message);
}

static void assert_same(double actual, double expected, const char *what, size_t i)
{
    if (!same_number(actual, expected)) {
        ck_abort_msg("%s[%zu] is %a, the graph's is %a", what, i, actual, expected);
    }
}

static void assert_data(const double *actual, Value *const *expected, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        assert_same(actual[i], expected[i]->data, what, i);
    }
}

// Gradients that a function sets, and does not add up, may be -0.0 where the graph, which adds to
// +0.0, has +0.0. This does not matter, because products of them are only added up.
static void assert_grad(const double *actual, Value *const *expected, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        assert_same(actual[i] + 0.0, expected[i]->grad, what, i);
    }
}

static size_t random_count(size_t max)
{
    return 1 + random_below(max);
}

static void check_embedding(InputKind kind)
{
    // One token at three positions, as in `anna`.
    size_t n = random_count(N_MAX);
    double wte[N_MAX], wpe[3 * N_MAX], x[N_MAX], dx[3 * N_MAX], dwte[N_MAX], dwpe[3 * N_MAX];
    Value *wte_leaves[N_MAX], *wpe_leaves[3 * N_MAX], *sums[3 * N_MAX];
    fill(wte, n, kind);
    fill(wpe, 3 * n, kind);
    fill_gradients(dx, 3 * n, kind);
    make_leaves(wte_leaves, wte, n);
    make_leaves(wpe_leaves, wpe, 3 * n);
    set_zero(dwte, n);
    set_zero(dwpe, 3 * n);
    for (size_t i = 0; i < 3 * n; i++) {
        sums[i] = value_add(&graph, wte_leaves[i % n], wpe_leaves[i]);
    }
    run_backward(loss_of(sums, dx, 3 * n));
    for (size_t t = 3; t-- > 0;) {
        embedding_forward(wte, &wpe[t * n], x, n);
        assert_data(x, &sums[t * n], n, "x");
        embedding_backward(dwte, &dwpe[t * n], &dx[t * n], n);
    }
    assert_grad(dwte, wte_leaves, n, "dwte");
    assert_grad(dwpe, wpe_leaves, 3 * n, "dwpe");
}

static void check_linear(InputKind kind)
{
    // Two positions share the weights.
    size_t n_out = random_count(30), n_in = random_count(30);
    double w[30 * 30], dw[30 * 30], x[60], y[60], dy[60], dx[60];
    Value *w_leaves[30 * 30], *x_leaves[60], *y_values[60];
    fill(w, n_out * n_in, kind);
    fill(x, 2 * n_in, kind);
    fill_gradients(dy, 2 * n_out, kind);
    dy[random_below(2 * n_out)] = 0; // as after a ReLU that is off
    if (random_below(4) == 0) {
        x[random_below(2 * n_in)] = INFINITY; // its product with that is NaN
    }
    make_leaves(w_leaves, w, n_out * n_in);
    make_leaves(x_leaves, x, 2 * n_in);
    set_zero(dw, n_out * n_in);
    set_zero(dx, 2 * n_in);
    for (size_t t = 0; t < 2; t++) {
        linear(&graph, "y", &x_leaves[t * n_in], n_in, w_leaves, n_out, &y_values[t * n_out]);
        linear_forward(w, &x[t * n_in], &y[t * n_out], n_out, n_in);
    }
    assert_data(y, y_values, 2 * n_out, "y");
    run_backward(loss_of(y_values, dy, 2 * n_out));
    for (size_t t = 2; t-- > 0;) {
        linear_backward_input(w, &dy[t * n_out], &dx[t * n_in], 0, n_out, n_in);
        linear_backward_weight(dw, &x[t * n_in], &dy[t * n_out], n_out, n_in);
    }
    assert_grad(dx, x_leaves, 2 * n_in, "dx");
    assert_grad(dw, w_leaves, n_out * n_in, "dw");
}

// Only the rows first ... end-1, added to what two other uses of x have left in dx.
static void check_some_rows(InputKind kind)
{
    size_t n_out = random_count(30), n_in = random_count(30);
    size_t first = random_below(n_out), end = first + random_count(n_out - first);
    double w[30 * 30], x[30], dy[30], dx[30];
    Value *w_leaves[30 * 30], *x_leaves[30], *y_values[30], *users[30];
    fill(w, n_out * n_in, kind);
    fill(x, n_in, kind);
    fill_gradients(dy, n_out, kind);
    fill_gradients(dx, n_in, kind);
    make_leaves(w_leaves, w, n_out * n_in);
    make_leaves(x_leaves, x, n_in);
    linear(&graph, "y", x_leaves, n_in, &w_leaves[first * n_in], end - first, y_values);
    Value *loss = loss_of(y_values, &dy[first], end - first);
    for (size_t i = 0; i < n_in; i++) {
        users[i] = value_mul_number(&graph, x_leaves[i], 1);
    }
    run_backward(value_add(&graph, loss, loss_of(users, dx, n_in)));
    linear_backward_input(w, dy, dx, first, end, n_in);
    assert_grad(dx, x_leaves, n_in, "dx");
}

static void check_rmsnorm(InputKind kind)
{
    // The gradient through the residual connection reaches x first.
    size_t n = random_count(N_MAX);
    double x[N_MAX], y[N_MAX], dy[N_MAX], dx[N_MAX];
    Value *x_leaves[N_MAX], *y_values[N_MAX];
    RmsNorm norm;
    fill(x, n, kind);
    fill_gradients(dy, n, kind);
    fill_gradients(dx, n, random_below(2) == 0 ? kind : INPUTS_ZERO_AND_SUBNORMAL);
    make_leaves(x_leaves, x, n);
    rmsnorm(&graph, x_leaves, n, y_values);
    rmsnorm_forward(x, y, &norm, n);
    assert_data(y, y_values, n, "y");
    Value *loss = loss_of(y_values, dy, n);
    run_backward(value_add(&graph, loss, loss_of(x_leaves, dx, n)));
    rmsnorm_backward(x, &norm, dy, dx, n);
    assert_grad(dx, x_leaves, n, "dx");
}

static void check_softmax(InputKind kind)
{
    size_t n = random_count(N_MAX);
    double logits[N_MAX], e[N_MAX], probs[N_MAX], dprobs[N_MAX], dlogits[N_MAX];
    Value *leaves[N_MAX], *values[N_MAX];
    Softmax state;
    fill(logits, n, kind);
    fill_gradients(dprobs, n, kind);
    make_leaves(leaves, logits, n);
    softmax(&graph, "prob", leaves, n, values);
    softmax_forward(logits, e, &state, n);
    for (size_t i = 0; i < n; i++) {
        probs[i] = e[i] * state.inverse;
    }
    assert_data(probs, values, n, "prob");
    run_backward(loss_of(values, dprobs, n));
    softmax_backward(e, &state, dprobs, dlogits, n);
    assert_grad(dlogits, leaves, n, "dlogit");
}

static void check_relu(InputKind kind)
{
    size_t n = random_count(N_MAX);
    double x[N_MAX], dx[N_MAX];
    Value *leaves[N_MAX], *values[N_MAX];
    fill(x, n, kind);
    x[random_below(n)] = random_below(2) == 0 ? NAN : -0.0;
    fill_gradients(dx, n, kind);
    dx[random_below(n)] = INFINITY; // its product with a 0 is NaN
    make_leaves(leaves, x, n);
    for (size_t i = 0; i < n; i++) {
        values[i] = value_relu(&graph, leaves[i]);
    }
    run_backward(loss_of(values, dx, n));
    relu_forward(x, n);
    assert_data(x, values, n, "y");
    relu_backward(x, dx, n);
    assert_grad(dx, leaves, n, "dx");
}

static void check_loss(InputKind kind)
{
    size_t n = random_count(N_MAX);
    size_t target = random_below(n);
    double logits[N_MAX], e[N_MAX], dprobs[N_MAX], dlogits[N_MAX];
    double dloss = 1 / (double)random_count(16);
    Value *leaves[N_MAX], *probs[N_MAX];
    Softmax state;
    fill(logits, n, kind);
    make_leaves(leaves, logits, n);
    softmax(&graph, "prob", leaves, n, probs);
    Value *loss = value_neg(&graph, value_log(&graph, probs[target]));
    run_backward(value_mul_number(&graph, loss, dloss));
    softmax_forward(logits, e, &state, n);
    assert_same(loss_forward(e, &state, target), loss->data, "loss", 0);
    loss_backward(e, &state, target, dloss, dprobs, n);
    softmax_backward(e, &state, dprobs, dlogits, n);
    assert_grad(dlogits, leaves, n, "dlogit");
}

// The sizes of an attention layer and its numbers for n positions: queries, keys, values and
// outputs.
typedef struct Layer {
    Attention sizes;
    size_t n;
    double q[T_MAX * E_MAX], k[T_MAX * E_MAX], v[T_MAX * E_MAX], out[T_MAX * E_MAX];
    double dq[T_MAX * E_MAX], dk[T_MAX * E_MAX], dv[T_MAX * E_MAX], dout[T_MAX * E_MAX];
    double e[T_MAX][E_MAX * T_MAX];
    Softmax softmax[T_MAX][E_MAX];
} Layer;

typedef struct LayerGraph {
    Value *q[T_MAX * E_MAX], *k[T_MAX * E_MAX], *v[T_MAX * E_MAX], *out[T_MAX * E_MAX];
} LayerGraph;

// Computes the lines of gpt() for the head that begins at dimension first, at position t.
static void head_over_values(const Layer *layer, LayerGraph *values, size_t first, size_t t)
{
    size_t head_dim = layer->sizes.head_dim;
    size_t n_embd = layer->sizes.n_head * head_dim;
    Value *weights[T_MAX], *column[T_MAX];
    for (size_t s = 0; s <= t; s++) {
        Value *dot = value_dot(&graph, &values->q[t * n_embd + first],
                               &values->k[s * n_embd + first], head_dim);
        weights[s] = value_div_number(&graph, dot, pow((double)head_dim, 0.5));
    }
    softmax(&graph, "weight", weights, t + 1, weights);
    for (size_t d = first; d < first + head_dim; d++) {
        for (size_t s = 0; s <= t; s++) {
            column[s] = values->v[s * n_embd + d];
        }
        values->out[t * n_embd + d] = value_dot(&graph, weights, column, t + 1);
    }
}

static void run_layer_over_values(const Layer *layer, LayerGraph *values)
{
    size_t head_dim = layer->sizes.head_dim;
    size_t n_embd = layer->sizes.n_head * head_dim;
    make_leaves(values->q, layer->q, layer->n * n_embd);
    make_leaves(values->k, layer->k, layer->n * n_embd);
    make_leaves(values->v, layer->v, layer->n * n_embd);
    for (size_t t = 0; t < layer->n; t++) {
        for (size_t first = 0; first < n_embd; first += head_dim) {
            head_over_values(layer, values, first, t);
        }
    }
    run_backward(loss_of(values->out, layer->dout, layer->n * n_embd));
}

static AttentionPosition position_of(Layer *layer, size_t t)
{
    size_t n_embd = layer->sizes.n_head * layer->sizes.head_dim;
    return (AttentionPosition){.q = &layer->q[t * n_embd],
                               .k = layer->k,
                               .v = layer->v,
                               .n_keys = t + 1,
                               .e = layer->e[t],
                               .softmax = layer->softmax[t]};
}

static void run_layer(Layer *layer)
{
    size_t n_embd = layer->sizes.n_head * layer->sizes.head_dim;
    double scratch[2 * T_MAX];
    set_zero(layer->dk, layer->n * n_embd);
    set_zero(layer->dv, layer->n * n_embd);
    for (size_t t = 0; t < layer->n; t++) {
        AttentionPosition position = position_of(layer, t);
        attention_forward(&layer->sizes, &position, &layer->out[t * n_embd]);
    }
    for (size_t t = layer->n; t-- > 0;) {
        AttentionPosition position = position_of(layer, t);
        AttentionGrads grads = {.dout = &layer->dout[t * n_embd],
                                .dq = &layer->dq[t * n_embd],
                                .dk = layer->dk,
                                .dv = layer->dv,
                                .scratch = scratch};
        attention_backward(&layer->sizes, &position, &grads);
    }
}

static void check_attention(InputKind kind)
{
    static Layer layer;
    static LayerGraph values;
    size_t head_dim = random_count(6);
    size_t n_head = random_count(E_MAX / head_dim);
    size_t n = random_count(T_MAX);
    size_t count = n * n_head * head_dim;
    // Two powers, as in gpt(): dividing by head_dim**0.5 is a product with its power -1.
    double inverse = pow(pow((double)head_dim, 0.5), -1);
    layer.sizes = (Attention){n_head, head_dim, T_MAX, inverse};
    layer.n = n;
    fill(layer.q, count, kind);
    fill(layer.k, count, kind);
    fill(layer.v, count, kind);
    fill_gradients(layer.dout, count, kind);
    run_layer_over_values(&layer, &values);
    run_layer(&layer);
    assert_data(layer.out, values.out, count, "out");
    assert_grad(layer.dq, values.q, count, "dq");
    assert_grad(layer.dk, values.k, count, "dk");
    assert_grad(layer.dv, values.v, count, "dv");
}

// Runs a check with one kind of inputs; _i is the kind.
static void check_rounds(void (*check)(InputKind), int kind)
{
    int n_rounds = is_quick() ? N_ROUNDS / 20 : N_ROUNDS;
    random_start((uint64_t)kind);
    graph_init(&graph);
    GraphMark empty = graph_mark(&graph);
    for (int round = 0; round < n_rounds; round++) {
        check((InputKind)kind);
        graph_reset(&graph, empty);
    }
    graph_free(&graph);
}

START_TEST(embedding_is_the_graphs)
{
    check_rounds(check_embedding, _i);
}
END_TEST

START_TEST(linear_is_the_graphs)
{
    check_rounds(check_linear, _i);
}
END_TEST

START_TEST(some_rows_of_linear_go_on_from_what_is_there)
{
    check_rounds(check_some_rows, _i);
}
END_TEST

START_TEST(rmsnorm_is_the_graphs)
{
    check_rounds(check_rmsnorm, _i);
}
END_TEST

START_TEST(softmax_is_the_graphs)
{
    check_rounds(check_softmax, _i);
}
END_TEST

START_TEST(relu_is_the_graphs)
{
    check_rounds(check_relu, _i);
}
END_TEST

START_TEST(attention_is_the_graphs)
{
    check_rounds(check_attention, _i);
}
END_TEST

START_TEST(loss_is_the_graphs)
{
    check_rounds(check_loss, _i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_nn");
    TCase *tcase = tcase_create("operations");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_loop_test(tcase, embedding_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, linear_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, some_rows_of_linear_go_on_from_what_is_there, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, rmsnorm_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, softmax_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, relu_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, attention_is_the_graphs, 0, N_INPUT_KINDS);
    tcase_add_loop_test(tcase, loss_is_the_graphs, 0, N_INPUT_KINDS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
