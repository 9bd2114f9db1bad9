// For Eva: arena.c has no undefined behaviour for blocks smaller and larger than a chunk, one after
// the other and again after a reset, whether malloc fails or not.
#include <stdint.h>

#include "microgpt/arena.h"

enum {
    CHUNK_BYTES = 64,
    MAX_COUNT = 3,
    ITEM_BYTES = 24,
};

// Not for all sizes at once, because Eva would then know too little about each.
static void allocate_and_fill(Arena *arena, size_t count)
{
    char *memory = arena_alloc(arena, count, ITEM_BYTES);
    if (memory != NULL && count > 0) {
        memory[0] = 1;
        memory[count * ITEM_BYTES - 1] = 1;
    }
}

static void use(Arena *arena, size_t first, size_t second)
{
    allocate_and_fill(arena, first);
    ArenaMark mark = arena_mark(arena);
    allocate_and_fill(arena, second);
    allocate_and_fill(arena, first);
    char *too_large = arena_alloc(arena, SIZE_MAX, ITEM_BYTES);
    //@ assert too_large == \null;
    too_large = arena_alloc(arena, SIZE_MAX - ITEM_BYTES, 1);
    //@ assert too_large == \null;
    arena_reset(arena, mark);
    allocate_and_fill(arena, second);
    arena_peak(arena);
}

int main(void)
{
    for (size_t first = 0; first <= MAX_COUNT; first++) {
        for (size_t second = 0; second <= MAX_COUNT; second++) {
            Arena arena;
            arena_init(&arena, CHUNK_BYTES);
            use(&arena, first, second);
            arena_free(&arena);
        }
    }
    return 0;
}
