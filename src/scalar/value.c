// THE Value class: its operators, and backward.
//
// Carries `class Value` of microgpt.py. scalar_nn.c builds its layers from these operators, and
// scalar_gpt.c the model. See include/microgpt/value.h for what each function promises.
#include "microgpt/value.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/count.h"
#include "base/exact.h"

enum {
    CHUNK_NODES = 8192,  // nodes in the arena's first chunk, some 450 KB
    FIRST_SCOPES = 1024, // how many scopes to make room for at first
};

// What Value.cursor says while graph_build_topo() walks.
enum {
    NOT_SEEN,
    IN_FIRST_CHILD,
    IN_SECOND_CHILD,
    ENDS_DOT, // done, the last of a dot product whose nodes all stand just before it in topo
};

// How far ahead of the walk to fetch nodes: it goes through memory nearly in order, but by jumps of
// a dot product's length, which the processor does not foresee.
enum {
    PREFETCH_NODES = 64,
};

// How many nodes backward takes in one stretch.
enum {
    STRETCH_NODES = 256,
};

void graph_init(Graph *g)
{
    assert(g != NULL);
    *g = (Graph){.no_memory.data = NAN, .part = NO_SCOPE};
    arena_init(&g->arena, CHUNK_NODES * sizeof(Value));
}

void graph_free(Graph *g)
{
    assert(g != NULL);
    arena_free(&g->arena);
    free(g->topo);
    free(g->scopes);
    graph_init(g);
}

size_t graph_n_nodes(const Graph *g)
{
    return arena_used(&g->arena) / sizeof(Value);
}

size_t graph_peak_bytes(const Graph *g)
{
    return arena_peak(&g->arena) + g->topo_capacity * sizeof(Value *) +
           g->scopes_capacity * sizeof(Scope);
}

// How many pointers the order of n nodes has room for, how many scopes when n are full.
static size_t next_topo_capacity(size_t n)
{
    return count_add(n, n / 2);
}

static size_t next_scopes_capacity(size_t n)
{
    return count_add(count_mul(2, n), FIRST_SCOPES);
}

size_t graph_count_bytes(size_t n_nodes, size_t n_scopes)
{
    size_t nodes = count_mul(n_nodes, sizeof(Value));
    size_t topo = count_mul(next_topo_capacity(n_nodes), sizeof(Value *));
    size_t scopes = count_mul(next_scopes_capacity(n_scopes), sizeof(Scope));
    return count_add(nodes, count_add(topo, scopes));
}

GraphMark graph_mark(const Graph *g)
{
    return (GraphMark){arena_mark(&g->arena), g->n_scopes, g->part};
}

void graph_reset(Graph *g, GraphMark mark)
{
    arena_reset(&g->arena, mark.nodes);
    g->n_topo = 0; // it may have nodes that are gone
    g->n_scopes = mark.n_scopes;
    g->part = mark.part;
    g->out_of_memory = false;
}

size_t graph_node_id(const Graph *g, const Value *v)
{
    const char *place = (const char *)v;
    for (const ArenaChunk *chunk = g->arena.first; chunk != NULL; chunk = chunk->next) {
        bool is_current = chunk == g->arena.current;
        size_t used = is_current ? arena_used(&g->arena) - chunk->before
                                 : (chunk->next != NULL ? chunk->next->before - chunk->before : 0);
        if (place >= chunk->memory && place < chunk->memory + used) {
            return (chunk->before + (size_t)(place - chunk->memory)) / sizeof(Value);
        }
        if (is_current) {
            break;
        }
    }
    return SIZE_MAX;
}

Value *graph_node(const Graph *g, size_t node_id)
{
    assert(node_id < graph_n_nodes(g));
    size_t place = node_id * sizeof(Value);
    const ArenaChunk *chunk = g->arena.first;
    while (chunk != g->arena.current && chunk->next->before <= place) {
        chunk = chunk->next;
    }
    return (Value *)(void *)(chunk->memory + (place - chunk->before));
}

static void add_scope(Graph *g, Scope scope)
{
    if (g->n_scopes == g->scopes_capacity) {
        size_t capacity = next_scopes_capacity(g->scopes_capacity);
        Scope *scopes = realloc(g->scopes, capacity * sizeof *scopes);
        if (scopes == NULL) {
            g->out_of_memory = true;
            return;
        }
        g->scopes = scopes;
        g->scopes_capacity = capacity;
    }
    scope.first_node = graph_n_nodes(g);
    g->scopes[g->n_scopes] = scope;
    g->n_scopes++;
}

void graph_enter(Graph *g, const char *part, int32_t index)
{
    assert(part != NULL && g->n_scopes < NO_SCOPE);
    uint32_t id = (uint32_t)g->n_scopes;
    add_scope(g, (Scope){.name = part, .index = index, .parent = g->part, .is_part = true});
    g->part = g->out_of_memory ? g->part : id;
}

void graph_leave(Graph *g)
{
    if (g->out_of_memory) {
        return;
    }
    assert(g->part != NO_SCOPE);
    g->part = g->scopes[g->part].parent;
    // What comes now, without a name of its own, belongs to the part around.
    Scope around = {.name = "", .index = -1, .parent = NO_SCOPE, .is_part = true};
    add_scope(g, g->part != NO_SCOPE ? g->scopes[g->part] : around);
}

void graph_name(Graph *g, const char *name, int32_t index)
{
    assert(name != NULL);
    add_scope(g, (Scope){.name = name, .index = index, .parent = g->part});
}

void graph_name_matrix(Graph *g, const char *name, uint32_t n_columns)
{
    assert(name != NULL && n_columns > 0);
    add_scope(g, (Scope){.name = name, .index = -1, .parent = g->part, .n_columns = n_columns});
}

static void set_leaf(Value *out, double data)
{
    *out = (Value){.data = data, .op = OP_LEAF};
}

static void set_unary(Value *out, ValueOp op, double data, Value *a, double local_grad)
{
    *out = (Value){
        .data = data,
        .children = {a, NULL},
        .local_grads = {local_grad, 0},
        .op = op,
        .n_children = 1,
    };
}

static void set_binary(Value *out, ValueOp op, double data, Value *a, Value *b, double local_grad_a,
                       double local_grad_b)
{
    *out = (Value){
        .data = data,
        .children = {a, b},
        .local_grads = {local_grad_a, local_grad_b},
        .op = op,
        .n_children = 2,
    };
}

static void set_add(Value *out, Value *a, Value *b)
{
    double data = a->data + b->data;
    set_binary(out, OP_ADD, data, a, b, 1, 1);
}

static void set_mul(Value *out, Value *a, Value *b)
{
    double data = a->data * b->data;
    set_binary(out, OP_MUL, data, a, b, b->data, a->data);
}

// Room for n nodes next to each other, or NULL. The fast path of every operator.
static Value *new_nodes(Graph *g, size_t n)
{
    Value *nodes = arena_alloc(&g->arena, n, sizeof(Value));
    if (nodes == NULL) {
        g->out_of_memory = true;
    }
    return nodes;
}

static Value *new_node(Graph *g)
{
    Arena *arena = &g->arena;
    if ((size_t)(arena->end - arena->next) >= sizeof(Value)) {
        Value *node = (Value *)(void *)arena->next;
        arena->next += sizeof(Value);
        return node;
    }
    Value *node = new_nodes(g, 1);
    return node != NULL ? node : &g->no_memory;
}

Value *value_leaf(Graph *g, double data)
{
    Value *out = new_node(g);
    set_leaf(out, data);
    return out;
}

Value *graph_leaves(Graph *g, const double *data, size_t n)
{
    Value *leaves = new_nodes(g, n);
    for (size_t i = 0; leaves != NULL && i < n; i++) {
        set_leaf(&leaves[i], data[i]);
    }
    return leaves;
}

Value *value_add(Graph *g, Value *a, Value *b)
{
    Value *out = new_node(g);
    set_add(out, a, b);
    return out;
}

Value *value_mul(Graph *g, Value *a, Value *b)
{
    Value *out = new_node(g);
    set_mul(out, a, b);
    return out;
}

Value *value_pow(Graph *g, Value *a, double exponent)
{
    double data = pow(a->data, exponent);
    double local_grad = exponent * pow(a->data, exponent - 1);
    Value *out = new_node(g);
    set_unary(out, OP_POW, data, a, local_grad);
    return out;
}

Value *value_log(Graph *g, Value *a)
{
    Value *out = new_node(g);
    set_unary(out, OP_LOG, log(a->data), a, 1 / a->data);
    return out;
}

Value *value_exp(Graph *g, Value *a)
{
    double data = exp(a->data);
    Value *out = new_node(g);
    set_unary(out, OP_EXP, data, a, data);
    return out;
}

Value *value_relu(Graph *g, Value *a)
{
    double data = a->data > 0 ? a->data : 0.0; // so -0.0 becomes 0.0, and nan as well
    double local_grad = a->data > 0 ? 1.0 : 0.0;
    Value *out = new_node(g);
    set_unary(out, OP_RELU, data, a, local_grad);
    return out;
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

// The hot path of the whole program: a row of linear() is one dot product. All of its nodes are one
// allocation, filled in the order in which the operators would make them.
Value *value_dot(Graph *g, Value *const *a, Value *const *b, size_t n)
{
    assert(n >= 1);
    Value *node = new_nodes(g, 2 * n + 1);
    if (node == NULL) {
        return &g->no_memory;
    }
    Value *product = node++;
    set_mul(product, a[0], b[0]);
    Value *zero = node++;
    set_leaf(zero, 0);
    Value *total = node++;
    set_add(total, product, zero);
    for (size_t i = 1; i < n; i++) {
        product = node++;
        set_mul(product, a[i], b[i]);
        Value *new_total = node++;
        set_add(new_total, total, product);
        total = new_total;
    }
    total->n_terms = n <= UINT32_MAX ? (uint32_t)n : 0;
    return total;
}

// Makes room for the order of all nodes there are.
static bool reserve_topo(Graph *g, Error *error)
{
    size_t n_nodes = graph_n_nodes(g);
    if (g->out_of_memory) {
        return error_out_of_memory(error, "the graph", (n_nodes + 1) * sizeof(Value));
    }
    if (n_nodes <= g->topo_capacity) {
        return true;
    }
    size_t capacity = next_topo_capacity(n_nodes);
    Value **topo = malloc(capacity * sizeof(Value *));
    if (topo == NULL) {
        return error_out_of_memory(error, "the order of the graph", capacity * sizeof(Value *));
    }
    free(g->topo);
    g->topo = topo;
    g->topo_capacity = capacity;
    return true;
}

static bool is_seen(const Value *v)
{
    return v->cursor != NOT_SEEN;
}

static void append(Value ***done, Value *v)
{
    v->cursor = IN_FIRST_CHILD;
    **done = v;
    *done += 1;
}

// Visits v if no walk is needed for that: it is seen already, or a leaf.
static bool visit_leaf(Value *v, Value ***done)
{
    if (!is_seen(v) && v->n_children == 0) {
        append(done, v);
    }
    return is_seen(v);
}

// Visits a product and its factors, where the factors are seen already or leaves.
static bool visit_product(Value *product, Value ***done)
{
    if (is_seen(product) || !visit_leaf(product->children[0], done) ||
        !visit_leaf(product->children[1], done)) {
        return false;
    }
    append(done, product);
    return true;
}

// Visits the nodes of the dot product that ends in total, in the order in which value_dot() made
// them: that is the order of a walk where all factors are seen or leaves. Returns false where one
// is not, or a node of the product has been seen from elsewhere. What is visited by then is where
// the walk would begin, so it goes on from there.
static bool visit_dot(Value *total, Value ***done)
{
    if (total->n_terms == 0) {
        return false;
    }
    Value **start = *done;
    size_t n_before = 2 * (size_t)total->n_terms;
    Value *product = total - n_before;
    Value *zero = product + 1;
    Value *sum = product + 2;
    if (!visit_product(product, done) || is_seen(zero)) {
        return false;
    }
    append(done, zero);
    while (sum != total) {
        __builtin_prefetch(sum + PREFETCH_NODES, 1);
        append(done, sum);
        product = sum + 1;
        sum = sum + 2;
        if (!visit_product(product, done)) {
            return false;
        }
    }
    bool without_leaves = (size_t)(*done - start) == n_before;
    append(done, total);
    total->cursor = without_leaves ? ENDS_DOT : IN_FIRST_CHILD;
    return true;
}

// Visits v if no walk is needed for that. Nine nodes of ten go this way.
static bool visit_at_once(Value *v, Value ***done)
{
    return visit_leaf(v, done) || visit_dot(v, done);
}

bool graph_build_topo(Graph *g, Value *root, Error *error)
{
    assert(g != NULL && root != NULL && !is_seen(root));
    g->n_topo = 0; // until the walk is done
    if (!reserve_topo(g, error)) {
        return false;
    }
    // One array serves for both: finished nodes fill it from the front, the stack of those being
    // visited grows from the back. A node is in one of them at most, so they cannot meet.
    Value **done = g->topo;
    Value **bottom = g->topo + g->topo_capacity;
    Value **top = bottom;
    Value *v = root;
    v->cursor = IN_FIRST_CHILD;
    for (;;) {
        while (v->n_children > 0 && !visit_at_once(v->children[0], &done)) {
            *--top = v;
            v = v->children[0];
            v->cursor = IN_FIRST_CHILD;
        }
        // The first child of v is done: climb, until there is a second child to go down to.
        while (v->n_children < 2 || v->cursor == IN_SECOND_CHILD ||
               visit_at_once(v->children[1], &done)) {
            *done++ = v;
            if (top == bottom) {
                g->n_topo = (size_t)(done - g->topo);
                return true;
            }
            v = *top++;
        }
        v->cursor = IN_SECOND_CHILD;
        *--top = v;
        v = v->children[1];
        v->cursor = IN_FIRST_CHILD;
    }
}

// The chain rule, at one edge of the graph. Returns the child's gradient as it is now.
static double edge_backward(const Value *v, double v_grad, int i)
{
    Value *child = v->children[i];
    double local_grad = v->local_grads[i];
    child->grad += local_grad * v_grad;
    return child->grad;
}

static void node_backward(Value *v)
{
    double v_grad = v->grad;
    for (int i = 0; i < v->n_children; i++) {
        edge_backward(v, v_grad, i);
    }
    v->cursor = NOT_SEEN;
}

// All nodes of a dot product, in the same order as node_backward() would take them. The gradient
// runs down the sums in a register: through memory, each sum would wait for the one before it.
static void dot_backward(Value *total)
{
    Value *sum = total;
    double sum_grad = total->grad;
    for (uint32_t term = total->n_terms; term-- > 0;) {
        Value *product = term > 0 ? sum - 1 : sum - 2;
        double previous_grad = edge_backward(sum, sum_grad, 0);
        double product_grad = edge_backward(sum, sum_grad, 1);
        if (term == 0) { // the first sum is product + 0
            product_grad = previous_grad;
        }
        edge_backward(product, product_grad, 0);
        edge_backward(product, product_grad, 1);
        product->cursor = NOT_SEEN;
        sum->cursor = NOT_SEEN;
        sum -= 2;
        sum_grad = previous_grad;
    }
    sum[1].cursor = NOT_SEEN; // the 0
}

// Walks topo from n_left down to n_stop, or a little further: a dot product is taken whole. Returns
// how many nodes are left. A debugger looking for one node stops at the stretch that has it first,
// and passes the others at full speed.
static size_t stretch_backward(Graph *g, size_t n_left, size_t n_stop)
{
    while (n_left > n_stop) {
        Value *v = g->topo[n_left - 1];
        if (v->cursor == ENDS_DOT) {
            dot_backward(v);
            n_left -= 2 * (size_t)v->n_terms + 1;
        } else {
            node_backward(v);
            n_left--;
        }
    }
    return n_left;
}

void graph_backward(Graph *g)
{
    assert(g != NULL && g->n_topo > 0);
    Value *root = g->topo[g->n_topo - 1];
    root->grad = 1;
    size_t n_left = g->n_topo;
    while (n_left > 0) {
        size_t n_stop = n_left > STRETCH_NODES ? n_left - STRETCH_NODES : 0;
        n_left = stretch_backward(g, n_left, n_stop);
    }
}

bool value_backward(Graph *g, Value *root, Error *error)
{
    if (!graph_build_topo(g, root, error)) {
        return false;
    }
    graph_backward(g);
    return true;
}
