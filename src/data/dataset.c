// Turns a text file into documents: see include/microgpt/dataset.h.
//
// Implements `docs = [line.strip() for line in open(...) if line.strip()]` and the shuffle. The
// tokenizer follows. No line is copied: documents point into the text.
#include "microgpt/dataset.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/in_file.h"
#include "data/default_names.h"
#include "python/utf8.h"

// Reads the whole file. The caller frees the text, even after a failure.
static bool read_text(const InFile *file, char **text, size_t *size, Error *error)
{
    if (file->size > DATASET_MAX_BYTES) {
        return error_set_file(error, file->name, 0,
                              "has %zu bytes; at most %d can be read; use a smaller file",
                              file->size, DATASET_MAX_BYTES);
    }
    *size = file->size;
    *text = malloc(*size + 1); // + 1: an empty file must not look like a failed allocation
    if (*text == NULL) {
        return error_set_file(error, file->name, 0,
                              "out of memory for its %zu bytes; use a smaller file", *size);
    }
    return in_file_read(file, 0, *text, size, error);
}

bool dataset_read(Dataset *dataset, const char *path, Error *error)
{
    assert(dataset != NULL && path != NULL && error != NULL);
    InFile file;
    if (!in_file_open(&file, path, "text file", error)) {
        return false;
    }
    char *text = NULL;
    size_t size = 0;
    Dataset parsed;
    bool ok = read_text(&file, &text, &size, error) &&
              dataset_parse(&parsed, file.name, text, size, error);
    in_file_close(&file);
    if (!ok) {
        free(text);
        return false;
    }
    *dataset = parsed;
    dataset->text = text;
    return true;
}

bool dataset_default(Dataset *dataset, Error *error)
{
    return dataset_parse(dataset, "names.txt", default_names, default_names_size, error);
}

// Returns whether a line ends with this byte: \n, or a \r that is not followed by \n.
static bool ends_line(const char *text, size_t size, size_t offset)
{
    if (text[offset] == '\r') {
        return offset + 1 == size || text[offset + 1] != '\n';
    }
    return text[offset] == '\n';
}

// Checks that the whole text is UTF-8, so that later code need not.
static bool check_utf8(const char *name, const char *text, size_t size, Error *error)
{
    size_t line = 1;
    size_t offset = 0;
    while (offset < size) {
        uint32_t code_point;
        size_t n = utf8_read(text + offset, size - offset, &code_point);
        if (n == 0) {
            return error_set_file(
                error, name, line,
                "not UTF-8 at byte offset %zu (byte 0x%02x); convert the file to UTF-8", offset,
                (unsigned)(unsigned char)text[offset]);
        }
        line += ends_line(text, size, offset);
        offset += n;
    }
    return true;
}

// Returns how many bytes of white space the text starts with.
static size_t leading_space(const char *text, size_t size)
{
    size_t skipped = 0;
    while (skipped < size) {
        uint32_t code_point;
        size_t n = utf8_read(text + skipped, size - skipped, &code_point);
        if (!utf8_is_space(code_point)) {
            break;
        }
        skipped += n;
    }
    return skipped;
}

// Returns the size of the text without the white space at its end.
static size_t without_trailing_space(const char *text, size_t size)
{
    while (size > 0) {
        size_t start = size - 1;
        while ((text[start] & 0xC0) == 0x80) { // back to where the last character starts
            start--;
        }
        uint32_t code_point;
        utf8_read(text + start, size - start, &code_point);
        if (!utf8_is_space(code_point)) {
            break;
        }
        size = start;
    }
    return size;
}

static Document strip(const char *text, size_t size)
{
    size_t skipped = leading_space(text, size);
    return (Document){text + skipped, without_trailing_space(text + skipped, size - skipped)};
}

// Returns the size of the next line, without its line end. \r\n counts as two line ends; the blank
// line between them is dropped like any other.
static size_t line_size(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && text[n] != '\n' && text[n] != '\r') {
        n++;
    }
    return n;
}

// Collects the documents; only counts them if docs is NULL.
static size_t split_documents(const char *text, size_t size, Document *docs)
{
    size_t n_docs = 0;
    size_t offset = 0;
    while (offset < size) {
        size_t n = line_size(text + offset, size - offset);
        Document doc = strip(text + offset, n);
        if (doc.size > 0) {
            if (docs != NULL) {
                docs[n_docs] = doc;
            }
            n_docs++;
        }
        offset += n + 1;
    }
    return n_docs;
}

bool dataset_parse(Dataset *dataset, const char *name, const char *text, size_t size, Error *error)
{
    assert(dataset != NULL && name != NULL && text != NULL && error != NULL);
    if (!check_utf8(name, text, size, error)) {
        return false;
    }
    size_t n_docs = split_documents(text, size, NULL);
    if (n_docs == 0) {
        return error_set_file(error, name, 0, "%s; write one document per line",
                              size == 0 ? "is empty" : "has only blank lines");
    }
    Document *docs = calloc(n_docs, sizeof *docs);
    if (docs == NULL) {
        return error_set_file(error, name, 0,
                              "out of memory for its %zu documents; use a smaller file", n_docs);
    }
    split_documents(text, size, docs);
    *dataset = (Dataset){.docs = docs, .n_docs = n_docs};
    return true;
}

void dataset_shuffle(Dataset *dataset, Random *random)
{
    assert(dataset != NULL);
    random_shuffle(random, dataset->docs, dataset->n_docs, sizeof *dataset->docs);
}

void dataset_free(Dataset *dataset)
{
    assert(dataset != NULL);
    free(dataset->docs);
    free(dataset->text);
    *dataset = (Dataset){0};
}
