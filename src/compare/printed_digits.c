// The digits of printed numbers: see printed_digits.h.
//
// The shortest decimals that give a float back have up to 9 digits, and those of a double up to 17.
// Of a few dozen numbers, hardly any float needs more than 8, but half of the doubles need 17.
#include "compare/printed_digits.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "compare/dump_number.h"

enum {
    MIN_NUMBERS = 16, // this many numbers are hardly ever all short by chance
    MIN_DIGITS = 4,   // shorter ones are chosen by hand: 0.5, 1.25
    FLOAT_DIGITS = 9,
    USUAL_FLOAT_DIGITS = 8,
    DOUBLE_DIGITS = 17,
    MAX_EXPONENT = 9999,
};

// Returns the number after the `e` of a decimal number; 0 if it has none.
static int exponent_of(const char *text, size_t length)
{
    int exponent = 0;
    bool is_negative = false;
    bool is_after = false;
    for (size_t i = 0; i < length; i++) {
        is_negative = is_negative || (is_after && text[i] == '-');
        if (is_after && isdigit((unsigned char)text[i]) && exponent < MAX_EXPONENT) {
            exponent = 10 * exponent + (text[i] - '0');
        }
        is_after = is_after || text[i] == 'e' || text[i] == 'E';
    }
    return is_negative ? -exponent : exponent;
}

// Returns how many digits a decimal number has after its point, not counting an exponent.
static int places_of(const char *text, size_t length)
{
    size_t end = 0;
    while (end < length && text[end] != 'e' && text[end] != 'E') {
        end++;
    }
    const char *point = memchr(text, '.', end);
    return point != NULL ? (int)(text + end - point - 1) : 0;
}

// Returns whether some float is rounded to this number when it is printed with as many digits.
static bool is_printed_float(double number, int last_place)
{
    return fabs(number - (double)(float)number) <= 0.5000001 * pow(10, -last_place);
}

static void add_decimal(PrintedDigits *printed, const char *text, size_t length, int n_digits)
{
    int places = places_of(text, length);
    bool is_first = printed->n == 0;
    printed->is_unaligned = printed->is_unaligned || (!is_first && places != printed->places);
    printed->places = places > printed->places ? places : printed->places;
    printed->min_digits =
        is_first || n_digits < printed->min_digits ? n_digits : printed->min_digits;
    if (n_digits > printed->max_digits) {
        printed->max_digits = n_digits;
        printed->n_longest = 0;
    }
    printed->n_longest += n_digits == printed->max_digits;
    printed->n++;
}

void printed_digits_add(PrintedDigits *printed, const char *text, size_t length, double number)
{
    assert(printed != NULL && text != NULL);
    if (number == 0 || !isfinite(number)) {
        return;
    }
    int n_digits = dump_number_digits(text, length);
    bool is_float = (double)(float)number == number;
    if (n_digits == 0) {
        printed->n_exact++;
        printed->has_double = printed->has_double || !is_float;
        return;
    }
    if (places_of(text, length) == 0) {
        return; // 1, for example, which is a constant
    }
    add_decimal(printed, text, length, n_digits);
    int exponent = exponent_of(text, length);
    printed->has_exponent = printed->has_exponent || exponent != 0;
    if (!printed->has_double && !is_float) {
        printed->has_double = !is_printed_float(number, places_of(text, length) - exponent);
    }
}

bool printed_digits_are_floats(const PrintedDigits *printed)
{
    bool are_short = printed->n_exact == 0 && printed->max_digits <= FLOAT_DIGITS;
    return printed->n >= MIN_NUMBERS && (are_short || !printed->has_double);
}

bool printed_digits_are_few(const PrintedDigits *printed)
{
    if (printed->n < MIN_NUMBERS || printed->n_exact > 0 || printed->max_digits < MIN_DIGITS) {
        return false;
    }
    bool are_floats = printed_digits_are_floats(printed);
    int usual = are_floats ? USUAL_FLOAT_DIGITS : DOUBLE_DIGITS;
    bool are_cut = 2 * printed->n_longest >= printed->n && printed->max_digits < usual;
    bool are_fixed = !printed->is_unaligned && !printed->has_exponent;
    return are_cut ||
           (are_fixed && printed->min_digits < (are_floats ? FLOAT_DIGITS : DOUBLE_DIGITS));
}
