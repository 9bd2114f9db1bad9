// Python's float.hex(): see include/microgpt/hexfloat.h.
#include "microgpt/hexfloat.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
};

int hexfloat_format(double number, char *out)
{
    assert(out != NULL);
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    const char *sign = bits >> 63 != 0 ? "-" : "";
    int biased = (int)(bits >> MANTISSA_BITS & 0x7FF);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    if (isnan(number)) { // Python prints no sign for it
        return snprintf(out, HEXFLOAT_BYTES, "nan");
    }
    if (isinf(number)) {
        return snprintf(out, HEXFLOAT_BYTES, "%sinf", sign);
    }
    if (number == 0) {
        return snprintf(out, HEXFLOAT_BYTES, "%s0x0.0p+0", sign);
    }
    int leading = biased != 0 ? 1 : 0; // a subnormal number has none, and the smallest exponent
    int exponent = biased != 0 ? biased - EXPONENT_BIAS : 1 - EXPONENT_BIAS;
    return snprintf(out, HEXFLOAT_BYTES, "%s0x%d.%013" PRIx64 "p%+d", sign, leading, mantissa,
                    exponent);
}
