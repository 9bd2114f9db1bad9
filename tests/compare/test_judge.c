// Judges random graphs with random rounding: a port without a mistake has no unexplained values,
// with any precision and order of its sums; if one value of a port is wrong, it is the first in the
// report. Prints how often this is so, by the kind of the node. With the argument `torture`, draws
// three times as many graphs.
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compare/judge.h"
#include "dump_more.h"
#include "python/hexfloat.h"

// How the port of a trial computes.
typedef struct Rounding {
    bool is_single;
    bool is_fused;         // products are not rounded before they are added
    bool is_reordered;     // sums and gradients are added up in random order
    bool takes_short_ways; // 1 / sqrt(x), x / y
} Rounding;

// Which values the port shows.
typedef enum Shown {
    SHOWN_FULL,      // the full dump
    SHOWN_VECTORS,   // all results, by their paths
    SHOWN_SOME,      // a third of the results, drawn for each trial, and the parameters
    SHOWN_LANDMARKS, // parameters, logits, probabilities and losses
    N_SHOWN,
} Shown;

typedef struct Trial {
    uint32_t state;
    NodeDump a;
    NodeDump b;
    Rounding rounding;
    Shown shown;
    bool *is_shown;      // [n_nodes]
    uint32_t spoilt;     // the node whose value is wrong; NO_NODE if there is none
    bool spoils_grad;    // whether its gradient is wrong, not its data
    double spoilt_times; // the factor by which it is wrong
} Trial;

static double draw(Trial *t)
{
    return next_random(&t->state) / 4294967296.0;
}

static bool draw_bool(Trial *t)
{
    return next_random(&t->state) % 2 != 0;
}

static double rounded(const Trial *t, double x)
{
    return t->rounding.is_single ? (double)(float)x : x;
}

static uint32_t child_of(const NodeDump *dump, uint32_t node_id, uint32_t slot)
{
    return dump->children[dump->first_edge[node_id] + slot];
}

static bool has_op(const NodeDump *dump, uint32_t node_id, const char *op)
{
    return strcmp(dump_op(dump, node_id), op) == 0;
}

// ---- The port's data

static bool is_part_of_sum(const Trial *t, uint32_t node_id)
{
    return has_op(&t->b, node_id, "add") && !t->is_shown[node_id];
}

// Lists the terms of a sum, including those of nested sums that the port does not show.
static size_t list_terms(const Trial *t, uint32_t node_id, uint32_t *terms)
{
    uint32_t pending[64];
    size_t n_pending = 1;
    size_t n = 0;
    pending[0] = node_id;
    while (n_pending > 0) {
        uint32_t sum = pending[--n_pending];
        for (uint32_t slot = 0; slot < dump_n_children(&t->b, sum); slot++) {
            uint32_t child = child_of(&t->b, sum, slot);
            if (is_part_of_sum(t, child) && n_pending < 63) {
                pending[n_pending++] = child;
            } else {
                terms[n++] = child;
            }
        }
    }
    return n;
}

static void shuffle(Trial *t, uint32_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = next_random(&t->state) % i;
        uint32_t item = items[i - 1];
        items[i - 1] = items[other];
        items[other] = item;
    }
}

static double add_up(Trial *t, uint32_t node_id)
{
    uint32_t terms[1024];
    size_t n = list_terms(t, node_id, terms);
    if (t->rounding.is_reordered) {
        shuffle(t, terms, n);
    }
    const double *data = t->b.data;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_product = has_op(&t->b, terms[i], "mul") && terms[i] != t->spoilt;
        sum = t->rounding.is_fused && is_product
                  ? fma(data[child_of(&t->b, terms[i], 0)], data[child_of(&t->b, terms[i], 1)], sum)
                  : sum + data[terms[i]];
        sum = rounded(t, sum);
    }
    return sum;
}

static double exponent_of(const NodeDump *dump, uint32_t node_id)
{
    double guess = dump->local_grads[dump->first_edge[node_id]] *
                   dump->data[child_of(dump, node_id, 0)] / dump->data[node_id];
    return nearbyint(2 * guess) / 2;
}

static double power(const Trial *t, uint32_t node_id, double x)
{
    double exponent = exponent_of(&t->a, node_id);
    if (t->rounding.takes_short_ways && exponent == -0.5) {
        return rounded(t, 1 / rounded(t, sqrt(x)));
    }
    return t->rounding.takes_short_ways && exponent == -1 ? 1 / x : pow(x, exponent);
}

// softmax's constants are the negative of its largest input: of the inputs of all its exponentials,
// whose constants are the same in A.
static double minus_max(const Trial *t, uint32_t node_id)
{
    const NodeDump *a = &t->a;
    double largest = -INFINITY;
    for (uint32_t i = node_id; i + 2 < a->n_nodes && dump_n_children(a, i) == 0 &&
                               has_op(a, i + 2, "exp") && a->data[i] == a->data[node_id];
         i += 3) {
        largest = fmax(largest, t->b.data[child_of(a, i + 1, 0)]);
    }
    for (uint32_t i = node_id;
         i >= 3 && has_op(a, i - 1, "exp") && a->data[i - 3] == a->data[node_id]; i -= 3) {
        largest = fmax(largest, t->b.data[child_of(a, i - 2, 0)]);
    }
    return -largest;
}

static double compute_leaf(const Trial *t, uint32_t node_id)
{
    const char *path = dump_path(&t->a, node_id);
    bool of_softmax = strstr(path, ".softmax.exp[") != NULL;
    return of_softmax ? minus_max(t, node_id) : t->a.data[node_id];
}

static double compute(Trial *t, uint32_t node_id)
{
    const NodeDump *b = &t->b;
    if (dump_n_children(b, node_id) == 0) {
        return compute_leaf(t, node_id);
    }
    double x = b->data[child_of(b, node_id, 0)];
    if (has_op(b, node_id, "add")) {
        return add_up(t, node_id);
    }
    if (has_op(b, node_id, "mul")) {
        return x * b->data[child_of(b, node_id, 1)];
    }
    if (has_op(b, node_id, "exp")) {
        return exp(x);
    }
    if (has_op(b, node_id, "log")) {
        return log(x);
    }
    return has_op(b, node_id, "relu") ? fmax(x, 0) : power(t, node_id, x);
}

static void run_forward(Trial *t)
{
    for (uint32_t i = 0; i < t->b.n_nodes; i++) {
        double value = rounded(t, compute(t, i));
        bool spoils = i == t->spoilt && !t->spoils_grad;
        t->b.data[i] = spoils ? rounded(t, value * t->spoilt_times) : value;
    }
}

// ---- The port's gradients

static double local_grad(const Trial *t, uint32_t node_id, uint32_t slot)
{
    const NodeDump *b = &t->b;
    double x = b->data[child_of(b, node_id, 0)];
    if (has_op(b, node_id, "add")) {
        return 1;
    }
    if (has_op(b, node_id, "mul")) {
        return b->data[child_of(b, node_id, 1 - slot)];
    }
    if (has_op(b, node_id, "exp")) {
        return b->data[node_id];
    }
    if (has_op(b, node_id, "log")) {
        return 1 / x;
    }
    if (has_op(b, node_id, "relu")) {
        return x > 0 ? 1 : 0;
    }
    double exponent = exponent_of(&t->a, node_id);
    return t->rounding.takes_short_ways ? exponent * b->data[node_id] / x
                                        : exponent * pow(x, exponent - 1);
}

static void fill_local_grads(Trial *t)
{
    for (uint32_t i = 0; i < t->b.n_nodes; i++) {
        for (uint32_t slot = 0; slot < dump_n_children(&t->b, i); slot++) {
            t->b.local_grads[t->b.first_edge[i] + slot] = rounded(t, local_grad(t, i, slot));
        }
    }
}

static double sum_contributions(Trial *t, const GraphOrder *order, uint32_t node_id)
{
    uint32_t uses[4096];
    size_t n = 0;
    for (uint32_t use = order->first_use[node_id]; use < order->first_use[node_id + 1]; use++) {
        if (order->is_reachable[order->use_parent[use]]) {
            ck_assert_uint_lt(n, 4096);
            uses[n++] = use;
        }
    }
    if (t->rounding.is_reordered) {
        shuffle(t, uses, n);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double slope = t->b.local_grads[order->use_edge[uses[i]]];
        double grad = t->b.grad[order->use_parent[uses[i]]];
        sum = rounded(t, t->rounding.is_fused ? fma(slope, grad, sum)
                                              : sum + rounded(t, slope * grad));
    }
    return sum;
}

static void run_backward(Trial *t)
{
    GraphOrder order;
    Error error;
    ck_assert(graph_order_init(&order, t->b.n_nodes, t->b.first_edge, t->b.children, &error));
    for (size_t i = 0; i < t->b.n_nodes; i++) {
        uint32_t node_id = order.backward[i];
        double grad = i == 0 ? 1 : sum_contributions(t, &order, node_id);
        bool spoils = node_id == t->spoilt && t->spoils_grad;
        t->b.grad[node_id] = spoils ? rounded(t, grad * t->spoilt_times) : grad;
    }
    graph_order_free(&order);
}

// ---- Graphs

static void dump_random_model(Trial *t)
{
    ModelConfig config = {
        .n_layer = (int)(next_random(&t->state) % 3),
        .n_head = 1 + (int)(next_random(&t->state) % 2),
        .block_size = 2 + (int)(next_random(&t->state) % 4),
        .vocab_size = 3 + (int)(next_random(&t->state) % 5),
    };
    config.n_embd = config.n_head * (1 + (int)(next_random(&t->state) % 3));
    int tokens[8];
    size_t n_positions = 1 + next_random(&t->state) % (uint32_t)config.block_size;
    for (size_t i = 0; i <= n_positions; i++) {
        tokens[i] = (int)(next_random(&t->state) % (uint32_t)config.vocab_size);
    }
    Model model;
    ScalarGpt gpt;
    Random random;
    Error error;
    double loss;
    ck_assert(model_init(&model, &config, &error));
    random_seed(&random, t->state);
    model_randomize(&model, &random, 0.05 + 0.5 * draw(t));
    ck_assert(scalar_gpt_init(&gpt, &model, &error));
    ck_assert(scalar_gpt_forward(&gpt, tokens, n_positions, &loss, &error));
    ck_assert(scalar_gpt_backward(&gpt, &error));
    dump_graph(&t->a, &gpt.graph, model.n_params, DUMP_NAMED);
    dump_graph(&t->b, &gpt.graph, model.n_params, DUMP_NAMED);
    scalar_gpt_free(&gpt);
    model_free(&model);
}

// Makes a value by a random operation on earlier values, none of which is too large.
static Value *make_random_value(Trial *t, Graph *g, Value **values, size_t n)
{
    static const double exponents[] = {-1, -0.5, 0.5, 2, 3};
    Value *x = values[next_random(&t->state) % n];
    Value *y = values[next_random(&t->state) % n];
    switch (next_random(&t->state) % 8) {
    case 0:
        return x->data > 0.1 && x->data < 10 ? value_pow(g, x, exponents[t->state % 5])
                                             : value_add(g, x, y);
    case 1:
        return fabs(x->data) < 3 ? value_exp(g, x) : value_add(g, x, y);
    case 2:
        return x->data > 0.1 ? value_log(g, x) : value_mul(g, x, y);
    case 3:
        return value_relu(g, x);
    case 4:
    case 5:
        return fabs(x->data * y->data) < 100 ? value_mul(g, x, y) : value_add(g, x, y);
    default:
        return value_add(g, x, y);
    }
}

static void dump_random_expression(Trial *t)
{
    enum {
        N_LEAVES = 6,
        N_VALUES = 60
    };
    Graph g;
    Value *values[N_VALUES];
    Error error;
    graph_init(&g);
    for (size_t i = 0; i < N_LEAVES; i++) {
        values[i] = value_leaf(&g, 4 * draw(t) - 2);
    }
    for (size_t i = N_LEAVES; i < N_VALUES; i++) {
        values[i] = make_random_value(t, &g, values, i);
    }
    ck_assert(value_backward(&g, values[N_VALUES - 1], &error));
    dump_graph(&t->a, &g, N_LEAVES, DUMP_NAMED);
    dump_graph(&t->b, &g, N_LEAVES, DUMP_NAMED);
    graph_free(&g);
}

// ---- What is shown

static bool is_result(const char *path)
{
    const char *last = strrchr(path, '.');
    last = last != NULL ? last + 1 : path;
    static const char *const operations[] = {"mul", "add", "const", "pow", "log"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        size_t length = strlen(operations[i]);
        if (strncmp(last, operations[i], length) == 0 &&
            (last[length] == '\0' || last[length] == '[')) {
            return false;
        }
    }
    return true;
}

static bool is_landmark(const char *path)
{
    const char *dot = strchr(path, '.');
    return dot == NULL || (strchr(dot + 1, '.') == NULL &&
                           (strstr(path, ".logit[") != NULL || strstr(path, ".prob[") != NULL ||
                            strstr(path, ".loss") != NULL));
}

static void choose_shown(Trial *t, bool is_model)
{
    size_t n_params = dump_n_leading_leaves(&t->a);
    for (uint32_t i = 0; i < t->a.n_nodes; i++) {
        const char *path = dump_path(&t->a, i);
        bool result = is_model ? is_result(path) : !has_op(&t->a, i, "const");
        bool drawn = draw(t) < 0.33;
        bool shown[N_SHOWN] = {true, result, result && drawn, is_landmark(path)};
        t->is_shown[i] = i < n_params || i == t->a.n_nodes - 1 || shown[t->shown];
    }
}

static void write_number(FILE *file, double number)
{
    char text[HEXFLOAT_BYTES];
    hexfloat_format(number, text);
    fprintf(file, " %s", text);
}

// Makes B a sparse dump of the values that the port shows.
static void make_sparse(Trial *t)
{
    char path[TEST_PATH_BYTES];
    FILE *file = open_temporary(path);
    for (uint32_t i = 0; i < t->b.n_nodes; i++) {
        if (t->is_shown[i]) {
            fprintf(file, "%s", dump_path(&t->b, i));
            write_number(file, t->b.data[i]);
            write_number(file, t->b.grad[i]);
            fputc('\n', file);
        }
    }
    ck_assert_int_eq(fclose(file), 0);
    dump_free(&t->b);
    assert_read(&t->b, path);
    unlink(path);
    t->b.file_name = "dump";
}

// ---- Trials

static void begin_trial(Trial *t, uint32_t number)
{
    *t = (Trial){.state = 2463534242u + 7919u * number, .spoilt = NO_NODE};
    for (int i = 0; i < 8; i++) {
        next_random(&t->state);
    }
    bool is_model = number % 4 != 0;
    if (is_model) {
        dump_random_model(t);
    } else {
        dump_random_expression(t);
    }
    // Without a third of its values, an expression may have any result, because it cancels too
    // much.
    t->shown = (Shown)(next_random(&t->state) % (is_model ? N_SHOWN : SHOWN_SOME));
    t->rounding = (Rounding){.is_single = draw_bool(t),
                             .is_fused = draw_bool(t),
                             .is_reordered = draw_bool(t),
                             .takes_short_ways = draw_bool(t)};
    t->is_shown = calloc(t->a.n_nodes, sizeof *t->is_shown);
    choose_shown(t, is_model);
}

static void end_trial(Trial *t)
{
    dump_free(&t->a);
    dump_free(&t->b);
    free(t->is_shown);
}

static void compute_port(Trial *t)
{
    run_forward(t);
    fill_local_grads(t);
    run_backward(t);
    if (t->shown != SHOWN_FULL) {
        make_sparse(t);
    }
}

static void compare(Trial *t, GraphDiff *diff, Judgement *judgement)
{
    static const DiffRules all_bits = {0, NULL};
    Error error;
    ck_assert_msg(graph_diff(diff, &t->a, &t->b, &all_bits, &error), "%s", error.message);
    ck_assert_msg(judgement_init(judgement, diff, &error), "%s", error.message);
}

static bool is_torture;

static uint32_t n_trials(uint32_t n)
{
    if (is_torture) {
        return 3 * n;
    }
    return is_quick() ? n / 6 : n;
}

START_TEST(no_rounding_is_unexplained)
{
    uint32_t n = n_trials(1000);
    for (uint32_t i = 0; i < n; i++) {
        Trial t;
        GraphDiff diff;
        Judgement judgement;
        begin_trial(&t, i);
        compute_port(&t);
        compare(&t, &diff, &judgement);
        if (judgement.n_unexplained > 0) {
            double off;
            double explained;
            const UnexplainedKind *kind = &judgement.kinds[0];
            judgement_sizes(&judgement, kind->in, kind->first, &off, &explained);
            ck_abort_msg("trial %u, shown %d, single %d: %s in %d is off by %g, explained %g", i,
                         t.shown, t.rounding.is_single, dump_path(&t.a, kind->first), kind->in, off,
                         explained);
        }
        ck_assert(judgement_explains_all(&judgement));
        judgement_free(&judgement);
        graph_diff_free(&diff);
        end_trial(&t);
    }
}
END_TEST

// Draws a value that the port shows, with all kinds equally likely; NO_NODE if it is 0, which no
// factor makes wrong.
static uint32_t draw_spoilt(Trial *t, const PathKinds *kinds)
{
    uint32_t kind = next_random(&t->state) % (uint32_t)kinds->n;
    uint32_t chosen = NO_NODE;
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->a.n_nodes; i++) {
        if (kinds->kind_of[i] == kind && t->is_shown[i]) {
            n++;
            chosen = next_random(&t->state) % n == 0 ? i : chosen;
        }
    }
    double value = chosen == NO_NODE ? 0 : (t->spoils_grad ? t->a.grad[chosen] : t->a.data[chosen]);
    return fabs(value) > (t->rounding.is_single ? 1e-30 : 1e-200) ? chosen : NO_NODE;
}

// How often a wrong value of a kind was named first.
typedef struct Rate {
    char name[PATTERN_BYTES];
    uint32_t n;
    uint32_t n_named;
} Rate;

typedef struct Rates {
    Rate rates[1024];
    size_t n;
} Rates;

static void count(Rates *rates, const char *name, bool named)
{
    size_t i = 0;
    while (i < rates->n && strcmp(rates->rates[i].name, name) != 0) {
        i++;
    }
    ck_assert_uint_lt(i, 1024);
    if (i == rates->n) {
        rates->n++;
        snprintf(rates->rates[i].name, PATTERN_BYTES, "%s", name);
    }
    rates->rates[i].n++;
    rates->rates[i].n_named += named;
}

// Counts a kind without the numbers of its layer: all layers are counted together.
static void count_kind(Rates *rates, const Trial *t, const char *pattern, bool named)
{
    static const char *const shown[] = {"full", "vectors", "some", "landmarks"};
    char name[2 * PATTERN_BYTES];
    char kind[PATTERN_BYTES];
    snprintf(kind, sizeof kind, "%s", pattern);
    char *layer = strstr(kind, "layer");
    if (layer != NULL) {
        layer[5] = 'N';
    }
    snprintf(name, sizeof name, "%-8s%.150s", t->spoils_grad ? "grad" : "data", kind);
    count(rates, name, named);
    snprintf(name, sizeof name, "all, %s, %s, %s", t->rounding.is_single ? "single" : "double",
             shown[t->shown], t->spoils_grad ? "gradients" : "data");
    count(rates, name, named);
    count(rates, "all", named);
}

static void run_spoilt_trial(Trial *t, Rates *rates)
{
    PathKinds kinds;
    Error error;
    ck_assert(path_kinds_init(&kinds, &t->a, &error));
    double least = t->rounding.is_single ? 1e-2 : 1e-6;
    t->spoils_grad = draw_bool(t);
    double size = exp(log(least) * draw(t)); // from the least to 1, all magnitudes equally likely
    t->spoilt_times = draw_bool(t) ? 1 + size : 1 - size * 0.99;
    t->spoilt = draw_spoilt(t, &kinds);
    if (t->spoilt != NO_NODE) {
        GraphDiff diff;
        Judgement judgement;
        compute_port(t);
        compare(t, &diff, &judgement);
        bool named = judgement.n_kinds > 0 && judgement.kinds[0].first == t->spoilt;
        count_kind(rates, t, kinds.patterns[kinds.kind_of[t->spoilt]], named);
        judgement_free(&judgement);
        graph_diff_free(&diff);
    }
    path_kinds_free(&kinds);
}

START_TEST(one_spoilt_value_is_named_first)
{
    static Rates rates;
    uint32_t n = n_trials(2000);
    for (uint32_t i = 0; i < n; i++) {
        Trial t;
        begin_trial(&t, 100000 + i);
        run_spoilt_trial(&t, &rates);
        end_trial(&t);
    }
    uint32_t n_all = 0;
    uint32_t n_named = 0;
    for (size_t i = 0; i < rates.n; i++) {
        const Rate *rate = &rates.rates[i];
        printf("%5u of %5u  %s\n", rate->n_named, rate->n, rate->name);
        n_all = strcmp(rate->name, "all") == 0 ? rate->n : n_all;
        n_named = strcmp(rate->name, "all") == 0 ? rate->n_named : n_named;
    }
    ck_assert_msg(n_all > 0 && n_named >= 0.99 * n_all, "%u of %u", n_named, n_all);
}
END_TEST

// A hypothesis may have moved a child to any node, even to a later one.
static void move_children(Trial *t, Bounds *bounds)
{
    Error error;
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t edge = next_random(&t->state) % t->a.first_edge[t->a.n_nodes];
        bounds->children[edge] = next_random(&t->state) % (uint32_t)t->a.n_nodes;
    }
    ck_assert(bounds_reorder(bounds, &error));
    for (uint32_t i = 0; i < t->a.n_nodes; i++) {
        bounds->has_data[i] = next_random(&t->state) % 8 == 0;
        bounds->has_grad[i] = next_random(&t->state) % 8 == 0;
    }
}

// Checks that the nodes have places in ascending order, and are closed: what any of them is
// computed from, along an edge, is one of them if the subject does not show it. Leaves no marks.
static void check_cone(const Bounds *b, bool is_grad, const size_t *places, bool *marks,
                       const uint32_t *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert(i == 0 || places[nodes[i]] > places[nodes[i - 1]]);
        marks[nodes[i]] = true;
    }
    for (uint32_t parent = 0; parent < b->n_nodes; parent++) {
        for (uint32_t slot = 0; slot < bounds_n_children(b, parent); slot++) {
            uint32_t child = bounds_child(b, parent, slot);
            bool is_data_needed = marks[parent] && !b->has_data[child];
            bool is_grad_needed =
                marks[child] && b->order.is_reachable[parent] && !b->has_grad[parent];
            ck_assert(marks[is_grad ? parent : child] ||
                      !(is_grad ? is_grad_needed : is_data_needed));
        }
    }
    memset(marks, false, b->n_nodes);
}

START_TEST(cones_are_closed_if_children_are_moved)
{
    enum {
        N = 100,
    };
    for (uint32_t trial = 0; trial < N; trial++) {
        Trial t;
        Bounds bounds;
        Error error;
        begin_trial(&t, trial);
        ck_assert(bounds_init(&bounds, &t.a, &error));
        move_children(&t, &bounds);
        size_t n_nodes = bounds.n_nodes;
        bool *wanted = calloc(n_nodes, sizeof *wanted);
        bool *marks = calloc(n_nodes, sizeof *marks);
        uint32_t *nodes = calloc(n_nodes, sizeof *nodes);
        size_t *places = calloc(n_nodes, sizeof *places);
        uint32_t targets[2] = {next_random(&t.state) % (uint32_t)n_nodes,
                               next_random(&t.state) % (uint32_t)n_nodes};
        for (size_t i = 0; i < n_nodes; i++) {
            places[i] = i;
        }
        size_t n = bounds_find_cone(&bounds, targets, 2, wanted, nodes);
        check_cone(&bounds, false, places, marks, nodes, n);
        for (size_t i = 0; i < n_nodes; i++) {
            places[bounds.order.backward[i]] = i;
        }
        ck_assert_ptr_null(memchr(wanted, true, n_nodes));
        n = bounds_find_grad_cone(&bounds, targets, 2, wanted, nodes);
        check_cone(&bounds, true, places, marks, nodes, n);
        ck_assert_ptr_null(memchr(wanted, true, n_nodes));
        free(wanted);
        free(marks);
        free(nodes);
        free(places);
        bounds_free(&bounds);
        end_trial(&t);
    }
}
END_TEST

int main(int argc, char **argv)
{
    is_torture = argc == 2 && strcmp(argv[1], "torture") == 0;
    Suite *suite = suite_create("judge");
    TCase *tcase = tcase_create("random graphs");
    tcase_set_timeout(tcase, 900);
    tcase_add_test(tcase, no_rounding_is_unexplained);
    tcase_add_test(tcase, one_spoilt_value_is_named_first);
    suite_add_tcase(suite, tcase);
    TCase *cones = tcase_create("cones");
    tcase_set_timeout(cones, 900);
    tcase_add_test(cones, cones_are_closed_if_children_are_moved);
    suite_add_tcase(suite, cones);
    return run_suite(suite);
}
