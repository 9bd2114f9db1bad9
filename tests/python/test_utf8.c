// What is valid is decided by Unicode's Table 3-7 (Well-Formed UTF-8 Byte Sequences), with ranges
// per byte, while the code under test computes the value and checks whether it is allowed.
#include "check_more.h"

#include <stdbool.h>

#include "python/utf8.h"

// Decodes text in a block of exactly its size, so that valgrind and the sanitizer notice if more is
// read.
static size_t decode_exactly(const unsigned char *bytes, size_t size, uint32_t *code_point)
{
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memcpy(text, bytes, size);
    size_t n = utf8_read(text, size, code_point);
    free(text);
    return n;
}

// The rows of Table 3-7: the ranges of the first and of the second byte; all other bytes are
// 80..BF.
typedef struct WellFormed {
    unsigned char first_low, first_high;
    unsigned char second_low, second_high;
    size_t size;
} WellFormed;

static const WellFormed well_formed[] = {
    {0x00, 0x7F, 0x00, 0xFF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

// Returns the size of the sequence that starts four bytes by the table; 0 if there is none.
static size_t table_size(const unsigned char bytes[4])
{
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++) {
        const WellFormed *row = &well_formed[i];
        if (bytes[0] < row->first_low || bytes[0] > row->first_high) {
            continue;
        }
        bool second_fits = bytes[1] >= row->second_low && bytes[1] <= row->second_high;
        bool third_fits = row->size < 3 || (bytes[2] >= 0x80 && bytes[2] <= 0xBF);
        bool fourth_fits = row->size < 4 || (bytes[3] >= 0x80 && bytes[3] <= 0xBF);
        return second_fits && third_fits && fourth_fits ? row->size : 0;
    }
    return 0;
}

static bool is_character(uint32_t code_point)
{
    return code_point < 0xD800 || code_point > 0xDFFF;
}

// All possible first and second bytes; the third and fourth at the limits of the bytes that may
// continue.
START_TEST(exactly_the_well_formed_sequences_decode)
{
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (unsigned first_two = 0; first_two <= 0xFFFF; first_two++) {
        for (size_t i = 0; i < sizeof edges * sizeof edges; i++) {
            unsigned char bytes[4] = {(unsigned char)(first_two >> 8), (unsigned char)first_two,
                                      edges[i / sizeof edges], edges[i % sizeof edges]};
            uint32_t code_point;
            size_t n = utf8_read((const char *)bytes, sizeof bytes, &code_point);
            if (n != table_size(bytes)) { // not ck_assert, which records every pass: that would be
                                          // too slow for millions
                ck_abort_msg("%02x %02x %02x %02x decodes as %zu bytes", bytes[0], bytes[1],
                             bytes[2], bytes[3], n);
            }
        }
    }
}
END_TEST

START_TEST(every_code_point_survives_the_round_trip)
{
    for (uint32_t code_point = 0; code_point <= UTF8_MAX_CODE_POINT; code_point++) {
        if (!is_character(code_point)) {
            continue;
        }
        char text[UTF8_MAX_BYTES];
        uint32_t decoded = UINT32_MAX;
        size_t n = utf8_write(code_point, text);
        size_t n_decoded = utf8_read(text, n, &decoded);
        if (n_decoded != n || decoded != code_point) {
            ck_abort_msg("U+%04X takes %zu bytes, decodes as %zu bytes of U+%04X",
                         (unsigned)code_point, n, n_decoded, (unsigned)decoded);
        }
    }
}
END_TEST

typedef struct Utf8Case {
    uint32_t code_point;
    const char *text;
} Utf8Case;

// Python: chr(code_point).encode(); where the size changes, and one character of each size.
static const Utf8Case utf8_cases[] = {
    {0x41, "A"},
    {0x7F, "\x7F"},
    {0x80, "\xC2\x80"},
    {0xE9, "\xC3\xA9"},
    {0x7FF, "\xDF\xBF"},
    {0x800, "\xE0\xA0\x80"},
    {0x20AC, "\xE2\x82\xAC"},
    {0xD7FF, "\xED\x9F\xBF"},
    {0xE000, "\xEE\x80\x80"},
    {0xFEFF, "\xEF\xBB\xBF"},
    {0xFFFF, "\xEF\xBF\xBF"},
    {0x10000, "\xF0\x90\x80\x80"},
    {0x1F600, "\xF0\x9F\x98\x80"},
    {0x10FFFF, "\xF4\x8F\xBF\xBF"},
};

enum {
    N_UTF8_CASES = sizeof utf8_cases / sizeof *utf8_cases,
};

START_TEST(code_point_encodes_as_in_python)
{
    const Utf8Case *c = &utf8_cases[_i];
    char text[UTF8_MAX_BYTES] = {0};
    size_t n = utf8_write(c->code_point, text);
    ck_assert_uint_eq(n, strlen(c->text));
    ck_assert_mem_eq(text, c->text, n);
}
END_TEST

START_TEST(bytes_decode_as_in_python)
{
    const Utf8Case *c = &utf8_cases[_i];
    uint32_t code_point = 0;
    size_t size = strlen(c->text);
    ck_assert_uint_eq(decode_exactly((const unsigned char *)c->text, size, &code_point), size);
    ck_assert_uint_eq(code_point, c->code_point);
}
END_TEST

// A shorter code point does not change the rest of the caller's buffer.
START_TEST(encode_writes_no_more_than_it_returns)
{
    const Utf8Case *c = &utf8_cases[_i];
    char text[UTF8_MAX_BYTES];
    memset(text, '#', sizeof text);
    for (size_t i = utf8_write(c->code_point, text); i < sizeof text; i++) {
        ck_assert_int_eq(text[i], '#');
    }
}
END_TEST

// Tests that it does not matter whether the rest is missing in memory, or does not belong to the
// text.
START_TEST(truncated_sequence_is_refused)
{
    const Utf8Case *c = &utf8_cases[_i];
    for (size_t size = 1; size < strlen(c->text); size++) {
        uint32_t code_point;
        ck_assert_uint_eq(utf8_read(c->text, size, &code_point), 0);
        ck_assert_uint_eq(decode_exactly((const unsigned char *)c->text, size, &code_point), 0);
    }
}
END_TEST

// Each has its own name, although the table above contains them all.
typedef struct InvalidCase {
    const char *what;
    const char *text;
} InvalidCase;

static const InvalidCase invalid_cases[] = {
    {"a continuation that continues nothing", "\x80"},
    {"the last continuation byte", "\xBF"},
    {"NUL in two bytes, as Java writes it", "\xC0\x80"},
    {"the largest overlong form of two bytes", "\xC1\xBF"},
    {"the largest overlong form of three bytes", "\xE0\x9F\xBF"},
    {"the largest overlong form of four bytes", "\xF0\x8F\xBF\xBF"},
    {"the first surrogate", "\xED\xA0\x80"},
    {"the last surrogate", "\xED\xBF\xBF"},
    {"a pair of surrogates, as CESU-8 writes it", "\xED\xA0\xBD\xED\xB8\x80"},
    {"U+110000", "\xF4\x90\x80\x80"},
    {"a first byte beyond Unicode", "\xF5\x80\x80\x80"},
    {"five bytes", "\xF8\x88\x80\x80\x80"},
    {"a byte that never occurs", "\xFE"},
    {"another one", "\xFF"},
    {"a letter where a continuation belongs", "\xC3"
                                              "A"},
    {"a letter where the last continuation belongs", "\xE2\x82"
                                                     "A"},
    {"a new sequence inside another", "\xE2\xC3\xA9"},
};

enum {
    N_INVALID_CASES = sizeof invalid_cases / sizeof *invalid_cases,
};

START_TEST(invalid_form_is_refused)
{
    const InvalidCase *c = &invalid_cases[_i];
    uint32_t code_point;
    size_t n = decode_exactly((const unsigned char *)c->text, strlen(c->text), &code_point);
    ck_assert_msg(n == 0, "%s decodes as %zu bytes", c->what, n);
}
END_TEST

START_TEST(decode_takes_one_character_of_many)
{
    uint32_t code_point = 0;
    ck_assert_uint_eq(utf8_read("\xC3\xA9\xFF", 3, &code_point), 2);
    ck_assert_uint_eq(code_point, 0xE9);
    ck_assert_uint_eq(utf8_read("a\xFF", 2, &code_point), 1);
    ck_assert_uint_eq(code_point, 'a');
}
END_TEST

// Python: [hex(c) for c in range(0x110000) if chr(c).isspace()]
static const uint32_t python_spaces[] = {
    0x9,    0xa,    0xb,    0xc,    0xd,    0x1c,   0x1d,   0x1e,   0x1f,   0x20,
    0x85,   0xa0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
    0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
};

START_TEST(white_space_is_what_python_strips)
{
    size_t n_spaces = sizeof python_spaces / sizeof *python_spaces;
    size_t next = 0;
    for (uint32_t code_point = 0; code_point <= UTF8_MAX_CODE_POINT; code_point++) {
        bool expected = next < n_spaces && code_point == python_spaces[next];
        next += expected;
        if (utf8_is_space(code_point) != expected) {
            ck_abort_msg("U+%04X should %sbe white space", (unsigned)code_point,
                         expected ? "" : "not ");
        }
    }
    ck_assert_uint_eq(next, n_spaces);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *codec = tcase_create("codec");
    tcase_add_test(codec, exactly_the_well_formed_sequences_decode);
    tcase_add_test(codec, every_code_point_survives_the_round_trip);
    tcase_add_loop_test(codec, code_point_encodes_as_in_python, 0, N_UTF8_CASES);
    tcase_add_loop_test(codec, bytes_decode_as_in_python, 0, N_UTF8_CASES);
    tcase_add_loop_test(codec, encode_writes_no_more_than_it_returns, 0, N_UTF8_CASES);
    tcase_add_loop_test(codec, truncated_sequence_is_refused, 0, N_UTF8_CASES);
    tcase_add_loop_test(codec, invalid_form_is_refused, 0, N_INVALID_CASES);
    tcase_add_test(codec, decode_takes_one_character_of_many);
    suite_add_tcase(suite, codec);
    TCase *space = tcase_create("space");
    tcase_add_test(space, white_space_is_what_python_strips);
    suite_add_tcase(suite, space);
    return run_suite(suite);
}
