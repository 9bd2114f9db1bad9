// A bump allocator: it hands out memory in order, and takes all of it back at once.
//
// A training step makes some 60,000 nodes and drops them together, so freeing means resetting the
// arena to a mark, which costs nothing per node. Memory comes in chunks that never move: a pointer
// stays valid until the arena is reset below it.
#ifndef MICROGPT_ARENA_H
#define MICROGPT_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct ArenaChunk ArenaChunk;
struct ArenaChunk {
    ArenaChunk *next; // the chunk to use after this one; NULL: none allocated yet
    size_t size;      // bytes of memory
    size_t before;    // bytes given out in the chunks before this one, once this one is in use
    char *memory;
};

// An allocation that fits into the current chunk reads and changes only next and end.
typedef struct Arena {
    char *next;          // the first free byte of the current chunk
    char *end;           // the end of the current chunk
    ArenaChunk *current; // NULL before the first allocation
    ArenaChunk *first;
    size_t chunk_size; // of the first chunk; later ones are multiples of it, or as large as asked
    size_t peak;       // the most bytes that were ever in use, up to the last reset
} Arena;

// A place to reset to.
typedef struct ArenaMark {
    ArenaChunk *chunk;
    char *next;
} ArenaMark;

enum {
    ARENA_ALIGNMENT = 8, // of every allocation: enough for doubles and pointers
};

// Allocates nothing yet.
// Requires: chunk_size > 0.
void arena_init(Arena *arena, size_t chunk_size);

// Frees all chunks.
void arena_free(Arena *arena);

// Memory for count items of item_size bytes, next to each other, not zeroed; NULL where the product
// overflows or there is no memory, and then the arena is as it was.
// Requires: item_size > 0.
void *arena_alloc(Arena *arena, size_t count, size_t item_size);

// Where the arena stands now.
ArenaMark arena_mark(const Arena *arena);

// Drops everything that was allocated since the mark; the chunks stay for the next time.
// Requires: a mark of this arena, not below an earlier reset.
void arena_reset(Arena *arena, ArenaMark mark);

// Bytes given out now, and the most there ever were.
size_t arena_used(const Arena *arena);
size_t arena_peak(const Arena *arena);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
