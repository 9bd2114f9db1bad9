// JSON documents on top of jansson: see json_out.h.
#include "cli/json_out.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "python/utf8.h"

JsonOut json_out_begin(void)
{
    json_t *root = json_object();
    return (JsonOut){root, root == NULL};
}

void json_out_free(JsonOut *out)
{
    json_decref(out->root);
    *out = (JsonOut){0};
}

// (jansson accepts NULL for a parent or a value; it returns -1 and frees the value.)
static void add(JsonOut *out, json_t *parent, const char *key, json_t *value)
{
    int status = key != NULL ? json_object_set_new(parent, key, value)
                             : json_array_append_new(parent, value);
    if (status != 0) {
        out->out_of_memory = true;
    }
}

json_t *json_out_object(JsonOut *out, json_t *parent, const char *key)
{
    json_t *object = json_object();
    add(out, parent, key, object);
    return out->out_of_memory ? NULL : object;
}

json_t *json_out_array(JsonOut *out, json_t *parent, const char *key)
{
    json_t *array = json_array();
    add(out, parent, key, array);
    return out->out_of_memory ? NULL : array;
}

void json_out_number(JsonOut *out, json_t *parent, const char *key, double number)
{
    add(out, parent, key, isfinite(number) ? json_real(number) : json_null());
}

void json_out_count(JsonOut *out, json_t *parent, const char *key, uint64_t count)
{
    if (count <= INT64_MAX) {
        add(out, parent, key, json_integer((json_int_t)count));
    } else {
        add(out, parent, key, json_sprintf("%" PRIu64, count));
    }
}

void json_out_integer(JsonOut *out, json_t *parent, const char *key, long long number)
{
    add(out, parent, key, json_integer(number));
}

void json_out_bool(JsonOut *out, json_t *parent, const char *key, bool flag)
{
    add(out, parent, key, json_boolean(flag));
}

void json_out_null(JsonOut *out, json_t *parent, const char *key)
{
    add(out, parent, key, json_null());
}

void json_out_text(JsonOut *out, json_t *parent, const char *key, const char *text)
{
    json_out_text_of(out, parent, key, text, strlen(text));
}

void json_out_text_of(JsonOut *out, json_t *parent, const char *key, const char *text, size_t size)
{
    add(out, parent, key, json_stringn(text, size));
}

void json_out_bytes(JsonOut *out, json_t *parent, const char *key, const char *bytes, size_t size)
{
    char *text = malloc(4 * size + 1); // `\xNN`
    if (text == NULL) {
        out->out_of_memory = true;
        return;
    }
    size_t length = 0;
    for (size_t i = 0; i < size;) {
        uint32_t code_point;
        size_t n = utf8_read(bytes + i, size - i, &code_point);
        if (n > 0) {
            memcpy(text + length, bytes + i, n);
            length += n;
        } else {
            length += (size_t)sprintf(text + length, "\\x%02X", (unsigned char)bytes[i]);
        }
        i += n > 0 ? n : 1;
    }
    json_out_text_of(out, parent, key, text, length);
    free(text);
}

static const size_t FORMAT = JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17);

static bool say_out_of_memory(Error *error)
{
    return error_set(error, "out of memory for the JSON output");
}

// Python writes escapes in lower case, and also escapes DEL. jansson passes each escape separately.
static int write_piece(const char *piece, size_t size, void *file)
{
    bool is_escape = piece[0] == '\\';
    for (size_t i = 0; i < size; i++) {
        if (piece[i] == 0x7F) {
            fputs("\\u007f", file);
        } else {
            fputc(is_escape ? tolower((unsigned char)piece[i]) : piece[i], file);
        }
    }
    return ferror(file) ? -1 : 0;
}

// If the file cannot be written, the caller reports it.
static bool write_value(const json_t *value, FILE *file, size_t flags, Error *error)
{
    return json_dump_callback(value, write_piece, file, FORMAT | flags) == 0 || ferror(file) ||
           say_out_of_memory(error);
}

static bool write_document(JsonOut *out, FILE *file, size_t flags, Error *error)
{
    bool ok =
        out->out_of_memory ? say_out_of_memory(error) : write_value(out->root, file, flags, error);
    if (ok) {
        fputc('\n', file);
    }
    json_out_free(out);
    return ok;
}

bool json_out_write(JsonOut *out, FILE *file, Error *error)
{
    return write_document(out, file, JSON_INDENT(1), error);
}

bool json_out_write_line(JsonOut *out, FILE *file, Error *error)
{
    return write_document(out, file, 0, error);
}

bool json_out_write_text(FILE *file, const char *text, size_t size, Error *error)
{
    json_t *value = json_stringn(text, size);
    bool ok =
        value != NULL ? write_value(value, file, JSON_ENCODE_ANY, error) : say_out_of_memory(error);
    json_decref(value);
    return ok;
}

// Does not use json_dumps(), which omits a key and continues if memory runs out.
char *json_out_compact(const JsonOut *out, Error *error)
{
    size_t flags = FORMAT | JSON_COMPACT;
    size_t size = out->out_of_memory ? 0 : json_dumpb(out->root, NULL, 0, flags);
    char *text = size > 0 ? malloc(size + 1) : NULL;
    if (text == NULL || json_dumpb(out->root, text, size, flags) != size) {
        free(text);
        say_out_of_memory(error);
        return NULL;
    }
    text[size] = '\0';
    return text;
}
