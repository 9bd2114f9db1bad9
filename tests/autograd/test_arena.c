// The bump allocator: memory never moves, a reset frees it, and chunks are reused.
//
// The first chunk has 128 bytes, so that every test crosses chunks. Each allocation is filled with
// its own pattern, which is checked later, so that an overlap is noticed.
#include "check_more.h"

#include <limits.h>

#include "microgpt/arena.h"

// The address sanitizer ends a program that requests too much memory, unless it is told to return
// NULL.
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

enum {
    CHUNK = 128, // bytes of the first
    MAX_BLOCKS = 400,
};

static Arena arena;

static void start_arena(void)
{
    arena_init(&arena, CHUNK);
}

static void end_arena(void)
{
    arena_free(&arena);
}

static void *alloc_bytes(size_t size)
{
    void *memory = arena_alloc(&arena, size, 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static size_t n_chunks(void)
{
    size_t n = 0;
    for (const ArenaChunk *chunk = arena.first; chunk != NULL; chunk = chunk->next) {
        n++;
    }
    return n;
}

// An allocation, and the byte that it is filled with.
typedef struct Block {
    unsigned char *memory;
    size_t size;
    unsigned char pattern;
} Block;

static Block make_block(size_t size, size_t number)
{
    Block block = {alloc_bytes(size), size, (unsigned char)(number % 251)};
    memset(block.memory, block.pattern, size);
    return block;
}

static void assert_intact(const Block *block)
{
    for (size_t i = 0; i < block->size; i++) {
        if (block->memory[i] != block->pattern) {
            ck_abort_msg("byte %zu of %zu was overwritten", i, block->size);
        }
    }
}

START_TEST(new_arena_holds_nothing)
{
    ck_assert_uint_eq(arena_used(&arena), 0);
    ck_assert_uint_eq(arena_peak(&arena), 0);
    ck_assert_uint_eq(n_chunks(), 0);
}
END_TEST

START_TEST(allocations_of_one_chunk_are_neighbours)
{
    char *first = arena_alloc(&arena, 3, sizeof(double));
    char *second = arena_alloc(&arena, 1, sizeof(double));
    char *third = arena_alloc(&arena, 2, sizeof(double));
    ck_assert_ptr_eq(second, first + 24);
    ck_assert_ptr_eq(third, second + 8);
    ck_assert_uint_eq(n_chunks(), 1);
}
END_TEST

START_TEST(chunk_is_filled_to_its_last_byte)
{
    for (int i = 0; i < CHUNK / 8; i++) {
        alloc_bytes(8);
    }
    ck_assert_uint_eq(n_chunks(), 1);
    alloc_bytes(8);
    ck_assert_uint_eq(n_chunks(), 2);
}
END_TEST

// Allocations of all sizes, from nothing to several chunks: 400 blocks keep their addresses and
// contents.
START_TEST(growing_moves_and_overwrites_nothing)
{
    Block blocks[MAX_BLOCKS];
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        blocks[i] = make_block(i * 37 % 301, i);
    }
    for (size_t i = 0; i < MAX_BLOCKS; i++) {
        assert_intact(&blocks[i]);
    }
    ck_assert_uint_gt(n_chunks(), 10);
}
END_TEST

START_TEST(every_allocation_is_aligned)
{
    for (size_t size = 0; size < 300; size++) {
        ck_assert_uint_eq((uintptr_t)alloc_bytes(size) % ARENA_ALIGNMENT, 0);
    }
    ck_assert_uint_ge(ARENA_ALIGNMENT, _Alignof(double));
    ck_assert_uint_ge(ARENA_ALIGNMENT, _Alignof(void *));
}
END_TEST

// Chunks grow with what is in use, so that a search through all of them (for a node's number) sees
// few. But no chunk is more than half as large as all chunks before it, so little memory is unused.
START_TEST(large_arena_has_few_chunks)
{
    for (int i = 0; i < 100000; i++) {
        arena_alloc(&arena, 1, 8);
    }
    ck_assert_uint_eq(arena_used(&arena), 800000);
    ck_assert_uint_lt(n_chunks(), 40);
    size_t held = 0;
    for (const ArenaChunk *chunk = arena.first; chunk != NULL; chunk = chunk->next) {
        ck_assert_uint_le(chunk->size, CHUNK + held / 2);
        held += chunk->size;
    }
}
END_TEST

// A chunk whose size is not a multiple of the alignment ends in bytes that are never allocated.
START_TEST(odd_chunk_size_is_no_harm)
{
    Arena odd;
    arena_init(&odd, 13);
    for (size_t i = 0; i < 20; i++) {
        unsigned char *memory = arena_alloc(&odd, 1 + i % 8, 1);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % ARENA_ALIGNMENT, 0);
        memset(memory, 0xA5, 8); // the sanitizer and valgrind see the end of the chunk
    }
    ck_assert_uint_eq(arena_used(&odd), 20 * 8);
    arena_free(&odd);
}
END_TEST

START_TEST(empty_allocation_is_no_failure)
{
    ck_assert_ptr_nonnull(arena_alloc(&arena, 0, 8));
    ck_assert_uint_eq(arena_used(&arena), 0);
    alloc_bytes(CHUNK);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 0, 8)); // in a full chunk
    ck_assert_uint_eq(arena_used(&arena), CHUNK);
}
END_TEST

START_TEST(allocation_larger_than_a_chunk_gets_its_own)
{
    Block small = make_block(16, 1);
    Block large = make_block(10 * CHUNK, 2);
    Block after = make_block(16, 3);
    assert_intact(&small);
    assert_intact(&large);
    assert_intact(&after);
    ck_assert_uint_eq(n_chunks(), 3);
    ck_assert_uint_eq(arena_used(&arena), 16 + 10 * CHUNK + 16);
}
END_TEST

START_TEST(used_counts_what_was_given_out)
{
    alloc_bytes(1);
    ck_assert_uint_eq(arena_used(&arena), 8); // rounded up to the alignment
    alloc_bytes(8);
    ck_assert_uint_eq(arena_used(&arena), 16);
    alloc_bytes(9);
    ck_assert_uint_eq(arena_used(&arena), 32);
    arena_alloc(&arena, 3, 24);
    ck_assert_uint_eq(arena_used(&arena), 104);
    alloc_bytes(64); // does not fit: the 24 bytes left in the first chunk are not counted
    ck_assert_uint_eq(n_chunks(), 2);
    ck_assert_uint_eq(arena_used(&arena), 168);
}
END_TEST

START_TEST(peak_remembers_the_most_there_was)
{
    ArenaMark empty = arena_mark(&arena);
    alloc_bytes(48);
    ck_assert_uint_eq(arena_peak(&arena), 48);
    arena_reset(&arena, empty);
    ck_assert_uint_eq(arena_used(&arena), 0);
    ck_assert_uint_eq(arena_peak(&arena), 48);
    alloc_bytes(40);
    ck_assert_uint_eq(arena_peak(&arena), 48);
    alloc_bytes(16);
    ck_assert_uint_eq(arena_peak(&arena), 56);
    arena_reset(&arena, empty);
    arena_reset(&arena, empty);
    ck_assert_uint_eq(arena_peak(&arena), 56);
}
END_TEST

START_TEST(reset_gives_the_same_memory_again)
{
    alloc_bytes(16);
    ArenaMark mark = arena_mark(&arena);
    void *first = alloc_bytes(32);
    void *second = alloc_bytes(24);
    arena_reset(&arena, mark);
    ck_assert_uint_eq(arena_used(&arena), 16);
    ck_assert_ptr_eq(alloc_bytes(32), first);
    ck_assert_ptr_eq(alloc_bytes(24), second);
}
END_TEST

START_TEST(reset_keeps_what_is_below_the_mark)
{
    Block below[20];
    for (size_t i = 0; i < 20; i++) {
        below[i] = make_block(24, i);
    }
    ArenaMark mark = arena_mark(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 50; i++) {
            make_block(i * 11 % 200, 100 + i);
        }
        arena_reset(&arena, mark);
    }
    for (size_t i = 0; i < 20; i++) {
        assert_intact(&below[i]);
    }
    ck_assert_uint_eq(arena_used(&arena), 20 * 24);
}
END_TEST

// One training step after another: the same sizes need no new memory, and get the same addresses.
START_TEST(reset_across_chunks_uses_all_of_them_again)
{
    void *places[60];
    alloc_bytes(56);
    ArenaMark mark = arena_mark(&arena);
    for (size_t i = 0; i < 60; i++) {
        places[i] = alloc_bytes(40);
    }
    size_t used = arena_used(&arena);
    size_t chunks = n_chunks();
    ck_assert_uint_ge(chunks, 5);
    for (int round = 0; round < 3; round++) {
        arena_reset(&arena, mark);
        ck_assert_uint_eq(arena_used(&arena), 56);
        for (size_t i = 0; i < 60; i++) {
            ck_assert_ptr_eq(alloc_bytes(40), places[i]);
        }
        ck_assert_uint_eq(arena_used(&arena), used);
        ck_assert_uint_eq(n_chunks(), chunks);
    }
    ck_assert_uint_eq(arena_peak(&arena), used);
}
END_TEST

START_TEST(reset_to_a_mark_made_before_the_first_allocation)
{
    ArenaMark empty = arena_mark(&arena);
    void *first = alloc_bytes(100);
    void *second = alloc_bytes(100);
    arena_reset(&arena, empty);
    ck_assert_uint_eq(arena_used(&arena), 0);
    ck_assert_ptr_eq(alloc_bytes(100), first);
    ck_assert_ptr_eq(alloc_bytes(100), second);
    ck_assert_uint_eq(n_chunks(), 2);
}
END_TEST

// A mark at the end of a full chunk: the next block is in the following chunk, before and after a
// reset.
START_TEST(reset_to_the_end_of_a_chunk)
{
    alloc_bytes(CHUNK);
    ArenaMark full = arena_mark(&arena);
    void *next = alloc_bytes(8);
    arena_reset(&arena, full);
    ck_assert_uint_eq(arena_used(&arena), CHUNK);
    ck_assert_ptr_eq(alloc_bytes(8), next);
    ck_assert_uint_eq(n_chunks(), 2);
}
END_TEST

START_TEST(marks_nest)
{
    alloc_bytes(100);
    ArenaMark outer = arena_mark(&arena);
    void *first = alloc_bytes(100);
    ArenaMark inner = arena_mark(&arena);
    void *second = alloc_bytes(100);
    arena_reset(&arena, inner);
    ck_assert_ptr_eq(alloc_bytes(100), second);
    arena_reset(&arena, outer);
    ck_assert_ptr_eq(alloc_bytes(100), first);
    ck_assert_uint_eq(arena_used(&arena), 208);
}
END_TEST

// The next chunk is too small for the block. A chunk is inserted before it, and it is used for
// later blocks.
START_TEST(chunk_too_small_to_reuse_is_kept_for_later)
{
    alloc_bytes(CHUNK);
    ArenaMark mark = arena_mark(&arena);
    void *old = alloc_bytes(CHUNK);
    arena_reset(&arena, mark);
    Block large = make_block(3 * CHUNK, 1);
    ck_assert_uint_eq(n_chunks(), 3);
    ck_assert_ptr_eq(alloc_bytes(CHUNK), old);
    memset(old, 0, CHUNK);
    assert_intact(&large);
    ck_assert_uint_eq(n_chunks(), 3);
    ck_assert_uint_eq(arena_used(&arena), 5 * CHUNK);
}
END_TEST

START_TEST(large_chunk_is_reused_by_small_blocks)
{
    ArenaMark empty = arena_mark(&arena);
    char *large = alloc_bytes(4 * CHUNK);
    arena_reset(&arena, empty);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_eq(alloc_bytes(CHUNK), large + i * CHUNK);
    }
    ck_assert_uint_eq(n_chunks(), 1);
}
END_TEST

enum {
    HALF_OF_BITS = sizeof(size_t) * CHAR_BIT / 2,
    BITS_BEYOND_MEMORY = HALF_OF_BITS > 16 ? 50 : 31,
};

// Counts and sizes whose product, rounding or chunk overflow, and more memory than there are
// addresses; with an empty arena and with one in use.
static const struct {
    size_t count, item_size;
} impossible[] = {
    {SIZE_MAX, 2},
    {SIZE_MAX / 2 + 1, 2},
    {(size_t)1 << HALF_OF_BITS, (size_t)1 << HALF_OF_BITS},
    {SIZE_MAX / 48 + 1, 48},
    {SIZE_MAX, SIZE_MAX},
    {SIZE_MAX, 1},
    {1, SIZE_MAX},
    {SIZE_MAX - 6, 1},
    {SIZE_MAX - 7, 1},
    {SIZE_MAX - 8, 1},
    {SIZE_MAX - 16, 1},
    {(size_t)1 << BITS_BEYOND_MEMORY, 1},
};

enum {
    N_IMPOSSIBLE = sizeof impossible / sizeof *impossible,
};

static void assert_refused(size_t count, size_t item_size)
{
    Arena before = arena;
    ck_assert_ptr_null(arena_alloc(&arena, count, item_size));
    ck_assert_mem_eq(&arena, &before, sizeof before);
}

START_TEST(impossible_size_is_refused_by_an_empty_arena)
{
    assert_refused(impossible[_i].count, impossible[_i].item_size);
    ck_assert_uint_eq(n_chunks(), 0);
    Block block = make_block(32, 1);
    assert_intact(&block);
}
END_TEST

START_TEST(impossible_size_leaves_an_arena_in_use_as_it_was)
{
    ArenaMark empty = arena_mark(&arena);
    alloc_bytes(CHUNK);
    alloc_bytes(CHUNK);
    arena_reset(&arena, empty); // a chunk remains after the current one
    Block block = make_block(16, 1);
    assert_refused(impossible[_i].count, impossible[_i].item_size);
    ck_assert_uint_eq(n_chunks(), 2);
    ck_assert_ptr_eq(alloc_bytes(8), block.memory + 16);
    assert_intact(&block);
}
END_TEST

START_TEST(free_leaves_an_empty_arena_to_be_used_again)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++) {
            alloc_bytes(100);
        }
        ck_assert_uint_eq(arena_peak(&arena), 1040);
        arena_free(&arena);
        ck_assert_uint_eq(arena_used(&arena), 0);
        ck_assert_uint_eq(arena_peak(&arena), 0);
        ck_assert_uint_eq(n_chunks(), 0);
    }
}
END_TEST

// Chunks that remain after a reset are also freed: valgrind and the leak sanitizer check this.
START_TEST(free_takes_chunks_above_a_reset)
{
    ArenaMark empty = arena_mark(&arena);
    alloc_bytes(CHUNK);
    alloc_bytes(CHUNK);
    alloc_bytes(CHUNK);
    arena_reset(&arena, empty);
    arena_free(&arena);
    ck_assert_uint_eq(n_chunks(), 0);
}
END_TEST

static TCase *with_arena(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, start_arena, end_arena);
    return tcase;
}

static TCase *allocation_tests(void)
{
    TCase *tcase = with_arena(tcase_create("allocation"));
    tcase_add_test(tcase, new_arena_holds_nothing);
    tcase_add_test(tcase, allocations_of_one_chunk_are_neighbours);
    tcase_add_test(tcase, chunk_is_filled_to_its_last_byte);
    tcase_add_test(tcase, growing_moves_and_overwrites_nothing);
    tcase_add_test(tcase, every_allocation_is_aligned);
    tcase_add_test(tcase, large_arena_has_few_chunks);
    tcase_add_test(tcase, odd_chunk_size_is_no_harm);
    tcase_add_test(tcase, empty_allocation_is_no_failure);
    tcase_add_test(tcase, allocation_larger_than_a_chunk_gets_its_own);
    tcase_add_test(tcase, used_counts_what_was_given_out);
    tcase_add_loop_test(tcase, impossible_size_is_refused_by_an_empty_arena, 0, N_IMPOSSIBLE);
    tcase_add_loop_test(tcase, impossible_size_leaves_an_arena_in_use_as_it_was, 0, N_IMPOSSIBLE);
    return tcase;
}

static TCase *reset_tests(void)
{
    TCase *tcase = with_arena(tcase_create("reset"));
    tcase_add_test(tcase, peak_remembers_the_most_there_was);
    tcase_add_test(tcase, reset_gives_the_same_memory_again);
    tcase_add_test(tcase, reset_keeps_what_is_below_the_mark);
    tcase_add_test(tcase, reset_across_chunks_uses_all_of_them_again);
    tcase_add_test(tcase, reset_to_a_mark_made_before_the_first_allocation);
    tcase_add_test(tcase, reset_to_the_end_of_a_chunk);
    tcase_add_test(tcase, marks_nest);
    tcase_add_test(tcase, chunk_too_small_to_reuse_is_kept_for_later);
    tcase_add_test(tcase, large_chunk_is_reused_by_small_blocks);
    tcase_add_test(tcase, free_leaves_an_empty_arena_to_be_used_again);
    tcase_add_test(tcase, free_takes_chunks_above_a_reset);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("arena");
    suite_add_tcase(suite, allocation_tests());
    suite_add_tcase(suite, reset_tests());
    return run_suite(suite);
}
