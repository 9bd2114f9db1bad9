// Distances of numbers: see diff_numbers.h.
#include "compare/diff_numbers.h"

#include <math.h>
#include <string.h>

#include "cli/printable.h"
#include "python/hexfloat.h"

// Returns a number's index among all doubles ordered by value.
static int64_t place(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >= 0 ? bits : INT64_MIN - bits;
}

uint64_t ulp_distance(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b) ? 0 : UINT64_MAX;
    }
    int64_t place_a = place(a);
    int64_t place_b = place(b);
    return place_a > place_b ? (uint64_t)place_a - (uint64_t)place_b
                             : (uint64_t)place_b - (uint64_t)place_a;
}

bool is_same_bits(double a, double b)
{
    return (place(a) == place(b) && signbit(a) == signbit(b)) || (isnan(a) && isnan(b));
}

bool numbers_differ(double a, double b, uint64_t max_ulp)
{
    return !is_same_bits(a, b) && (max_ulp == 0 || ulp_distance(a, b) > max_ulp);
}

double relative_difference(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b))) {
        return 0;
    }
    double relative = fabs(a - b) / fmax(fabs(a), fabs(b));
    return isfinite(relative) ? relative : INFINITY;
}

void print_side_number(FILE *file, char name, double number)
{
    char hex[HEXFLOAT_BYTES];
    hexfloat_format(number, hex);
    fprintf(file, "    %c  %-24s %.17g\n", name, hex, number);
}

void print_side_file(FILE *file, int side, const char *file_name)
{
    fprintf(file, "%c  ", 'A' + side);
    printable_write(file, file_name, strlen(file_name));
}
