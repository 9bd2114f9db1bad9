// Writes the page of a report: see report_data.h.
#include "report/report_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cli/out_file.h"
#include "report/report_page.h"

static const char MARK[] = "@DATA@";

// A buffer in memory, which the caller frees.
typedef struct Bytes {
    char *bytes;
    size_t size;
} Bytes;

static bool deflate_text(const char *text, Bytes *to, Error *error)
{
    uLong length = strlen(text);
    uLongf size = compressBound(length);
    to->bytes = malloc(size);
    if (to->bytes == NULL || compress2((Bytef *)to->bytes, &size, (const Bytef *)text, length,
                                       Z_BEST_COMPRESSION) != Z_OK) {
        return error_out_of_memory(error, "the report", size);
    }
    to->size = size;
    return true;
}

// Three bytes become four characters; `=` stands for each byte that is missing in the last three.
static bool encode_base64(const Bytes *from, Bytes *to, Error *error)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const unsigned missing = 64;
    to->size = (from->size + 2) / 3 * 4;
    to->bytes = malloc(to->size + 1);
    if (to->bytes == NULL) {
        return error_out_of_memory(error, "the report", to->size + 1);
    }
    const unsigned char *bytes = (const unsigned char *)from->bytes;
    char *next = to->bytes;
    for (size_t i = 0; i < from->size; i += 3) {
        bool has_second = i + 1 < from->size;
        bool has_third = i + 2 < from->size;
        unsigned group = (unsigned)bytes[i] << 16;
        group |= has_second ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= has_third ? (unsigned)bytes[i + 2] : 0;
        *next++ = digits[group >> 18];
        *next++ = digits[group >> 12 & 63];
        *next++ = digits[has_second ? group >> 6 & 63 : missing];
        *next++ = digits[has_third ? group & 63 : missing];
    }
    return true;
}

static bool write_page(const char *path, const Bytes *base64, Error *error)
{
    const char *mark = strstr(report_page, MARK);
    assert(mark != NULL);
    const char *tail = mark + strlen(MARK);
    size_t tail_size = (size_t)(report_page + report_page_size - tail);
    size_t page_size = report_page_size - strlen(MARK) + base64->size;
    if (page_size > REPORT_MAX_BYTES) {
        return error_set(error,
                         "--output: the page would have %zu bytes, at most %d are written; choose "
                         "a smaller --n-embd or fewer --num-steps",
                         page_size, REPORT_MAX_BYTES);
    }
    OutFile out;
    if (!out_file_open(&out, path, error)) {
        return false;
    }
    if (!out_file_write(&out, report_page, (size_t)(mark - report_page), error) ||
        !out_file_write(&out, base64->bytes, base64->size, error) ||
        !out_file_write(&out, tail, tail_size, error)) {
        out_file_discard(&out);
        return false;
    }
    return out_file_close(&out, error);
}

bool report_write(const char *path, const JsonOut *data, Error *error)
{
    assert(path != NULL && data != NULL && error != NULL);
    char *json = json_out_compact(data, error);
    Bytes deflated = {0};
    Bytes base64 = {0};
    bool ok = json != NULL && deflate_text(json, &deflated, error) &&
              encode_base64(&deflated, &base64, error) && write_page(path, &base64, error);
    free(json);
    free(deflated.bytes);
    free(base64.bytes);
    return ok;
}
