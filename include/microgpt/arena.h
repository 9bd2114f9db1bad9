// A bump allocator: allocates memory in order, and frees all of it at once.
//
// A training step makes some 60,000 nodes and drops them together, so freeing means resetting the
// arena to a mark, which costs nothing per node. The arena allocates chunks that never move: a
// pointer stays valid until the arena is reset to a mark from before its allocation.
//
// It is installed because a Graph contains an arena. The library does not export its functions.
#ifndef MICROGPT_ARENA_H
#define MICROGPT_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ArenaChunk ArenaChunk;
struct ArenaChunk {
    ArenaChunk *next; // the chunk to use after this one; NULL: none allocated yet
    size_t size;      // bytes of memory
    size_t before;    // bytes allocated in the chunks before this one, once this one is in use
    char *memory;
};

// An allocation that fits into the current chunk reads and changes only next and end.
typedef struct Arena {
    char *next;          // the first free byte of the current chunk
    char *end;           // the end of the current chunk
    ArenaChunk *current; // NULL before the first allocation
    ArenaChunk *first;
    size_t chunk_size; // of the first chunk; later ones: a multiple of it, or one large allocation
    size_t peak;       // the most bytes in use at any time before the last reset
} Arena;

// A state of the arena to which arena_reset() can return.
typedef struct ArenaMark {
    ArenaChunk *chunk;
    char *next;
} ArenaMark;

enum {
    ARENA_ALIGNMENT = 8, // of every allocation, in bytes: enough for doubles and pointers
};

// Makes an empty arena, without allocating anything yet.
// Requires: chunk_size > 0.
void arena_init(Arena *arena, size_t chunk_size);

// Frees all chunks.
void arena_free(Arena *arena);

// Returns memory for an array of count items of item_size bytes each, not zeroed. Returns NULL and
// leaves the arena unchanged if the product overflows or memory runs out.
// Requires: item_size > 0.
void *arena_alloc(Arena *arena, size_t count, size_t item_size);

// Returns the current state, for arena_reset().
ArenaMark arena_mark(const Arena *arena);

// Frees everything that was allocated since the mark, and keeps the chunks for later allocations.
// Requires: a mark of this arena; no reset since then to an earlier mark.
void arena_reset(Arena *arena, ArenaMark mark);

// Return the bytes in use now, and the most bytes in use at any time.
size_t arena_used(const Arena *arena);
size_t arena_peak(const Arena *arena);

#ifdef __cplusplus
}
#endif

#endif
