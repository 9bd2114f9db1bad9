// The memory of a graph: nodes and their ids, marks to reset it to, and how many bytes it uses.
//
// Python leaves this to its garbage collector. The contracts are in microgpt/value.h and
// autograd/graph.h.
#include "autograd/graph.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/count.h"

enum {
    CHUNK_NODES = 8192,  // nodes in the arena's first chunk, some 450 KB
    FIRST_SCOPES = 1024, // the initial capacity for scopes
};

void graph_init(Graph *g)
{
    assert(g != NULL);
    // Two graphs have different addresses. Their lower bits may be equal; then the only loss is the
    // check that their nodes are not mixed.
    uint32_t id = (uint32_t)((uintptr_t)g / sizeof(void *));
    *g = (Graph){
        .id = id,
        .no_memory = {.data = NAN, .graph_id = id},
        .part = NO_SCOPE,
    };
    arena_init(&g->arena, CHUNK_NODES * sizeof(Value));
}

void graph_free(Graph *g)
{
    assert(g != NULL);
    arena_free(&g->arena);
    free(g->topo);
    free(g->stack);
    free(g->scopes);
    graph_init(g);
}

Graph *graph_new(void)
{
    Graph *g = malloc(sizeof *g);
    if (g != NULL) {
        graph_init(g);
    }
    return g;
}

void graph_delete(Graph *g)
{
    if (g != NULL) {
        graph_free(g);
        free(g);
    }
}

Value *graph_new_nodes(Graph *g, size_t n)
{
    Value *nodes = arena_alloc(&g->arena, n, sizeof(Value));
    if (nodes == NULL) {
        g->out_of_memory = true;
    }
    return nodes;
}

Value *graph_leaves(Graph *g, const double *data, size_t n)
{
    Value *leaves = graph_new_nodes(g, n);
    for (size_t i = 0; leaves != NULL && i < n; i++) {
        leaves[i] = (Value){.data = data[i], .op = OP_LEAF, .graph_id = g->id};
    }
    return leaves;
}

size_t graph_n_nodes(const Graph *g)
{
    return arena_used(&g->arena) / sizeof(Value);
}

// Returns the capacity of topo for n nodes: more than n, so that slightly longer documents need no
// new allocation.
static size_t next_topo_capacity(size_t n)
{
    return count_add(n, n / 2);
}

// Returns the bytes of topo and of the stack of graph_build_topo(), for that many nodes.
static size_t topo_bytes(size_t capacity)
{
    return count_mul(capacity, sizeof(Value *) + sizeof(TopoCall));
}

size_t graph_next_scopes_capacity(size_t n)
{
    return count_add(count_mul(2, n), FIRST_SCOPES);
}

size_t graph_peak_bytes(const Graph *g)
{
    return arena_peak(&g->arena) + topo_bytes(g->topo_capacity) +
           g->scopes_capacity * sizeof(Scope);
}

size_t graph_count_bytes(size_t n_nodes, size_t n_scopes)
{
    size_t nodes = count_mul(n_nodes, sizeof(Value));
    size_t topo = topo_bytes(next_topo_capacity(n_nodes));
    size_t scopes = count_mul(graph_next_scopes_capacity(n_scopes), sizeof(Scope));
    return count_add(nodes, count_add(topo, scopes));
}

bool graph_reserve_topo(Graph *g, Error *error)
{
    size_t n_nodes = graph_n_nodes(g);
    g->n_topo = 0;
    if (g->out_of_memory) {
        return error_out_of_memory(error, "the graph", (n_nodes + 1) * sizeof(Value));
    }
    if (n_nodes <= g->topo_capacity) {
        return true;
    }
    size_t capacity = next_topo_capacity(n_nodes);
    bool fits = topo_bytes(capacity) < SIZE_MAX;
    Value **topo = fits ? malloc(capacity * sizeof(Value *)) : NULL;
    TopoCall *stack = fits ? malloc(capacity * sizeof(TopoCall)) : NULL;
    if (topo == NULL || stack == NULL) {
        free(topo);
        free(stack);
        return error_out_of_memory(error, "the order of the graph", topo_bytes(capacity));
    }
    free(g->topo);
    free(g->stack);
    g->topo = topo;
    g->stack = stack;
    g->topo_capacity = capacity;
    return true;
}

GraphMark graph_mark(const Graph *g)
{
    return (GraphMark){arena_mark(&g->arena), g->n_scopes, g->part};
}

void graph_reset(Graph *g, GraphMark mark)
{
    arena_reset(&g->arena, mark.nodes);
    g->n_topo = 0; // its nodes may be gone
    g->n_scopes = mark.n_scopes;
    g->part = mark.part;
    g->out_of_memory = false;
}

// Returns how many bytes of a chunk are nodes. Chunks after the current one have none.
static size_t used_bytes(const Graph *g, const ArenaChunk *chunk)
{
    if (chunk == g->arena.current) {
        return (size_t)(g->arena.next - chunk->memory);
    }
    return chunk->next->before - chunk->before;
}

// Returns the chunk after this one; NULL after the current one.
static const ArenaChunk *next_chunk(const Graph *g, const ArenaChunk *chunk)
{
    return chunk != g->arena.current ? chunk->next : NULL;
}

// Returns the first chunk; NULL if there are no nodes.
static const ArenaChunk *first_chunk(const Graph *g)
{
    return g->arena.current != NULL ? g->arena.first : NULL;
}

void graph_zero_grad(Graph *g)
{
    for (const ArenaChunk *chunk = first_chunk(g); chunk != NULL; chunk = next_chunk(g, chunk)) {
        Value *nodes = (Value *)(void *)chunk->memory;
        size_t n = used_bytes(g, chunk) / sizeof(Value);
        for (size_t i = 0; i < n; i++) {
            nodes[i].grad = 0;
        }
    }
}

size_t graph_node_id(const Graph *g, const Value *v)
{
    const char *place = (const char *)v;
    for (const ArenaChunk *chunk = first_chunk(g); chunk != NULL; chunk = next_chunk(g, chunk)) {
        if (place >= chunk->memory && place < chunk->memory + used_bytes(g, chunk)) {
            return (chunk->before + (size_t)(place - chunk->memory)) / sizeof(Value);
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
