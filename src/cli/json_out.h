// JSON output of commands: a document is built in memory, then written in plain ASCII, as Python's
// json.dumps() does, with numbers of 17 digits, which determine every bit.
//
// If memory runs out while a document is built, json_out_write() reports it, so that callers need
// not check after each value.
#ifndef MICROGPT_JSON_OUT_H
#define MICROGPT_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "microgpt/error.h"

typedef struct JsonOut {
    json_t *root; // an object
    bool out_of_memory;
} JsonOut;

JsonOut json_out_begin(void);

// Frees a document; does nothing to one that was written.
void json_out_free(JsonOut *out);

// Add an object or an array to a parent: under the key, or at the end if the parent is an array and
// key is NULL. Return what was added; it belongs to the document.
json_t *json_out_object(JsonOut *out, json_t *parent, const char *key);
json_t *json_out_array(JsonOut *out, json_t *parent, const char *key);

// Add a value in the same way. A number that is not finite becomes null, as JSON has no notation
// for it; a count of 2^63 or more becomes a text of its digits, as jansson has no such integers.
void json_out_number(JsonOut *out, json_t *parent, const char *key, double number);
void json_out_count(JsonOut *out, json_t *parent, const char *key, uint64_t count);
void json_out_integer(JsonOut *out, json_t *parent, const char *key, long long number);
void json_out_bool(JsonOut *out, json_t *parent, const char *key, bool flag);
void json_out_null(JsonOut *out, json_t *parent, const char *key);

// Requires: UTF-8.
void json_out_text(JsonOut *out, json_t *parent, const char *key, const char *text);
void json_out_text_of(JsonOut *out, json_t *parent, const char *key, const char *text, size_t size);

// The same for any bytes, such as a file's name: bytes that are not UTF-8 become `\xNN`.
void json_out_bytes(JsonOut *out, json_t *parent, const char *key, const char *bytes, size_t size);

// Writes the document and a newline, and frees it.
// Errors: memory has run out, now or before. The caller checks the file for errors.
bool json_out_write(JsonOut *out, FILE *file, Error *error);

// The same on one line.
bool json_out_write_line(JsonOut *out, FILE *file, Error *error);

// Writes only a text, in quotes, without a newline. Requires: UTF-8.
// Errors: out of memory.
bool json_out_write_text(FILE *file, const char *text, size_t size, Error *error);

// Returns the document as a text without white space; the caller frees it.
// Errors: memory has run out, now or before; returns NULL.
char *json_out_compact(const JsonOut *out, Error *error);

#endif
