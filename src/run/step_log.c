// Writes the log of --log: see step_log.h.
#include "run/step_log.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/little_endian.h"
#include "python/hexfloat.h"

enum {
    LINE_BYTES = 256, // more than the longest line of a log
};

static const char HEADER[] = "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32\n";

// Returns the CRC-32 of the doubles' bytes in little-endian order, on every machine.
static uint32_t crc32_doubles(const double *numbers, size_t n)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        unsigned char bytes[sizeof *numbers];
        little_endian_put(&numbers[i], 1, bytes);
        crc = crc32(crc, bytes, sizeof bytes);
    }
    return (uint32_t)crc;
}

// Truncates the log at this late point, so that a run that fails to start leaves it unchanged.
bool step_log_begin(OutFile *log, Error *error)
{
    if (log->is_log && ftruncate(fileno(log->file), 0) != 0) {
        return error_set_file(error, log->name, 0, "cannot be written: %s", strerror(errno));
    }
    fputs(HEADER, log->file);
    return out_file_check(log, error);
}

// Reads the last line of the first `size` bytes, without its line end; *line is empty if there is
// none.
static bool read_last_line(const OutFile *log, off_t size, char line[LINE_BYTES], Error *error)
{
    char end[LINE_BYTES];
    size_t n_wanted = size < LINE_BYTES ? (size_t)size : LINE_BYTES;
    ssize_t n = pread(fileno(log->file), end, n_wanted, size - (off_t)n_wanted);
    if (n < 0) {
        return error_set_file(error, log->name, 0, "cannot be read: %s", strerror(errno));
    }
    line[0] = '\0';
    if (n == 0 || end[n - 1] != '\n') {
        return true;
    }
    size_t start = (size_t)n - 1;
    while (start > 0 && end[start - 1] != '\n') {
        start--;
    }
    size_t length = (size_t)n - 1 - start;
    memcpy(line, end + start, length);
    line[length] = '\0';
    return true;
}

// Parses the step of a line; the header counts as step 0. Returns false for any other text.
static bool parse_line(const char *line, size_t *step, uint32_t *params_crc32)
{
    if (strncmp(line, HEADER, strlen(HEADER) - 1) == 0) {
        *step = 0;
        return true;
    }
    int end = 0;
    unsigned crc;
    if (sscanf(line, "%zu\t%*[^\t]\t%*[^\t]\t%*8[0-9a-f]\t%8x%n", step, &crc, &end) != 2 ||
        line[end] != '\0') {
        return false;
    }
    *params_crc32 = crc;
    return *step > 0;
}

// Reads the step and the CRC of the last line of the first `size` bytes, and the line itself.
static bool read_step(const OutFile *log, off_t size, char line[LINE_BYTES], size_t *step,
                      uint32_t *params_crc32, Error *error)
{
    return read_last_line(log, size, line, error) &&
           (parse_line(line, step, params_crc32) ||
            error_set_file(error, log->name, 0,
                           "does not end with a line of a log; name another file with --log"));
}

bool step_log_continue(OutFile *log, size_t step, const Model *model, Error *error)
{
    struct stat status;
    char line[LINE_BYTES];
    if (!log->is_log || fstat(fileno(log->file), &status) != 0 || status.st_size == 0) {
        return step_log_begin(log, error);
    }
    size_t last = 0;
    size_t before = 0;
    uint32_t crc = 0;
    uint32_t ignored;
    if (!read_step(log, status.st_size, line, &last, &crc, error)) {
        return false;
    }
    off_t start = status.st_size - (off_t)strlen(line) - 1;
    if (last > 0 && !read_step(log, start, line, &before, &ignored, error)) {
        return false;
    }
    if (before > 0 && before + 1 != last) {
        return error_set_file(error, log->name, 0,
                              "ends with step %zu after step %zu; name another file with --log",
                              last, before);
    }
    if (last != step) {
        return error_set_file(
            error, log->name, 0,
            "ends after step %zu, but the checkpoint is of step %zu; name another "
            "file with --log",
            last, step);
    }
    return step == 0 || crc == crc32_doubles(model->data, model->n_params) ||
           error_set_file(
               error, log->name, 0,
               "is the log of another run: at step %zu its parameters are not those of the "
               "checkpoint; name another file with --log",
               step);
}

void step_log_write(FILE *file, size_t step, double loss, const Model *model)
{
    char loss_hex[HEXFLOAT_BYTES];
    hexfloat_format(loss, loss_hex);
    uint32_t grads_crc32 = crc32_doubles(model->grad, model->n_params);
    uint32_t params_crc32 = crc32_doubles(model->data, model->n_params);
    fprintf(file, "%zu\t%.17g\t%s\t%08x\t%08x\n", step, loss, loss_hex, grads_crc32, params_crc32);
}
