// Prints what this libm computes, for libm_results.py: function, arguments, result.
#include "golden_libm.h"

int main(void)
{
    for (size_t i = 0; i < sizeof libm_sentinels / sizeof *libm_sentinels; i++) {
        const LibmSentinel *s = &libm_sentinels[i];
        printf("%s %a %a %a\n", s->function, s->x, s->y, libm_result(s));
    }
    return 0;
}
