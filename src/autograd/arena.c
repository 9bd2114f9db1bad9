// The bump allocator: see include/microgpt/arena.h.
#include "microgpt/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/count.h"

void arena_init(Arena *arena, size_t chunk_size)
{
    assert(arena != NULL && chunk_size > 0);
    *arena = (Arena){.chunk_size = chunk_size};
}

void arena_free(Arena *arena)
{
    assert(arena != NULL);
    ArenaChunk *chunk = arena->first;
    while (chunk != NULL) {
        ArenaChunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    arena_init(arena, arena->chunk_size);
}

// One block of memory: the chunk's header, then the bytes for allocations.
static ArenaChunk *new_chunk(size_t size)
{
    if (size > SIZE_MAX - sizeof(ArenaChunk)) {
        return NULL;
    }
    ArenaChunk *chunk = malloc(sizeof(ArenaChunk) + size);
    if (chunk != NULL) {
        *chunk = (ArenaChunk){.size = size, .memory = (char *)(chunk + 1)};
    }
    return chunk;
}

// Returns the pointer that links the chunk after the current one.
static ArenaChunk **link_after_current(Arena *arena)
{
    return arena->current != NULL ? &arena->current->next : &arena->first;
}

// Returns the size of a new chunk: about half of what is in use, so that a large arena has few
// chunks, in multiples of the first chunk.
static size_t next_chunk_size(const Arena *arena, size_t size)
{
    size_t n_times = 1 + arena_used(arena) / 2 / arena->chunk_size;
    size_t grown = n_times * arena->chunk_size;
    return size > grown ? size : grown;
}

// Moves on to a chunk with space for size bytes. A chunk left from before a reset is used again; if
// it is too small, a new one is linked in front of it.
static bool advance(Arena *arena, size_t size)
{
    ArenaChunk **link = link_after_current(arena);
    if (*link == NULL || (*link)->size < size) {
        ArenaChunk *chunk = new_chunk(next_chunk_size(arena, size));
        if (chunk == NULL) {
            return false;
        }
        chunk->next = *link;
        *link = chunk;
    }
    size_t before = arena_used(arena);
    arena->current = *link;
    arena->current->before = before;
    arena->next = arena->current->memory;
    arena->end = arena->current->memory + arena->current->size;
    return true;
}

void *arena_alloc(Arena *arena, size_t count, size_t item_size)
{
    assert(arena != NULL && item_size > 0);
    size_t size = count_mul(count, item_size);
    if (size > SIZE_MAX - ARENA_ALIGNMENT) {
        return NULL;
    }
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    if (size > (size_t)(arena->end - arena->next) || arena->current == NULL) {
        if (!advance(arena, size)) {
            return NULL;
        }
    }
    void *memory = arena->next;
    arena->next += size;
    return memory;
}

ArenaMark arena_mark(const Arena *arena)
{
    assert(arena != NULL);
    return (ArenaMark){.chunk = arena->current, .next = arena->next};
}

void arena_reset(Arena *arena, ArenaMark mark)
{
    assert(arena != NULL);
    arena->peak = arena_peak(arena);
    arena->current = mark.chunk;
    arena->next = mark.next;
    arena->end = mark.chunk != NULL ? mark.chunk->memory + mark.chunk->size : NULL;
    assert(mark.chunk == NULL || (mark.next >= mark.chunk->memory && mark.next <= arena->end));
}

size_t arena_used(const Arena *arena)
{
    assert(arena != NULL);
    if (arena->current == NULL) {
        return 0;
    }
    return arena->current->before + (size_t)(arena->next - arena->current->memory);
}

size_t arena_peak(const Arena *arena)
{
    size_t used = arena_used(arena);
    return used > arena->peak ? used : arena->peak;
}
