// For Eva: utf8.c has no undefined behaviour, for any bytes that utf8_read() reads, up to 8 of
// them, and any code points that utf8_write() writes.
#include "__fc_builtin.h"

#include "python/utf8.h"

enum {
    MAX_BYTES = 8,
    FIRST_SURROGATE = 0xD800,
    LAST_SURROGATE = 0xDFFF,
};

// At the end of the array, so that a byte too many would be outside of it.
static void decode_any_bytes(size_t size)
{
    char text[MAX_BYTES];
    Frama_C_make_unknown(text, MAX_BYTES);
    uint32_t code_point;
    size_t n = utf8_read(text + MAX_BYTES - size, size, &code_point);
    //@ assert n <= size;
    if (n > 0) {
        //@ assert code_point <= UTF8_MAX_CODE_POINT;
        utf8_is_space(code_point);
    }
}

static void encode_code_points(unsigned first, unsigned last)
{
    char out[UTF8_MAX_BYTES];
    size_t n = utf8_write(Frama_C_unsigned_int_interval(first, last), out);
    //@ assert 1 <= n <= UTF8_MAX_BYTES;
}

int main(void)
{
    for (size_t size = 1; size <= MAX_BYTES; size++) {
        decode_any_bytes(size);
    }
    encode_code_points(0, FIRST_SURROGATE - 1);
    encode_code_points(LAST_SURROGATE + 1, UTF8_MAX_CODE_POINT);
    return 0;
}
