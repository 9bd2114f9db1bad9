// The parts of graph.c that the other files of the Value class need: memory for nodes, for their
// order and for their names.
#ifndef MICROGPT_GRAPH_H
#define MICROGPT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/value.h"

// Returns memory for n nodes next to each other, not initialised. If memory runs out, sets
// g->out_of_memory and returns NULL.
Value *graph_new_nodes(Graph *g, size_t n);

// Returns memory for one node; g->no_memory if memory runs out, so that operators need no check.
// Inline, since it is called for every node: only a full chunk takes a call of arena_alloc().
static inline Value *graph_new_node(Graph *g)
{
    if ((size_t)(g->arena.end - g->arena.next) >= sizeof(Value)) {
        Value *v = (Value *)(void *)g->arena.next;
        g->arena.next += sizeof(Value);
        return v;
    }
    Value *v = graph_new_nodes(g, 1);
    return v != NULL ? v : &g->no_memory;
}

// Allocates g->topo and g->stack for the order of all nodes, and empties g->topo.
// Errors: the graph ran out of memory, now or before.
bool graph_reserve_topo(Graph *g, Error *error);

// Returns the next capacity of g->scopes after n scopes were too few.
size_t graph_next_scopes_capacity(size_t n);

#endif
