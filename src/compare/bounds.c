// Computes the subject's operations with ranges: see bounds.h.
//
// Every bound holds for all roundings that a port may have: u is the unit roundoff of its
// precision.
//
//   one operation       |error| <= u * |result|, and a few u for a function of a library
//   a sum of n terms    |error| <= n * u * (|t1| + ... + |tn|), in every order, fused or not
//   a value in a dump   |error| <= u * |value|: the subject may compute with more digits than it
//   wrote
//
// The ends of ranges are rounded as well, in double precision: that is one more u at most.
#include "compare/bounds.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// How many units one rounded operation may be off; a port's library may round differently.
static const double OPERATION_UNITS = 2;
static const double FUNCTION_UNITS = 8;

// A port may compute the logarithm of a probability as a difference of logits, which is less exact
// than the logarithm if that is near 0.
static const double LOG_UNITS = 32;

// The mean of a vector may be near 0 because large elements cancel out.
static const double MEAN_UNITS = 64;

// A value is reported only if it exceeds its bound by this factor and by some units, because one
// port may round what another does not.
static const double MARGIN = 2;

// The largest magnitudes of the slope and the curvature of all smooth activations.
static const double MAX_SLOPE = 1.2;
static const double MAX_CURVATURE = 1;

// Returns how much rounding may change the sum of n terms; terms is the sum of their absolute
// values.
static double find_rounding(const Bounds *bounds, double terms, size_t n)
{
    return n > 1 ? (double)n * OPERATION_UNITS * bounds->unit * terms + bounds->tiny : 0;
}

static Range round_result(const Bounds *bounds, Range range, double units)
{
    return range_widen(range, units * bounds->unit * range_magnitude(range) + bounds->tiny);
}

bool bounds_explain(const Bounds *bounds, Range range, double value)
{
    if (!range_is_finite(range)) {
        return true;
    }
    double middle = range_middle(range);
    double few_units = FUNCTION_UNITS * bounds->unit * fabs(middle);
    double allowed = MARGIN * range_half_width(range) + few_units + bounds->tiny;
    return fabs(value - middle) <= allowed;
}

// Returns the range of a sum that the subject does not show, including the effect of its order.
static Range closed_data(const Bounds *bounds, uint32_t node_id)
{
    Range range = bounds->data_used[node_id];
    bool is_open = bounds->rules[node_id] == RULE_ADD && !bounds->has_data[node_id];
    return is_open ? range_widen(range, find_rounding(bounds, bounds->data_terms[node_id],
                                                      bounds->n_terms[node_id]))
                   : range;
}

static Range child_data(const Bounds *bounds, uint32_t node_id, uint32_t slot)
{
    return closed_data(bounds, bounds_child(bounds, node_id, slot));
}

// Adds one child to a sum. A child that is itself a sum, and that the subject does not show, may be
// part of the same sum: the effect of the order depends on all terms together.
static void add_term(const Bounds *bounds, uint32_t child, double factor, Range *sum, double *terms,
                     uint32_t *n_terms)
{
    *sum = range_add(*sum, range_scale(bounds->data_used[child], factor));
    *terms += fabs(factor) * bounds->data_terms[child];
    *n_terms += bounds->n_terms[child];
}

static Range compute_sum(Bounds *bounds, uint32_t node_id, double *terms, uint32_t *n_terms)
{
    Range sum = range_of(0);
    uint32_t first = bounds->dump->first_edge[node_id];
    for (uint32_t edge = first; edge < bounds->dump->first_edge[node_id + 1]; edge++) {
        add_term(bounds, bounds->children[edge], bounds->edge_factors[edge], &sum, terms, n_terms);
    }
    return sum;
}

// The subject's softmax subtracts its own largest input, whichever that is.
static Range compute_minus_max(const Bounds *bounds, uint32_t node_id)
{
    SoftmaxGroup group = bounds->softmaxes.groups[bounds->softmaxes.group_of[node_id]];
    Range largest = {-INFINITY, -INFINITY};
    for (uint32_t i = group.first; i < group.first + group.n; i++) {
        Range x = closed_data(bounds, bounds->softmaxes.inputs[i]);
        largest.lo = fmax(largest.lo, x.lo);
        largest.hi = fmax(largest.hi, x.hi);
    }
    return range_scale(largest, -1);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static bool is_smooth(Rule rule)
{
    return rule >= RULE_GELU && rule <= RULE_SIGMOID;
}

// Computes a smooth activation and its slope.
static double compute_smooth(Rule rule, double x, double *slope)
{
    // gelu by tanh is silu with 2 * z in place of x, whose slope is 2 * dz.
    double z = sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
    double dz = sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
    double steepness = rule == RULE_GELU_QUICK ? 1.702 : 1;
    double gate = sigmoid(rule == RULE_GELU_TANH ? 2 * z : steepness * x);
    double gate_slope = gate * (1 - gate) * (rule == RULE_GELU_TANH ? 2 * dz : steepness);
    switch (rule) {
    case RULE_TANH:
        *slope = 1 - tanh(x) * tanh(x);
        return tanh(x);
    case RULE_SIGMOID:
        *slope = gate_slope;
        return gate;
    case RULE_GELU:
        gate = 0.5 * (1 + erf(x * M_SQRT1_2));
        gate_slope = exp(-x * x / 2) / sqrt(2 * M_PI);
        break;
    default:
        break;
    }
    *slope = gate + x * gate_slope;
    return x * gate;
}

// Returns the range of a smooth activation.
static Range smooth_range(Rule rule, Range x)
{
    double slope;
    double half = range_half_width(x);
    return range_is_finite(x) ? range_widen(range_of(compute_smooth(rule, range_middle(x), &slope)),
                                            MAX_SLOPE * half)
                              : range_all();
}

// Returns the range of its slope. The terms of the slope may cancel out; they are about 1 at most.
static Range smooth_slope(const Bounds *bounds, Rule rule, Range x)
{
    double slope;
    if (!range_is_finite(x)) {
        return (Range){-0.2, MAX_SLOPE};
    }
    compute_smooth(rule, range_middle(x), &slope);
    return range_widen(range_of(slope),
                       MAX_CURVATURE * range_half_width(x) + FUNCTION_UNITS * bounds->unit);
}

static Range compute_relu(Range x)
{
    return (Range){fmax(x.lo, 0), fmax(x.hi, 0)};
}

static Range compute_activation(Rule rule, Range x)
{
    switch (rule) {
    case RULE_RELU:
        return compute_relu(x);
    case RULE_RELU_SQUARED:
        return range_square(compute_relu(x));
    case RULE_LEAKY_RELU:
        return range_between(x.lo > 0 ? x.lo : 0.01 * x.lo, x.hi > 0 ? x.hi : 0.01 * x.hi);
    default:
        return is_smooth(rule) ? smooth_range(rule, x) : x;
    }
}

static Range compute_root_plus(Range x, double constant)
{
    if (!(x.lo > 0)) {
        return range_all();
    }
    return range_between(1 / (sqrt(x.lo) + constant), 1 / (sqrt(x.hi) + constant));
}

// gcc 12 leaves out both conversions of two neighbouring doubles, unless the floats are stored.
static double to_single(double x)
{
    volatile float single = (float)x;
    return (double)single;
}

static Range round_to_single(Range x)
{
    return range_is_finite(x) ? (Range){to_single(x.lo), to_single(x.hi)} : range_all();
}

// Returns a factor of a product, with what a hypothesis changes about it.
static Range factor_of(const Bounds *bounds, uint32_t node_id, uint32_t slot)
{
    Range x = child_data(bounds, node_id, slot);
    if (bounds->rules[node_id] == RULE_MUL_SHIFTED && slot == 0) {
        return range_add(x, range_of(bounds->constants[node_id]));
    }
    return bounds->rules[node_id] == RULE_MUL_SQUARE && slot == 1 ? range_square(x) : x;
}

static Range compute_product(const Bounds *bounds, uint32_t node_id)
{
    bool is_square = bounds_child(bounds, node_id, 0) == bounds_child(bounds, node_id, 1);
    Range x = factor_of(bounds, node_id, 0);
    return is_square ? range_square(x) : range_mul(x, factor_of(bounds, node_id, 1));
}

// Computes a node's rule, rounded once.
static Range compute_rule(const Bounds *bounds, uint32_t node_id)
{
    double constant = bounds->constants[node_id];
    Rule rule = bounds->rules[node_id];
    switch (rule) {
    case RULE_LEAF:
        return range_widen(range_of(constant), bounds->unit * fabs(constant));
    case RULE_PARAM:
        return bounds->own_params ? range_all()
                                  : range_widen(range_of(constant), bounds->unit * fabs(constant));
    case RULE_MINUS_MAX:
        return compute_minus_max(bounds, node_id);
    case RULE_MUL:
    case RULE_MUL_SQUARE:
        return round_result(bounds, compute_product(bounds, node_id), OPERATION_UNITS);
    case RULE_MUL_SHIFTED: // by the mean of numbers whose products are about 1
        return range_widen(compute_product(bounds, node_id), MEAN_UNITS * bounds->unit);
    case RULE_DIV:
        return round_result(bounds,
                            range_mul(child_data(bounds, node_id, 0),
                                      range_pow(child_data(bounds, node_id, 1), -1)),
                            FUNCTION_UNITS);
    case RULE_POW:
        return round_result(bounds, range_pow(child_data(bounds, node_id, 0), constant),
                            FUNCTION_UNITS);
    case RULE_LOG:
        return range_widen(
            round_result(bounds, range_log(child_data(bounds, node_id, 0)), FUNCTION_UNITS),
            LOG_UNITS * bounds->unit);
    case RULE_EXP:
        return round_result(bounds, range_exp(child_data(bounds, node_id, 0)), FUNCTION_UNITS);
    case RULE_RELU:
    case RULE_IDENTITY:
        return compute_activation(rule, child_data(bounds, node_id, 0));
    case RULE_RELU_SQUARED:
    case RULE_LEAKY_RELU:
    case RULE_GELU:
    case RULE_GELU_TANH:
    case RULE_GELU_QUICK:
    case RULE_SILU:
    case RULE_TANH:
    case RULE_SIGMOID:
        return round_result(bounds, compute_activation(rule, child_data(bounds, node_id, 0)),
                            FUNCTION_UNITS);
    case RULE_ROOT_PLUS:
        return round_result(bounds, compute_root_plus(child_data(bounds, node_id, 0), constant),
                            FUNCTION_UNITS);
    default:
        return range_all();
    }
}

// Returns the range of a value that the subject shows; it may have computed with a few more digits
// than it wrote.
static Range shown(const Bounds *bounds, double value)
{
    return range_widen(range_of(value), bounds->unit * fabs(value));
}

void bounds_compute_data(Bounds *bounds, uint32_t node_id)
{
    double terms = 0;
    uint32_t n_terms = 0;
    bool is_sum = bounds->rules[node_id] == RULE_ADD;
    Range bound =
        is_sum ? compute_sum(bounds, node_id, &terms, &n_terms) : compute_rule(bounds, node_id);
    double factor = bounds->factors[node_id];
    if (factor != 1) {
        bound = round_result(bounds, range_scale(bound, factor), OPERATION_UNITS);
        terms *= fabs(factor);
    }
    bool is_open = is_sum && !bounds->has_data[node_id];
    bounds->data_used[node_id] =
        bounds->has_data[node_id] ? shown(bounds, bounds->data[node_id]) : bound;
    if (bounds->rules[node_id] != RULE_PARAM || !bounds->has_data[node_id]) {
        bounds->data_bound[node_id] =
            is_sum ? range_widen(bound, find_rounding(bounds, terms, n_terms)) : bound;
    }
    double magnitude = range_magnitude(bounds->data_used[node_id]);
    bounds->data_terms[node_id] = is_open ? terms : magnitude;
    bounds->n_terms[node_id] = is_open ? n_terms : (magnitude != 0 ? 1 : 0);
    if (bounds->is_single[node_id]) {
        bounds->data_bound[node_id] = round_to_single(bounds->data_bound[node_id]);
    }
    if (bounds->is_odd[node_id]) {
        bounds->data_bound[node_id] = range_all();
    }
}

void bounds_compute_all_data(Bounds *bounds)
{
    for (uint32_t node_id = 0; node_id < bounds->n_nodes; node_id++) {
        bounds_compute_data(bounds, node_id);
    }
}

// A cone while it is being found; the nodes in it are marked as wanted.
typedef struct Cone {
    bool *wanted;
    uint32_t *nodes;
    size_t n;
} Cone;

static void want(Cone *cone, uint32_t node_id)
{
    if (!cone->wanted[node_id]) {
        cone->wanted[node_id] = true;
        cone->nodes[cone->n++] = node_id;
    }
}

static void want_data(const Bounds *bounds, Cone *cone, uint32_t node_id)
{
    if (!bounds->has_data[node_id]) {
        want(cone, node_id);
    }
}

// The inputs of softmax's constant are not its children in the graph.
static void want_inputs(const Bounds *bounds, Cone *cone, uint32_t node_id)
{
    for (uint32_t slot = 0; slot < bounds_n_children(bounds, node_id); slot++) {
        want_data(bounds, cone, bounds_child(bounds, node_id, slot));
    }
    if (bounds->rules[node_id] != RULE_MINUS_MAX) {
        return;
    }
    SoftmaxGroup group = bounds->softmaxes.groups[bounds->softmaxes.group_of[node_id]];
    for (uint32_t i = group.first; i < group.first + group.n; i++) {
        want_data(bounds, cone, bounds->softmaxes.inputs[i]);
    }
}

static void want_parents(const Bounds *bounds, Cone *cone, uint32_t node_id)
{
    const GraphOrder *order = &bounds->order;
    for (uint32_t use = order->first_use[node_id]; use < order->first_use[node_id + 1]; use++) {
        uint32_t parent = order->use_parent[use];
        if (order->is_reachable[parent] && !bounds->has_grad[parent]) {
            want(cone, parent);
        }
    }
}

// Begins with the targets, and appends what each node of the cone is computed from. A hypothesis
// may have moved children to any nodes, even to later ones, so the order of the nodes says nothing.
static void fill_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                      void (*want_more)(const Bounds *bounds, Cone *cone, uint32_t node_id),
                      Cone *cone)
{
    for (size_t i = 0; i < n_targets; i++) {
        want(cone, targets[i]);
    }
    for (size_t i = 0; i < cone->n; i++) {
        want_more(bounds, cone, cone->nodes[i]);
    }
}

size_t bounds_find_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                        bool *wanted, uint32_t *nodes)
{
    Cone cone = {wanted, nodes, 0};
    fill_cone(bounds, targets, n_targets, want_inputs, &cone);
    uint32_t top = 0;
    for (size_t i = 0; i < cone.n; i++) {
        top = nodes[i] > top ? nodes[i] : top;
    }
    size_t n_left = cone.n;
    for (uint32_t i = top + 1; n_left > 0 && i-- > 0;) {
        if (wanted[i]) {
            nodes[--n_left] = i;
            wanted[i] = false;
        }
    }
    return cone.n;
}

size_t bounds_find_grad_cone(const Bounds *bounds, const uint32_t *targets, size_t n_targets,
                             bool *wanted, uint32_t *nodes)
{
    Cone cone = {wanted, nodes, 0};
    fill_cone(bounds, targets, n_targets, want_parents, &cone);
    size_t n_left = cone.n;
    for (size_t i = bounds->n_nodes; n_left > 0 && i-- > 0;) {
        uint32_t node_id = bounds->order.backward[i];
        if (wanted[node_id]) {
            nodes[--n_left] = node_id;
            wanted[node_id] = false;
        }
    }
    return cone.n;
}

// Returns the slope of an activation. If the input may be on both sides of 0, so may the slope.
static Range activation_slope(const Bounds *bounds, Rule rule, Range x)
{
    Range step = {x.lo > 0 ? 1 : 0, x.hi > 0 ? 1 : 0};
    switch (rule) {
    case RULE_RELU:
        return step;
    case RULE_RELU_SQUARED:
        return range_scale(compute_relu(x), 2);
    case RULE_LEAKY_RELU:
        return (Range){x.lo > 0 ? 1 : 0.01, x.hi > 0 ? 1 : 0.01};
    case RULE_IDENTITY:
        return range_of(1);
    default:
        return smooth_slope(bounds, rule, x);
    }
}

// Returns d(base ** exponent) / d(base).
static Range power_slope(const Bounds *bounds, uint32_t node_id)
{
    double exponent = bounds->constants[node_id];
    Range x = child_data(bounds, node_id, 0);
    return range_scale(range_pow(x, exponent - 1), exponent);
}

// Returns the slope of the rule, without factors.
static Range rule_slope(const Bounds *bounds, uint32_t parent, uint32_t slot)
{
    Rule rule = bounds->rules[parent];
    if (rule == RULE_IDENTITY && slot > 0) {
        return range_of(0);
    }
    switch (rule) {
    case RULE_ADD:
        return range_of(bounds->edge_factors[bounds->dump->first_edge[parent] + slot]);
    case RULE_MUL:
    case RULE_MUL_SHIFTED:
        return factor_of(bounds, parent, 1 - slot);
    case RULE_MUL_SQUARE:
        return slot == 0 ? factor_of(bounds, parent, 1)
                         : range_scale(range_mul(child_data(bounds, parent, 0),
                                                 child_data(bounds, parent, 1)),
                                       2);
    case RULE_DIV: {
        Range inverse = range_pow(child_data(bounds, parent, 1), -1);
        Range falling = range_scale(range_mul(inverse, inverse), -1);
        return slot == 0 ? inverse : range_mul(child_data(bounds, parent, 0), falling);
    }
    case RULE_POW:
        return power_slope(bounds, parent);
    case RULE_LOG:
        return range_pow(child_data(bounds, parent, 0), -1);
    case RULE_EXP:
        return closed_data(bounds, parent);
    case RULE_UNKNOWN:
    case RULE_ROOT_PLUS:
        return range_all();
    default:
        return activation_slope(bounds, rule, child_data(bounds, parent, 0));
    }
}

Range bounds_worked_out_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge)
{
    if (bounds->is_odd[parent]) {
        return range_all();
    }
    Rule rule = bounds->rules[parent];
    Range slope = rule_slope(bounds, parent, edge - bounds->dump->first_edge[parent]);
    if (bounds->factors[parent] != 1 && rule != RULE_EXP) {
        slope = range_scale(slope, bounds->factors[parent]);
    }
    bool is_exact = rule == RULE_ADD || rule == RULE_MUL || rule == RULE_RELU;
    return is_exact ? slope : round_result(bounds, slope, FUNCTION_UNITS);
}

Range bounds_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge)
{
    double known = bounds->local_grads[edge];
    return isnan(known) ? bounds_worked_out_local_grad(bounds, parent, edge) : shown(bounds, known);
}

// The local gradient with the factor that was found for the edge.
static Range passed_local_grad(const Bounds *bounds, uint32_t parent, uint32_t edge)
{
    Range local_grad = bounds_local_grad(bounds, parent, edge);
    double factor = bounds->grad_factors[edge];
    return factor == 1 ? local_grad : range_scale(local_grad, factor);
}

Range bounds_contribution(const Bounds *bounds, uint32_t parent, uint32_t edge)
{
    return range_mul(passed_local_grad(bounds, parent, edge), bounds->grad_used[parent]);
}

// Returns the other term of a sum of two if one is the constant 0 or left out, or what a node is
// identical to.
static uint32_t only_term(const Bounds *bounds, uint32_t node_id)
{
    if (bounds->rules[node_id] == RULE_IDENTITY) {
        return bounds_child(bounds, node_id, 0);
    }
    if (bounds->rules[node_id] != RULE_ADD || bounds_n_children(bounds, node_id) != 2) {
        return NO_NODE;
    }
    for (uint32_t slot = 0; slot < 2; slot++) {
        uint32_t other = bounds_child(bounds, node_id, 1 - slot);
        bool is_zero = bounds->rules[other] == RULE_LEAF && bounds->constants[other] == 0;
        double factor = bounds->edge_factors[bounds->dump->first_edge[node_id] + 1 - slot];
        if (is_zero || factor == 0) {
            return bounds_child(bounds, node_id, slot);
        }
    }
    return NO_NODE;
}

uint32_t bounds_same_as(const Bounds *bounds, uint32_t node_id)
{
    uint32_t same = node_id;
    uint32_t term = only_term(bounds, same);
    while (term < same) { // children that a hypothesis moved to later nodes may form a circle
        same = term;
        term = only_term(bounds, same);
    }
    return same == node_id ? NO_NODE : same;
}

// Returns whether the subject may have one value for x and x + 0. Then the gradient of this value
// is that of both together, and not only the part that passes through x + 0.
static bool is_merged(const Bounds *bounds, uint32_t node_id)
{
    return bounds_same_as(bounds, node_id) != NO_NODE &&
           !bounds_explain(bounds, bounds->grad_bound[node_id], bounds->grad[node_id]);
}

void bounds_compute_grad(Bounds *bounds, uint32_t node_id)
{
    const GraphOrder *order = &bounds->order;
    bool is_root = node_id == bounds->n_nodes - 1;
    Range sum = range_of(is_root ? 1 : 0);
    double terms = 0;
    size_t n = 0;
    for (uint32_t use = order->first_use[node_id]; use < order->first_use[node_id + 1]; use++) {
        uint32_t parent = order->use_parent[use];
        if (!order->is_reachable[parent]) {
            continue;
        }
        Range local_grad = passed_local_grad(bounds, parent, order->use_edge[use]);
        sum = range_add(sum, range_mul(local_grad, bounds->grad_used[parent]));
        double size = range_magnitude(local_grad);
        terms += size == 0 ? 0 : size * bounds->grad_terms[parent];
        n++;
    }
    // Each product and each sum is rounded once; a sum passes gradients on unchanged.
    bounds->grad_bound[node_id] = range_widen(sum, n > 0 ? find_rounding(bounds, terms, n + 1) : 0);
    bool is_shown = bounds->has_grad[node_id] && !is_merged(bounds, node_id);
    bounds->grad_used[node_id] =
        is_shown ? shown(bounds, bounds->grad[node_id]) : bounds->grad_bound[node_id];
    double magnitude = range_magnitude(bounds->grad_used[node_id]);
    bounds->grad_terms[node_id] = is_shown || n == 0 ? magnitude : fmax(terms, magnitude);
}

void bounds_compute_all_grads(Bounds *bounds)
{
    for (size_t i = 0; i < bounds->n_nodes; i++) {
        bounds_compute_grad(bounds, bounds->order.backward[i]);
    }
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

// Finds a power's exponent, which is not in the dump, from its local gradient c * x**(c-1), if it
// is a multiple of 1/2.
static bool find_exponent(double x, double data, double local_grad, double *exponent)
{
    double guess = local_grad * x / data;
    *exponent = nearbyint(2 * guess) / 2;
    return fabs(guess - *exponent) < 1e-6;
}

static Rule name_rule(const char *op)
{
    static const struct {
        const char *op;
        Rule rule;
    } known[] = {
        {"add", RULE_ADD}, {"mul", RULE_MUL}, {"pow", RULE_POW},
        {"log", RULE_LOG}, {"exp", RULE_EXP}, {"relu", RULE_RELU},
    };
    for (size_t i = 0; op != NULL && i < sizeof known / sizeof *known; i++) {
        if (strcmp(op, known[i].op) == 0) {
            return known[i].rule;
        }
    }
    return RULE_UNKNOWN;
}

// Finds the operation of a node with one child from its numbers.
static Rule guess_function(double x, double data, double local_grad)
{
    double exponent;
    if (local_grad == (x > 0 ? 1 : 0) && data == (x > 0 ? x : 0)) {
        return RULE_RELU;
    }
    if (local_grad == data && is_near(exp(x), data)) {
        return RULE_EXP;
    }
    if (x > 0 && is_near(local_grad, 1 / x) && is_near(log(x), data)) {
        return RULE_LOG;
    }
    bool is_power =
        find_exponent(x, data, local_grad, &exponent) && is_near(pow(x, exponent), data);
    return is_power ? RULE_POW : RULE_UNKNOWN;
}

static Rule guess_of_two(double x, double y, double data, const double *local_grads)
{
    if (local_grads[0] == y && local_grads[1] == x && is_near(x * y, data)) {
        return RULE_MUL;
    }
    bool is_quotient = is_near(local_grads[0], 1 / y) && is_near(data, x / y);
    return is_quotient && is_near(local_grads[1], -x / (y * y)) ? RULE_DIV : RULE_UNKNOWN;
}

// Returns whether a node adds or subtracts its children; the factors are then 1 and -1.
static bool is_sum_of_children(Bounds *bounds, uint32_t node_id)
{
    const NodeDump *dump = bounds->dump;
    double sum = 0;
    double terms = 0;
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        if (fabs(dump->local_grads[edge]) != 1) {
            return false;
        }
        sum += dump->local_grads[edge] * dump->data[dump->children[edge]];
        terms += fabs(dump->data[dump->children[edge]]);
    }
    return fabs(sum - dump->data[node_id]) <= 1e-6 * terms;
}

static void take_sum(Bounds *bounds, uint32_t node_id)
{
    const NodeDump *dump = bounds->dump;
    bounds->rules[node_id] = RULE_ADD;
    for (uint32_t edge = dump->first_edge[node_id]; edge < dump->first_edge[node_id + 1]; edge++) {
        bounds->edge_factors[edge] = dump->local_grads[edge];
    }
}

// Finds an operation from its numbers, if it has no name, or one that only the port uses.
static Rule guess_rule(Bounds *bounds, uint32_t node_id)
{
    const NodeDump *dump = bounds->dump;
    const double *local_grads = dump->local_grads + dump->first_edge[node_id];
    uint32_t n = bounds_n_children(bounds, node_id);
    double x = dump->data[bounds_child(bounds, node_id, 0)];
    if (n == 1) {
        Rule rule = guess_function(x, dump->data[node_id], local_grads[0]);
        return rule == RULE_UNKNOWN && is_sum_of_children(bounds, node_id) ? RULE_ADD : rule;
    }
    if (is_sum_of_children(bounds, node_id)) {
        return RULE_ADD;
    }
    return n == 2 ? guess_of_two(x, dump->data[bounds_child(bounds, node_id, 1)],
                                 dump->data[node_id], local_grads)
                  : RULE_UNKNOWN;
}

static bool has_right_number_of_children(const Bounds *bounds, uint32_t node_id, Rule rule)
{
    uint32_t n = bounds_n_children(bounds, node_id);
    return rule == RULE_ADD || n == (rule == RULE_MUL ? 2 : 1);
}

static void find_rule(Bounds *bounds, uint32_t node_id)
{
    const NodeDump *dump = bounds->dump;
    if (bounds_n_children(bounds, node_id) == 0) {
        bounds->rules[node_id] = RULE_LEAF;
        bounds->constants[node_id] = dump->data[node_id];
        return;
    }
    Rule rule = name_rule(dump_op(dump, node_id));
    if (rule == RULE_UNKNOWN) {
        rule = guess_rule(bounds, node_id);
        if (rule == RULE_ADD) {
            take_sum(bounds, node_id);
            return;
        }
    } else if (!has_right_number_of_children(bounds, node_id, rule)) {
        rule = RULE_UNKNOWN;
    }
    bounds->rules[node_id] = rule;
    if (rule == RULE_POW &&
        !find_exponent(dump->data[bounds_child(bounds, node_id, 0)], dump->data[node_id],
                       dump->local_grads[dump->first_edge[node_id]], &bounds->constants[node_id])) {
        bounds->rules[node_id] = RULE_UNKNOWN;
    }
}

static void find_rules(Bounds *bounds)
{
    size_t n_params = dump_n_leading_leaves(bounds->dump);
    for (uint32_t i = 0; i < bounds->n_nodes; i++) {
        bounds->factors[i] = 1;
        bounds->data[i] = NAN;
    }
    for (uint32_t edge = 0; edge < bounds->dump->first_edge[bounds->n_nodes]; edge++) {
        bounds->edge_factors[edge] = 1;
        bounds->grad_factors[edge] = 1;
        bounds->children[edge] = bounds->dump->children[edge];
        bounds->local_grads[edge] = NAN;
    }
    for (uint32_t i = 0; i < bounds->n_nodes; i++) {
        find_rule(bounds, i);
        if (i < n_params) {
            bounds->rules[i] = RULE_PARAM;
        }
    }
    for (uint32_t i = 0; i < bounds->n_nodes; i++) {
        if (bounds->softmaxes.group_of[i] != NO_NODE) {
            bounds->rules[i] = RULE_MINUS_MAX;
        }
    }
}

// Allocates n items; sets *ok to false if memory runs out.
static void *get(size_t n, size_t item_size, bool *ok)
{
    void *items = calloc(n + 1, item_size);
    *ok = *ok && items != NULL;
    return items;
}

static bool allocate(Bounds *bounds, size_t n, size_t n_edges)
{
    bool ok = true;
    bounds->rules = get(n, sizeof *bounds->rules, &ok);
    bounds->constants = get(n, sizeof *bounds->constants, &ok);
    bounds->factors = get(n, sizeof *bounds->factors, &ok);
    bounds->children = get(n_edges, sizeof *bounds->children, &ok);
    bounds->edge_factors = get(n_edges, sizeof *bounds->edge_factors, &ok);
    bounds->grad_factors = get(n_edges, sizeof *bounds->grad_factors, &ok);
    bounds->local_grads = get(n_edges, sizeof *bounds->local_grads, &ok);
    bounds->is_single = get(n, sizeof *bounds->is_single, &ok);
    bounds->is_odd = get(n, sizeof *bounds->is_odd, &ok);
    bounds->data = get(n, sizeof *bounds->data, &ok);
    bounds->grad = get(n, sizeof *bounds->grad, &ok);
    bounds->has_data = get(n, sizeof *bounds->has_data, &ok);
    bounds->has_grad = get(n, sizeof *bounds->has_grad, &ok);
    bounds->data_bound = get(n, sizeof *bounds->data_bound, &ok);
    bounds->data_used = get(n, sizeof *bounds->data_used, &ok);
    bounds->data_terms = get(n, sizeof *bounds->data_terms, &ok);
    bounds->n_terms = get(n, sizeof *bounds->n_terms, &ok);
    bounds->grad_bound = get(n, sizeof *bounds->grad_bound, &ok);
    bounds->grad_used = get(n, sizeof *bounds->grad_used, &ok);
    bounds->grad_terms = get(n, sizeof *bounds->grad_terms, &ok);
    return ok;
}

bool bounds_init(Bounds *bounds, const NodeDump *dump, Error *error)
{
    assert(bounds != NULL && dump != NULL && error != NULL && !dump->is_sparse);
    size_t n_edges = dump->first_edge[dump->n_nodes];
    *bounds = (Bounds){
        .dump = dump,
        .n_nodes = dump->n_nodes,
        .unit = DBL_EPSILON / 2,
        .tiny = DBL_MIN,
    };
    if (!allocate(bounds, dump->n_nodes, n_edges)) {
        bounds_free(bounds);
        return error_out_of_memory(error, "the bounds of all nodes",
                                   dump->n_nodes * 3 * sizeof(Range));
    }
    if (!softmax_groups_init(&bounds->softmaxes, dump, error)) {
        bounds_free(bounds);
        return false;
    }
    find_rules(bounds);
    if (!bounds_reorder(bounds, error)) {
        bounds_free(bounds);
        return false;
    }
    return true;
}

bool bounds_reorder(Bounds *bounds, Error *error)
{
    graph_order_free(&bounds->order);
    return graph_order_init(&bounds->order, bounds->n_nodes, bounds->dump->first_edge,
                            bounds->children, error);
}

void bounds_free(Bounds *bounds)
{
    assert(bounds != NULL);
    graph_order_free(&bounds->order);
    free(bounds->rules);
    free(bounds->constants);
    free(bounds->factors);
    free(bounds->children);
    free(bounds->edge_factors);
    free(bounds->grad_factors);
    free(bounds->local_grads);
    free(bounds->is_single);
    free(bounds->is_odd);
    free(bounds->data);
    free(bounds->grad);
    free(bounds->has_data);
    free(bounds->has_grad);
    free(bounds->data_bound);
    free(bounds->data_used);
    free(bounds->data_terms);
    free(bounds->n_terms);
    free(bounds->grad_bound);
    free(bounds->grad_used);
    free(bounds->grad_terms);
    softmax_groups_free(&bounds->softmaxes);
    *bounds = (Bounds){0};
}
