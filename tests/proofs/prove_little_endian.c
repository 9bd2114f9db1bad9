// For Eva: little_endian.h has no undefined behaviour for any numbers and bytes, and converting an
// integer to bytes and back gives the same integer.
#include "__fc_builtin.h"

#include "base/little_endian.h"

enum {
    N_NUMBERS = 3,
};

int main(void)
{
    double numbers[N_NUMBERS];
    unsigned char bytes[8 * N_NUMBERS];
    Frama_C_make_unknown((char *)numbers, sizeof numbers);
    little_endian_put(numbers, N_NUMBERS, bytes);
    Frama_C_make_unknown((char *)bytes, sizeof bytes);
    little_endian_get(bytes, N_NUMBERS, numbers);
    little_endian_put_integer(0x0123456789ABCDEF, bytes);
    //@ assert bytes[0] == 0xEF && bytes[7] == 0x01;
    uint64_t same = little_endian_get_integer(bytes);
    //@ assert same == 0x0123456789ABCDEF;
    return 0;
}
