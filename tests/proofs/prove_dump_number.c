// For Eva: the parser of numbers in dumps has no undefined behaviour for any
// bytes, up to 8 of them.
#include "__fc_builtin.h"

#include "compare/dump_number.h"

enum {
    MAX_BYTES = 8,
};

int main(void)
{
    char text[MAX_BYTES];
    Frama_C_make_unknown(text, MAX_BYTES);
    // At the end of the array, so that a byte too many would be outside of it.
    for (size_t size = 0; size <= MAX_BYTES; size++) {
        double number = 0;
        dump_number_parse(text + MAX_BYTES - size, size, &number);
    }
    return 0;
}
