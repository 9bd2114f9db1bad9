// Python's float.hex() and back: see python/hexfloat.h.
#include "python/hexfloat.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
    MAX_EXPONENT = 1 << 20, // of a text: far above that of a double, far below overflow
};

int hexfloat_format(double number, char *out)
{
    assert(out != NULL);
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    const char *sign = bits >> 63 != 0 ? "-" : "";
    int biased = (int)(bits >> MANTISSA_BITS & 0x7FF);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    if (isnan(number)) { // Python prints nan without a sign
        return snprintf(out, HEXFLOAT_BYTES, "nan");
    }
    if (isinf(number)) {
        return snprintf(out, HEXFLOAT_BYTES, "%sinf", sign);
    }
    if (number == 0) {
        return snprintf(out, HEXFLOAT_BYTES, "%s0x0.0p+0", sign);
    }
    int leading = biased != 0 ? 1 : 0; // a subnormal number has none, and has the smallest exponent
    int exponent = biased != 0 ? biased - EXPONENT_BIAS : 1 - EXPONENT_BIAS;
    return snprintf(out, HEXFLOAT_BYTES, "%s0x%d.%013" PRIx64 "p%+d", sign, leading, mantissa,
                    exponent);
}

// The text that is still to be read. Its digits become an integer and a power of two; the text is
// rejected if their product is not exactly a double.
typedef struct Text {
    const char *at;
    const char *end;
} Text;

static bool take(Text *text, char c)
{
    bool is_there = text->at < text->end && *text->at == c;
    text->at += is_there;
    return is_there;
}

static bool is_word(const Text *text, const char *word)
{
    size_t length = (size_t)(text->end - text->at);
    return length == strlen(word) && memcmp(text->at, word, length) == 0;
}

// Returns the value of a hexadecimal digit, or -1 if c is none.
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Appends hexadecimal digits to the mantissa. Returns how many there are, or -1 if they are too
// many.
static int take_digits(Text *text, uint64_t *mantissa)
{
    int n = 0;
    while (text->at < text->end && hex_digit(*text->at) >= 0) {
        if (*mantissa >> (64 - 4) != 0 || n == 64) {
            return -1;
        }
        *mantissa = *mantissa << 4 | (uint64_t)hex_digit(*text->at);
        text->at++;
        n++;
    }
    return n;
}

// Reads `p+5`, `p-1022` or `p0`, which must be the rest of the text.
static bool take_exponent(Text *text, int *exponent)
{
    if (!take(text, 'p')) {
        return false;
    }
    bool negative = take(text, '-');
    if (!negative) {
        take(text, '+');
    }
    if (text->at == text->end) {
        return false;
    }
    int value = 0;
    for (; text->at < text->end; text->at++) {
        if (*text->at < '0' || *text->at > '9' || value > MAX_EXPONENT) {
            return false;
        }
        value = 10 * value + (*text->at - '0');
    }
    *exponent = negative ? -value : value;
    return true;
}

// Computes mantissa * 2**exponent. Returns false if the result is not a double.
static bool scale(uint64_t mantissa, int exponent, double *number)
{
    if (mantissa != 0) {
        int zeros = __builtin_ctzll(mantissa);
        assert(zeros >= 0 && zeros < 64);
        mantissa >>= zeros;
        exponent += zeros;
    }
    if (mantissa >= UINT64_C(1) << (MANTISSA_BITS + 1)) {
        return false;
    }
    *number = ldexp((double)mantissa, exponent);
    return isfinite(*number) && ldexp(*number, -exponent) == (double)mantissa;
}

bool hexfloat_parse(const char *text_start, size_t length, double *number)
{
    assert(text_start != NULL && number != NULL);
    Text text = {text_start, text_start + length};
    if (is_word(&text, "nan")) {
        *number = NAN;
        return true;
    }
    bool negative = take(&text, '-');
    double magnitude = INFINITY;
    if (!is_word(&text, "inf")) {
        uint64_t mantissa = 0;
        int exponent = 0;
        int n_fraction = 0;
        if (!take(&text, '0') || !take(&text, 'x') || take_digits(&text, &mantissa) < 1) {
            return false;
        }
        if (take(&text, '.')) {
            n_fraction = take_digits(&text, &mantissa);
        }
        if (n_fraction < 0 || !take_exponent(&text, &exponent) ||
            !scale(mantissa, exponent - 4 * n_fraction, &magnitude)) {
            return false;
        }
    }
    *number = negative ? -magnitude : magnitude;
    return true;
}
