// Writes the log of --log: see step_log.h.
#include "run/step_log.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "microgpt/hexfloat.h"

// CRC-32 of the doubles' bytes, little-endian whatever the machine is.
static uint32_t crc32_doubles(const double *numbers, size_t n)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        unsigned char bytes[8];
        for (int k = 0; k < 8; k++) {
            bytes[k] = (unsigned char)(bits >> (8 * k));
        }
        crc = crc32(crc, bytes, sizeof bytes);
    }
    return (uint32_t)crc;
}

void step_log_begin(FILE *file)
{
    fprintf(file, "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32\n");
}

void step_log_write(FILE *file, size_t step, double loss, const Model *model)
{
    char loss_hex[HEXFLOAT_BYTES];
    hexfloat_format(loss, loss_hex);
    uint32_t grads_crc32 = crc32_doubles(model->grad, model->n_params);
    uint32_t params_crc32 = crc32_doubles(model->data, model->n_params);
    fprintf(file, "%zu\t%.17g\t%s\t%08x\t%08x\n", step, loss, loss_hex, grads_crc32, params_crc32);
}
