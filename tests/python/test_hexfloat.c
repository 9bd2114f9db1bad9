// hexfloat_format() against CPython's float.hex().
//
// The expected texts were printed by Python 3.11:
//     struct.unpack('<d', struct.pack('<Q', bits))[0].hex()
#include "check_more.h"

#include <stdio.h>

#include "python/hexfloat.h"

typedef struct HexCase {
    uint64_t bits;
    const char *text;
} HexCase;

static const HexCase hex_cases[] = {
    {0x3ff0000000000000, "0x1.0000000000000p+0"},     // 1.0: all thirteen digits, zeros too
    {0xbff0000000000000, "-0x1.0000000000000p+0"},    // -1.0
    {0x3fe0000000000000, "0x1.0000000000000p-1"},     // 0.5
    {0x4030000000000000, "0x1.0000000000000p+4"},     // 16.0
    {0x3fb999999999999a, "0x1.999999999999ap-4"},     // 0.1
    {0xbfb999999999999a, "-0x1.999999999999ap-4"},    // -0.1
    {0x40091eb851eb851f, "0x1.91eb851eb851fp+1"},     // 3.14
    {0x3fd5555555555555, "0x1.5555555555555p-2"},     // 1/3
    {0x44b52d02c7e14af6, "0x1.52d02c7e14af6p+76"},    // 1e23
    {0x3ddb7cdfd9d7bdbb, "0x1.b7cdfd9d7bdbbp-34"},    // 1e-10
    {0x3ff0000000000001, "0x1.0000000000001p+0"},     // the double after 1.0: leading zeros
    {0x0000000000000000, "0x0.0p+0"},                 // 0.0 has one digit
    {0x8000000000000000, "-0x0.0p+0"},                // -0.0 keeps its sign
    {0x0000000000000001, "0x0.0000000000001p-1022"},  // the smallest subnormal
    {0x8000000000000001, "-0x0.0000000000001p-1022"}, // and its negative
    {0x0008000000000000, "0x0.8000000000000p-1022"},  // a subnormal power of two
    {0x000fffffffffffff, "0x0.fffffffffffffp-1022"},  // the largest subnormal
    {0x0010000000000000, "0x1.0000000000000p-1022"},  // the smallest normal number
    {0x7fe0000000000000, "0x1.0000000000000p+1023"},  // the largest power of two
    {0x7fefffffffffffff, "0x1.fffffffffffffp+1023"},  // the largest number
    {0xffefffffffffffff, "-0x1.fffffffffffffp+1023"}, // and the longest text
    {0x7ff0000000000000, "inf"},
    {0xfff0000000000000, "-inf"},
    {0x7ff8000000000000, "nan"},
    {0xfff8000000000000, "nan"}, // Python drops a nan's sign
    {0x7ff8000000000001, "nan"}, // and its payload
};

enum {
    N_HEX_CASES = sizeof hex_cases / sizeof *hex_cases,
};

static double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

START_TEST(number_is_written_as_python_writes_it)
{
    const HexCase *c = &hex_cases[_i];
    char text[HEXFLOAT_BYTES];
    int length = hexfloat_format(double_of_bits(c->bits), text);
    ck_assert_str_eq(text, c->text);
    ck_assert_int_eq(length, (int)strlen(c->text));
}
END_TEST

// The text must identify the number; C reads the same format. The bits are from the whole range, in
// steps of an odd number, about 2^64 / 50,000.
START_TEST(text_reads_back_as_the_same_bits)
{
    uint64_t bits = 0;
    for (int i = 0; i < 50000; i++) {
        double x = double_of_bits(bits);
        if (x == x) {
            char text[HEXFLOAT_BYTES];
            hexfloat_format(x, text);
            char *end;
            assert_same_double(strtod(text, &end), x, text);
            ck_assert_int_eq(*end, '\0');
        }
        bits += UINT64_C(368934881474191);
    }
}
END_TEST

// Every power of two, and so all exponents; Python's text has no digit that depends on it.
START_TEST(exponent_is_decimal_with_its_sign)
{
    double x = 0x1p-1022;
    for (int exponent = -1022; exponent <= 1023; exponent++) {
        char text[HEXFLOAT_BYTES];
        char expected[HEXFLOAT_BYTES];
        hexfloat_format(x, text);
        snprintf(expected, sizeof expected, "0x1.0000000000000p%+d", exponent);
        ck_assert_str_eq(text, expected);
        x *= 2;
    }
}
END_TEST

typedef struct ParseCase {
    const char *text;
    bool is_double; // exactly: nothing is rounded
    double number;
} ParseCase;

// Mantissas of about 53 bits, and the smallest and largest exponents.
static const ParseCase parse_cases[] = {
    {"0x1.fffffffffffffp+0", true, 0x1.fffffffffffffp+0},
    {"0x1fffffffffffffp+0", true, 0x1fffffffffffffp+0},
    {"0x3ffffffffffffep+0", true, 0x3ffffffffffffep+0}, // 54 bits, of which the last is 0
    {"0x3fffffffffffffp+0", false, 0},                  // would be rounded up, to 2**54
    {"0x20000000000001p+0", false, 0},                  // and this down
    {"0x1.fffffffffffff8p+0", false, 0},
    {"0x1.00000000000008p+0", false, 0},
    {"0x8000000000000000p+0", true, 0x1p+63},
    {"0x80000000000000000p+0", false, 0}, // 68 bits
    {"0x1.000000000000000p+0", true, 1},
    {"0x1.0000000000000000p+0", false, 0}, // more digits than are accepted
    {"0x1p+1023", true, 0x1p+1023},
    {"0x1p+1024", false, 0},
    {"0x1.fffffffffffffp+1023", true, 0x1.fffffffffffffp+1023},
    {"0x1.fffffffffffffp+1024", false, 0},
    {"0x1p-1074", true, 0x1p-1074},
    {"0x1p-1075", false, 0},
    {"0x1.8p-1074", false, 0},
    {"0x0.0000000000001p-1022", true, 0x1p-1074},
    {"0x0.00000000000008p-1022", false, 0},
    {"0x0p+99999", true, 0},
    {"0x1p+99999", false, 0},
    {"0x1p-99999", false, 0},
};

START_TEST(what_a_double_cannot_hold_is_refused)
{
    const ParseCase *c = &parse_cases[_i];
    double number = 0;
    ck_assert_int_eq(hexfloat_parse(c->text, strlen(c->text), &number), c->is_double);
    if (c->is_double) {
        assert_same_double(number, c->number, c->text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hexfloat");
    TCase *tcase = tcase_create("format");
    tcase_add_loop_test(tcase, number_is_written_as_python_writes_it, 0, N_HEX_CASES);
    tcase_add_test(tcase, text_reads_back_as_the_same_bits);
    tcase_add_test(tcase, exponent_is_decimal_with_its_sign);
    tcase_add_loop_test(tcase, what_a_double_cannot_hold_is_refused, 0,
                        (int)(sizeof parse_cases / sizeof *parse_cases));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
