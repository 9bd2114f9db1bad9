// Writes the log of --log: see step_log.h.
#include "step_log.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "microgpt/hexfloat.h"

static bool is_same_file(const char *path, const char *other)
{
    struct stat a;
    struct stat b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool step_log_open(StepLog *log, const char *path, const char *data_path, Error *error)
{
    assert(log != NULL && error != NULL);
    *log = (StepLog){.path = path};
    if (path == NULL) {
        return true;
    }
    if (data_path != NULL && is_same_file(path, data_path)) {
        return error_set(error, "%s: is the data file; name another file for --log", path);
    }
    log->file = fopen(path, "we");
    if (log->file == NULL) {
        return error_set(error, "%s: cannot be written: %s", path, strerror(errno));
    }
    fprintf(log->file, "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32\n");
    return true;
}

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

bool step_log_write(StepLog *log, size_t step, double loss, const Model *model, Error *error)
{
    if (log->file == NULL) {
        return true;
    }
    char loss_hex[HEXFLOAT_BYTES];
    hexfloat_format(loss, loss_hex);
    errno = 0;
    fprintf(log->file, "%zu\t%.17g\t%s\t%08x\t%08x\n", step, loss, loss_hex,
            crc32_doubles(model->grad, model->n_params),
            crc32_doubles(model->data, model->n_params));
    if (ferror(log->file)) {
        return error_set(error, "%s: cannot be written: %s", log->path, strerror(errno));
    }
    return true;
}

bool step_log_close(StepLog *log, Error *error)
{
    if (log->file == NULL) {
        return true;
    }
    bool failed = ferror(log->file) != 0;
    errno = 0;
    failed |= fclose(log->file) != 0;
    log->file = NULL;
    if (failed) {
        return error_set(error, "%s: cannot be written: %s", log->path, strerror(errno));
    }
    return true;
}
