// THE Value class: the operators, each of which makes one node of the graph.
//
// Implements `class Value` of microgpt.py up to its backward(), which is in backward.c. Each
// operator computes its data, then its local gradients, then makes the node. An operator that
// Python composes of others is composed of the same ones here, in the same order. The contracts are
// in microgpt/value.h.
#include "microgpt/value.h"

#include <assert.h>
#include <math.h>

#include "autograd/graph.h"
#include "base/exact.h"

// Every operator makes its node here. A missing child is NULL, and its local gradient is 0.
static Value *make_node(Graph *g, ValueOp op, double data, Value *a, Value *b,
                        const double local_grads[2])
{
    assert((a == NULL || a->graph_id == g->id) && (b == NULL || b->graph_id == g->id));
    Value *v = graph_new_node(g);
    *v = (Value){
        .data = data,
        .children = {a, b},
        .local_grads = {local_grads[0], local_grads[1]},
        .op = op,
        .n_children = (uint8_t)((a != NULL) + (b != NULL)),
        .graph_id = g->id,
    };
    return v;
}

Value *value_leaf(Graph *g, double data)
{
    double local_grads[2] = {0, 0};
    return make_node(g, OP_LEAF, data, NULL, NULL, local_grads);
}

Value *value_add(Graph *g, Value *a, Value *b)
{
    double data = a->data + b->data;
    double local_grads[2] = {1, 1};
    return make_node(g, OP_ADD, data, a, b, local_grads);
}

Value *value_mul(Graph *g, Value *a, Value *b)
{
    double data = a->data * b->data;
    double local_grads[2] = {b->data, a->data};
    return make_node(g, OP_MUL, data, a, b, local_grads);
}

Value *value_pow(Graph *g, Value *a, double exponent)
{
    double data = pow(a->data, exponent);
    double local_grads[2] = {exponent * pow(a->data, exponent - 1), 0};
    return make_node(g, OP_POW, data, a, NULL, local_grads);
}

Value *value_log(Graph *g, Value *a)
{
    double data = log(a->data);
    double local_grads[2] = {1 / a->data, 0};
    return make_node(g, OP_LOG, data, a, NULL, local_grads);
}

Value *value_exp(Graph *g, Value *a)
{
    double data = exp(a->data);
    double local_grads[2] = {data, 0};
    return make_node(g, OP_EXP, data, a, NULL, local_grads);
}

Value *value_relu(Graph *g, Value *a)
{
    double data = a->data > 0 ? a->data : 0.0; // Python's max(0, a): -0.0 and nan become 0.0
    double local_grads[2] = {a->data > 0 ? 1.0 : 0.0, 0};
    return make_node(g, OP_RELU, data, a, NULL, local_grads);
}

Value *value_neg(Graph *g, Value *a)
{
    return value_mul_number(g, a, -1);
}

Value *value_sub(Graph *g, Value *a, Value *b)
{
    return value_add(g, a, value_neg(g, b));
}

Value *value_div(Graph *g, Value *a, Value *b)
{
    return value_mul(g, a, value_pow(g, b, -1));
}

Value *value_add_number(Graph *g, Value *a, double c)
{
    return value_add(g, a, value_leaf(g, c));
}

Value *value_mul_number(Graph *g, Value *a, double c)
{
    return value_mul(g, a, value_leaf(g, c));
}

Value *value_sub_number(Graph *g, Value *a, double c)
{
    return value_add_number(g, a, -c);
}

Value *value_div_number(Graph *g, Value *a, double c)
{
    return value_mul_number(g, a, pow(c, -1));
}

Value *value_rsub_number(Graph *g, Value *a, double c)
{
    return value_add_number(g, value_neg(g, a), c);
}

Value *value_rdiv_number(Graph *g, Value *a, double c)
{
    return value_mul_number(g, value_pow(g, a, -1), c);
}

Value *value_sum(Graph *g, Value *const *a, size_t n)
{
    assert(n >= 1);
    Value *total = value_add_number(g, a[0], 0);
    for (size_t i = 1; i < n; i++) {
        total = value_add(g, total, a[i]);
    }
    return total;
}

Value *value_dot(Graph *g, Value *const *a, Value *const *b, size_t n)
{
    assert(n >= 1);
    Value *product = value_mul(g, a[0], b[0]);
    Value *total = value_add_number(g, product, 0);
    for (size_t i = 1; i < n; i++) {
        product = value_mul(g, a[i], b[i]);
        total = value_add(g, total, product);
    }
    return total;
}
