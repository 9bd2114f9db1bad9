// A checkpoint that is truncated at every length, has single bits flipped, or is changed and has
// its length and CRC corrected: it is always either rejected or valid.
//
// `fault_bytes` tests 5,000 flips and 10,000 mutations, `fault_bytes N [SEED]` all flips and N
// mutations.
#include <fcntl.h>
#include <inttypes.h>

#include "checkpoint/load_and_use.h"
#include "fuzz/fuzz_file.h"

static Random chance; // the generator of the tests, which is the library's own

static size_t below(size_t n)
{
    return (size_t)random_randbelow(&chance, n);
}

static void fail(const char *what, size_t place)
{
    fprintf(stderr, "%s: accepted (%zu)\n", what, place);
    exit(EXIT_FAILURE);
}

// ---- truncated, and flipped ----

static void cut_everywhere(const Bytes *good)
{
    write_bytes_to("bad", good->bytes, good->size);
    for (size_t size = good->size; size-- > 0;) {
        must(truncate("bad", (off_t)size) == 0, "truncate");
        if (load_and_use("bad", 2)) {
            fail("cut", size);
        }
    }
    printf("cut at each of %zu lengths: 0 accepted\n", good->size);
}

static void flip_bit(int fd, const Bytes *good, size_t bit)
{
    unsigned char flipped = good->bytes[bit / 8] ^ (unsigned char)(1u << bit % 8);
    must(pwrite(fd, &flipped, 1, (off_t)(bit / 8)) == 1, "pwrite");
    if (load_and_use("bad", 2)) {
        fail("flipped bit", bit);
    }
    must(pwrite(fd, &good->bytes[bit / 8], 1, (off_t)(bit / 8)) == 1, "pwrite");
}

static void flip_bits(const Bytes *good, bool all)
{
    write_bytes_to("bad", good->bytes, good->size);
    int fd = open("bad", O_WRONLY | O_CLOEXEC);
    must(fd >= 0, "bad");
    size_t n = all ? 8 * good->size : 5000;
    for (size_t i = 0; i < n; i++) {
        flip_bit(fd, good, all ? i : below(8 * good->size));
    }
    close(fd);
    must(load_and_use("bad", 2), "the file without a flip");
    printf("%zu single-bit flips%s: 0 accepted\n", n, all ? " (all)" : "");
}

// ---- changed with corrected length and CRC ----

static const char *const pieces[] = {
    "0",
    "1",
    "-1",
    "7",
    "8",
    "18446744073709551615",
    "9223372036854775807",
    "1048576",
    "1048577",
    "1e5",
    "0.5",
    "\"\"",
    "\"0\"",
    "\"1\"",
    "\"2\"",
    "null",
    "true",
    "{}",
    "[]",
    "[0,0]",
    "[0,8]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud83d\\ude00",
    " ",
    "{",
    "}",
    "[",
    "]",
    "F32",
    "F64",
    "wte",
    "wpe",
    "adam.m.",
    "layer0.",
    "layer1.",
    "__metadata__",
    "format",
    "\"n_head\":\"1\",",
    "\"x\":\"y\",",
    "0x1.0000000000000p+0",
    "nan",
    "inf",
    "0x0.0p+0",
    "-0x1.fffffffffffffp+1023",
    "\xff",
    "\xc3\xa9",
};

static const double odd_numbers[] = {0.0,    -0.0,   1.0,      -1.0,      1e300, -1e300,
                                     1e-300, 5e-324, INFINITY, -INFINITY, NAN};

enum {
    N_PIECES = sizeof pieces / sizeof pieces[0],
    N_ODD_NUMBERS = sizeof odd_numbers / sizeof odd_numbers[0],
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Returns an index in the header: mostly outside of the generator's 5,000 digits, which are of
// little interest, and often that of a number.
static size_t pick_place(const Parts *parts)
{
    size_t place = below(parts->header_size);
    const char *state = strstr(parts->header, "\"rng_state\":\"");
    size_t begin = state != NULL ? (size_t)(state - parts->header) + 20 : 0;
    size_t end = begin + 4980;
    if (state != NULL && place >= begin && place < end && end < parts->header_size) {
        place = end + below(parts->header_size - end);
    }
    while (below(4) != 0 && place > 0 && !is_digit(parts->header[place])) {
        place--;
    }
    return place;
}

static size_t token_size(const Parts *parts, size_t place)
{
    size_t n = 0;
    while (place + n < parts->header_size && is_digit(parts->header[place + n])) {
        n++;
    }
    return n > 0 ? n : below(2);
}

static void change_number(Parts *parts)
{
    size_t place = pick_place(parts);
    while (place > 0 && is_digit(parts->header[place]) && is_digit(parts->header[place - 1])) {
        place--;
    }
    char text[32];
    uint64_t number = strtoull(parts->header + place, NULL, 10);
    const uint64_t changed[] = {number + 1,
                                number - 1,
                                number * 2,
                                number / 2,
                                number + 8,
                                number ^ 64,
                                UINT64_MAX / (number | 1),
                                below(100)};
    snprintf(text, sizeof text, "%" PRIu64, changed[below(8)]);
    splice_header(parts, place, token_size(parts, place), text);
}

static void insert_piece(Parts *parts)
{
    size_t place = pick_place(parts);
    splice_header(parts, place, below(3) == 0 ? 0 : token_size(parts, place),
                  pieces[below(N_PIECES)]);
}

// Copies a piece of the header to another place, and sometimes removes the original.
static void move_piece(Parts *parts)
{
    char piece[128];
    size_t from = pick_place(parts);
    size_t n = 1 + below(sizeof piece - 1);
    n = n < parts->header_size - from ? n : parts->header_size - from;
    memcpy(piece, parts->header + from, n);
    piece[n] = '\0';
    size_t n_text = strlen(piece);
    if (below(2) == 0) {
        splice_header(parts, from, n, "");
    }
    if (parts->header_size > 0 && n_text > 0) {
        splice_header(parts, pick_place(parts), 0, piece);
    }
}

static void change_byte(Parts *parts)
{
    char text[2] = {(char)(1 + below(255)), '\0'};
    splice_header(parts, pick_place(parts), 1, text);
}

static void change_data(Parts *parts)
{
    if (parts->data_size >= 8) {
        size_t place = below(parts->data_size / 8);
        little_endian_put(&odd_numbers[below(N_ODD_NUMBERS)], 1, parts->data + 8 * place);
    }
}

static void change_data_size(Parts *parts)
{
    size_t size = below(2) == 0 ? parts->data_size + 8 * below(200) : below(parts->data_size + 1);
    unsigned char *data = realloc(parts->data, size + 1);
    must(data != NULL, "memory");
    if (size > parts->data_size) {
        memset(data + parts->data_size, 0, size - parts->data_size);
    }
    parts->data = data;
    parts->data_size = size;
}

typedef void Mutation(Parts *parts);

static Mutation *const mutations[] = {change_number, change_number, insert_piece,    move_piece,
                                      change_byte,   change_data,   change_data_size};

static Parts copy_parts(const Parts *parts)
{
    Parts copy = *parts;
    copy.header = calloc(parts->header_size + 1, 1);
    copy.data = malloc(parts->data_size + 1);
    must(copy.header != NULL && copy.data != NULL, "memory");
    memcpy(copy.header, parts->header, parts->header_size);
    memcpy(copy.data, parts->data, parts->data_size);
    return copy;
}

// Writes the parts to a file in memory, because there are millions of them.
static const char *join_parts(const Parts *parts)
{
    size_t size = 8 + parts->header_size + parts->data_size;
    unsigned char *bytes = malloc(size);
    must(bytes != NULL, "memory");
    little_endian_put_integer(parts->header_size, bytes);
    memcpy(bytes + 8, parts->header, parts->header_size);
    memcpy(bytes + 8 + parts->header_size, parts->data, parts->data_size);
    const char *path = fuzz_file(bytes, size);
    free(bytes);
    return path;
}

static void mutate(size_t n)
{
    Parts good = read_parts("good");
    size_t n_accepted = 0;
    for (size_t i = 0; i < n; i++) {
        Parts parts = copy_parts(&good);
        for (size_t n_changes = 1 + below(3); n_changes > 0 && parts.header_size > 1; n_changes--) {
            mutations[below(sizeof mutations / sizeof mutations[0])](&parts);
        }
        repair_crc(&parts);
        n_accepted += load_and_use(join_parts(&parts), 2);
        free_parts(&parts);
    }
    free_parts(&good);
    printf("%zu mutations with a repaired CRC: %zu refused, %zu loaded, valid and finite\n", n,
           n - n_accepted, n_accepted);
}

int main(int argc, char **argv)
{
    bool torture = argc > 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char folder[FOLDER_BYTES];
    enter_folder(folder);
    make_checkpoint("good", 5);
    random_seed(&chance, seed);
    Bytes good = read_bytes_of("good");
    cut_everywhere(&good);
    flip_bits(&good, torture);
    free(good.bytes);
    mutate(torture ? (size_t)strtoul(argv[1], NULL, 10) : 10000);
    leave_folder(folder);
    return EXIT_SUCCESS;
}
