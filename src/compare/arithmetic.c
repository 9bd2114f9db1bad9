// Finds the arithmetic that explains different bits: see arithmetic.h.
#include "compare/arithmetic.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TERMS = 4096, // of a sum
    MAX_MEMBERS = 256,
    MAX_CONE = 20000,         // of a member
    MAX_CONES = 5 * MAX_CONE, // of all members
    MAX_LANES = 8,
};

typedef enum SumOrder {
    ORDER_GIVEN,
    ORDER_REVERSED,
    ORDER_PAIRWISE,
    ORDER_4_LANES,        // and then the lanes are added one after the other
    ORDER_4_LANES_HALVES, // and then by halves: 0 + 2, 1 + 3
    ORDER_8_LANES,
    ORDER_8_LANES_HALVES,
    N_ORDERS,
} SumOrder;

// How a port computes. All zero: exactly like the graph.
typedef struct Arithmetic {
    SumOrder order;
    bool is_fused;     // products are not rounded before they are added
    bool divides;      // computes x / y instead of x * y**-1, and x / n instead of x * (1/n)
    bool short_powers; // 1 / sqrt(x), x * x
} Arithmetic;

// The values of a kind, each with its inputs, and the memory to compute them with.
typedef struct Evaluation {
    const Bounds *bounds;
    Arithmetic arithmetic;
    uint32_t members[MAX_MEMBERS];
    double given[MAX_MEMBERS]; // each member, computed with the graph's own arithmetic
    size_t first_in_cones[MAX_MEMBERS + 1];
    size_t n_members;
    uint32_t *cones; // [MAX_CONES] of all members
    bool *is_needed; // [n_nodes] false: used only as the first part of a longer sum
    bool *wanted;    // [n_nodes] for bounds_find_cone()
    uint32_t *cone;  // [n_nodes] of the current member
    double *values;  // [n_nodes] of the inputs of a member
    uint32_t *terms; // [MAX_TERMS] of the current sum
    bool is_known;   // false: one of its inputs is not known
} Evaluation;

static double value_of(const Evaluation *e, uint32_t node_id)
{
    return e->bounds->has_data[node_id] ? e->bounds->data[node_id] : e->values[node_id];
}

static double child_value(const Evaluation *e, uint32_t node_id, uint32_t slot)
{
    return value_of(e, bounds_child(e->bounds, node_id, slot));
}

static bool is_zero_leaf(const Bounds *b, uint32_t node_id)
{
    return b->rules[node_id] == RULE_LEAF && b->constants[node_id] == 0;
}

// Returns whether a sum is only a part of another sum, and the subject does not show it.
static bool is_open_sum(const Bounds *b, uint32_t node_id)
{
    return b->rules[node_id] == RULE_ADD && !b->has_data[node_id] &&
           bounds_n_children(b, node_id) == 2;
}

// Lists the terms of a sum from left to right, without the constant 0 that it starts with. Returns
// how many there are, or 0 if they are too many.
static size_t list_terms(const Evaluation *e, uint32_t node_id)
{
    const Bounds *b = e->bounds;
    size_t n = 0;
    for (;;) {
        if (n + 2 > MAX_TERMS) {
            return 0;
        }
        uint32_t left = bounds_child(b, node_id, 0);
        uint32_t right = bounds_child(b, node_id, 1);
        if (!is_zero_leaf(b, right)) {
            e->terms[n++] = right;
        }
        if (!is_open_sum(b, left)) {
            e->terms[n++] = left;
            break;
        }
        node_id = left;
    }
    reverse_nodes(e->terms, n);
    return n;
}

// Adds a term to a sum; a product that the subject does not show may be fused with it.
static double add_term(const Evaluation *e, double sum, uint32_t term)
{
    const Bounds *b = e->bounds;
    bool is_product = b->rules[term] == RULE_MUL && !b->has_data[term];
    return e->arithmetic.is_fused && is_product
               ? fma(child_value(e, term, 0), child_value(e, term, 1), sum)
               : sum + value_of(e, term);
}

static double sum_pairwise(const Evaluation *e, const uint32_t *terms, size_t n)
{
    double sums[64] = {value_of(e, terms[0])};
    size_t sizes[64] = {1};
    size_t depth = 1;
    for (size_t i = 1; i < n; i++) { // like a binary counter: two sums of equal size are added
        sums[depth] = value_of(e, terms[i]);
        sizes[depth] = 1;
        while (depth > 0 && sizes[depth] == sizes[depth - 1]) {
            sums[depth - 1] += sums[depth];
            sizes[depth - 1] *= 2;
            depth--;
        }
        depth++;
    }
    double sum = sums[--depth];
    while (depth > 0) {
        sum = sums[--depth] + sum;
    }
    return sum;
}

static double sum_in_lanes(const Evaluation *e, const uint32_t *terms, size_t n, size_t n_lanes,
                           bool by_halves)
{
    double lanes[MAX_LANES] = {0};
    size_t n_even = n - n % n_lanes;
    for (size_t i = 0; i < n_even; i++) {
        lanes[i % n_lanes] = add_term(e, lanes[i % n_lanes], terms[i]);
    }
    for (size_t half = n_lanes / 2; by_halves && half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            lanes[i] += lanes[i + half];
        }
    }
    double sum = lanes[0];
    for (size_t i = 1; !by_halves && i < n_lanes; i++) {
        sum += lanes[i];
    }
    for (size_t i = n_even; i < n; i++) {
        sum = add_term(e, sum, terms[i]);
    }
    return sum;
}

static double sum_in_order(const Evaluation *e, const uint32_t *terms, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        size_t next = e->arithmetic.order == ORDER_REVERSED ? n - 1 - i : i;
        sum = add_term(e, sum, terms[next]);
    }
    return sum;
}

static double compute_sum(Evaluation *e, uint32_t node_id)
{
    size_t n = bounds_n_children(e->bounds, node_id) == 2 ? list_terms(e, node_id) : 0;
    if (n == 0) {
        e->is_known = false;
        return 0;
    }
    switch (e->arithmetic.order) {
    case ORDER_PAIRWISE:
        return sum_pairwise(e, e->terms, n);
    case ORDER_4_LANES:
    case ORDER_4_LANES_HALVES:
        return sum_in_lanes(e, e->terms, n, 4, e->arithmetic.order == ORDER_4_LANES_HALVES);
    case ORDER_8_LANES:
    case ORDER_8_LANES_HALVES:
        return sum_in_lanes(e, e->terms, n, 8, e->arithmetic.order == ORDER_8_LANES_HALVES);
    default:
        return sum_in_order(e, e->terms, n);
    }
}

// Returns whether a factor is an inverse that the subject does not show.
static bool is_inverse(const Bounds *b, uint32_t node_id)
{
    return b->rules[node_id] == RULE_POW && b->constants[node_id] == -1 && !b->has_data[node_id];
}

// Returns whether a factor is 1/n as Python computes it.
static bool is_one_over_whole(const Bounds *b, uint32_t node_id, double *whole)
{
    *whole = nearbyint(1 / b->constants[node_id]);
    return b->rules[node_id] == RULE_LEAF && *whole > 1 && *whole < 1e6 &&
           is_same_bits(b->constants[node_id], 1 / *whole);
}

static double compute_product(const Evaluation *e, uint32_t node_id)
{
    const Bounds *b = e->bounds;
    uint32_t right = bounds_child(b, node_id, 1);
    double x = child_value(e, node_id, 0);
    double whole;
    if (e->arithmetic.divides && is_inverse(b, right)) {
        return x / child_value(e, right, 0);
    }
    if (e->arithmetic.divides && is_one_over_whole(b, right, &whole)) {
        return x / whole;
    }
    return x * value_of(e, right);
}

static double compute_power(const Evaluation *e, uint32_t node_id)
{
    double x = child_value(e, node_id, 0);
    double exponent = e->bounds->constants[node_id];
    if (e->arithmetic.short_powers && exponent == -0.5) {
        return 1 / sqrt(x);
    }
    if (e->arithmetic.short_powers && exponent == 2) {
        return x * x;
    }
    return e->arithmetic.short_powers && exponent == -1 ? 1 / x : pow(x, exponent);
}

static double compute_minus_max(const Evaluation *e, uint32_t node_id)
{
    const SoftmaxGroups *softmaxes = &e->bounds->softmaxes;
    SoftmaxGroup group = softmaxes->groups[softmaxes->group_of[node_id]];
    double largest = -INFINITY;
    for (uint32_t i = group.first; i < group.first + group.n; i++) {
        largest = fmax(largest, value_of(e, softmaxes->inputs[i]));
    }
    return -largest;
}

static double compute_node(Evaluation *e, uint32_t node_id)
{
    const Bounds *b = e->bounds;
    switch (b->rules[node_id]) {
    case RULE_LEAF:
        return b->constants[node_id];
    case RULE_MINUS_MAX:
        return compute_minus_max(e, node_id);
    case RULE_ADD:
        return compute_sum(e, node_id);
    case RULE_MUL:
        return compute_product(e, node_id);
    case RULE_POW:
        return compute_power(e, node_id);
    case RULE_LOG:
        return log(child_value(e, node_id, 0));
    case RULE_EXP:
        return exp(child_value(e, node_id, 0));
    case RULE_RELU: {
        double x = child_value(e, node_id, 0);
        return x > 0 ? x : 0;
    }
    default:
        e->is_known = false; // or a parameter
        return 0;
    }
}

// Marks the nodes whose values a node needs. It does not need a shorter sum that it continues,
// because it lists the terms of that sum itself.
static void mark_needed(const Bounds *b, uint32_t node_id, bool *is_needed)
{
    for (uint32_t slot = 0; slot < bounds_n_children(b, node_id); slot++) {
        uint32_t child = bounds_child(b, node_id, slot);
        bool goes_on = slot == 0 && b->rules[node_id] == RULE_ADD && is_open_sum(b, child);
        is_needed[child] = is_needed[child] || !goes_on;
    }
    if (b->rules[node_id] == RULE_MINUS_MAX) {
        SoftmaxGroup group = b->softmaxes.groups[b->softmaxes.group_of[node_id]];
        for (uint32_t i = group.first; i < group.first + group.n; i++) {
            is_needed[b->softmaxes.inputs[i]] = true;
        }
    }
}

// Adds the member whose cone has just been found.
static void add_member(Evaluation *e, uint32_t node_id, size_t n)
{
    size_t first = e->first_in_cones[e->n_members];
    assert(first + n <= MAX_CONES);
    memcpy(e->cones + first, e->cone, n * sizeof *e->cone);
    for (size_t i = 0; i < n; i++) {
        mark_needed(e->bounds, e->cone[i], e->is_needed);
    }
    e->members[e->n_members++] = node_id;
    e->first_in_cones[e->n_members] = first + n;
}

// Lists the values of a kind, or as many as the time allows. Returns whether each has so few inputs
// that it can be computed many times.
static bool list_members(Evaluation *e, const Judgement *j, uint32_t node_id)
{
    const Bounds *b = &j->bounds;
    uint16_t kind = j->kinds_of_paths.kind_of[node_id];
    for (uint32_t i = 0; i < b->n_nodes && e->n_members < MAX_MEMBERS; i++) {
        bool belongs = b->dump->has_names ? j->kinds_of_paths.kind_of[i] == kind : i == node_id;
        if (!belongs || !b->has_data[i] || e->first_in_cones[e->n_members] > MAX_CONES - MAX_CONE) {
            continue;
        }
        size_t n = bounds_find_cone(b, &i, 1, e->wanted, e->cone);
        if (n > MAX_CONE) {
            return false;
        }
        add_member(e, i, n);
    }
    return true;
}

// Computes a member with an arithmetic, from the subject's own values.
static double evaluate(Evaluation *e, size_t member)
{
    size_t first = e->first_in_cones[member];
    size_t end = e->first_in_cones[member + 1];
    double value = 0;
    for (size_t i = first; i < end && e->is_known; i++) {
        uint32_t node_id = e->cones[i];
        if (e->is_needed[node_id] || i == end - 1) {
            value = compute_node(e, node_id);
            e->values[node_id] = value;
        }
    }
    return value; // of the last one, which is the member itself
}

// Returns whether an arithmetic gives all members. Counts those for which it differs from the
// graph's own.
static bool gives_all(Evaluation *e, Arithmetic arithmetic, size_t *n_tell)
{
    e->arithmetic = arithmetic;
    *n_tell = 0;
    for (size_t i = 0; i < e->n_members; i++) {
        double value = evaluate(e, i);
        if (!e->is_known || !is_same_bits(value, e->bounds->data[e->members[i]])) {
            return false;
        }
        *n_tell += !is_same_bits(value, e->given[i]);
    }
    return true;
}

// Returns whether the graph's own arithmetic can be computed, and does not give all members.
static bool compute_given(Evaluation *e)
{
    bool differs = false;
    e->arithmetic = (Arithmetic){.order = ORDER_GIVEN};
    for (size_t i = 0; i < e->n_members && e->is_known; i++) {
        e->given[i] = evaluate(e, i);
        differs = differs || !is_same_bits(e->given[i], e->bounds->data[e->members[i]]);
    }
    return differs && e->is_known;
}

static void describe(Arithmetic arithmetic, char *text)
{
    static const char *const orders[N_ORDERS] = {
        [ORDER_GIVEN] = "",
        [ORDER_REVERSED] = "adds up from the last to the first",
        [ORDER_PAIRWISE] = "adds up in pairs",
        [ORDER_4_LANES] = "adds up in four lanes",
        [ORDER_4_LANES_HALVES] = "adds up in four lanes",
        [ORDER_8_LANES] = "adds up in eight lanes",
        [ORDER_8_LANES_HALVES] = "adds up in eight lanes",
    };
    const char *parts[] = {
        orders[arithmetic.order],
        arithmetic.is_fused ? "fuses multiplications with additions (see -ffp-contract=off)" : "",
        arithmetic.divides ? "divides, rounded once" : "",
        arithmetic.short_powers ? "takes 1/sqrt(x), 1/x and x*x for pow" : "",
    };
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i][0] != '\0') {
            length += (size_t)snprintf(text + length, HYPOTHESIS_BYTES - length, "%s%s",
                                       length > 0 ? ", and " : "", parts[i]);
        }
    }
}

// Returns how many values must distinguish an arithmetic from the graph's own. There are many ways
// to compute a sum, and one of them may fit a few values by chance.
static size_t n_that_must_tell(Arithmetic arithmetic)
{
    return arithmetic.order != ORDER_GIVEN || arithmetic.is_fused ? 3 : 1;
}

// Tries all arithmetics with n_deviations deviations. Returns whether all that fit have the same
// text.
static bool try_deviations(Evaluation *e, int n_deviations, char *text)
{
    bool found = false;
    for (unsigned bits = 1; bits < 16; bits++) {
        if (__builtin_popcount(bits) != n_deviations) {
            continue;
        }
        bool any_order = (bits & 1) != 0;
        for (int order = any_order; order < (any_order ? N_ORDERS : 1); order++) {
            Arithmetic arithmetic = {(SumOrder)order, (bits & 2) != 0, (bits & 4) != 0,
                                     (bits & 8) != 0};
            size_t n_tell;
            if (!gives_all(e, arithmetic, &n_tell) || n_tell < n_that_must_tell(arithmetic)) {
                continue;
            }
            char fitting[HYPOTHESIS_BYTES];
            describe(arithmetic, fitting);
            if (found && strcmp(text, fitting) != 0) {
                text[0] = '\0';
                return false;
            }
            snprintf(text, HYPOTHESIS_BYTES, "%s", fitting);
            found = true;
        }
    }
    return found;
}

// Tries one deviation first, then two, then more.
static bool try_all(Evaluation *e, char *text)
{
    if (!compute_given(e)) {
        return false;
    }
    bool found = false;
    for (int n = 1; n <= 4 && !found; n++) {
        found = try_deviations(e, n, text);
    }
    return found;
}

static bool allocate(Evaluation *e, size_t n_nodes)
{
    e->cones = malloc(MAX_CONES * sizeof *e->cones);
    e->is_needed = calloc(n_nodes, sizeof *e->is_needed);
    e->wanted = calloc(n_nodes, sizeof *e->wanted);
    e->cone = malloc(n_nodes * sizeof *e->cone);
    e->values = malloc(n_nodes * sizeof *e->values);
    e->terms = malloc(MAX_TERMS * sizeof *e->terms);
    return e->cones != NULL && e->is_needed != NULL && e->wanted != NULL && e->cone != NULL &&
           e->values != NULL && e->terms != NULL;
}

bool arithmetic_find(const Judgement *judgement, uint32_t node_id, char *text, Error *error)
{
    const Bounds *b = &judgement->bounds;
    text[0] = '\0';
    bool is_question = judgement->has_bounds && judgement->diff->by_path &&
                       !is_unexplained(judgement, IN_DATA, node_id) && b->has_data[node_id];
    if (!is_question) {
        return true;
    }
    Evaluation e = {.bounds = b, .is_known = true};
    bool ok = allocate(&e, b->n_nodes);
    if (!ok) {
        error_out_of_memory(error, "the arithmetic of a port", b->n_nodes * sizeof(double));
    } else if (!list_members(&e, judgement, node_id) || !try_all(&e, text)) {
        text[0] = '\0';
    }
    free(e.cones);
    free(e.is_needed);
    free(e.wanted);
    free(e.cone);
    free(e.values);
    free(e.terms);
    return ok;
}
