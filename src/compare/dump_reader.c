// Node dumps, line by line: see dump_reader.h.
#include "compare/dump_reader.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "microgpt/hexfloat.h"

enum {
    READ_BYTES = 1 << 17, // how much zlib unzips at a time
    FIRST_NODES = 1 << 12,
    FIRST_TEXT = 1 << 16,
    SHOWN_BYTES = 40, // how much of a wrong word an error shows
};

// A file being read, and where in its current line we stand. The lines lie in a buffer that grows
// to the longest of them and not beyond DUMP_MAX_LINE_BYTES.
typedef struct Reader {
    NodeDump *dump;
    Error *error;
    gzFile file;
    char *buffer;
    size_t capacity;
    size_t start; // of what is read but not yet handed out as a line
    size_t end;
    bool at_end; // of the file
    size_t line; // its number, from 1
    const char *at;
    const char *line_end;
} Reader;

static bool fail(const Reader *r, const char *what)
{
    return error_set_file(r->error, r->dump->file_name, r->line, "%s", what);
}

// Shows the word at fault, made harmless for a terminal.
static bool fail_at(const Reader *r, const char *word, size_t length, const char *what)
{
    char shown[SHOWN_BYTES + 1] = "";
    for (size_t i = 0; i < SHOWN_BYTES && i < length; i++) {
        shown[i] = (char)(word[i] >= ' ' && word[i] <= '~' ? word[i] : '?');
    }
    const char *more = length > SHOWN_BYTES ? "..." : "";
    return error_set_file(r->error, r->dump->file_name, r->line, "'%s'%s %s", shown, more, what);
}

static bool fail_memory(const Reader *r, size_t n_bytes)
{
    return error_set_file(r->error, r->dump->file_name, r->line,
                          "out of memory (%zu bytes) for so large a dump", n_bytes);
}

static bool read_error(const Reader *r)
{
    int code;
    const char *reason = gzerror(r->file, &code);
    if (code == Z_ERRNO) {
        return error_set_file(r->error, r->dump->file_name, 0, "cannot be read: %s",
                              strerror(errno));
    }
    size_t name_length = strlen(r->dump->file_name);
    if (code == Z_BUF_ERROR) {
        reason = "it ends too early";
    } else if (strncmp(reason, r->dump->file_name, name_length) == 0 &&
               strncmp(reason + name_length, ": ", 2) == 0) {
        reason += name_length + 2; // zlib names the file as well
    }
    return error_set_file(r->error, r->dump->file_name, r->line + 1, "cannot be unzipped: %s",
                          reason);
}

// Moves the rest of the buffer to its front, and makes room behind it.
static bool make_room(Reader *r)
{
    if (r->start > 0) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->capacity - r->end >= READ_BYTES) {
        return true;
    }
    size_t capacity = 2 * r->capacity + READ_BYTES;
    char *buffer = realloc(r->buffer, capacity);
    if (buffer == NULL) {
        fail_memory(r, capacity);
        return false;
    }
    r->buffer = buffer;
    r->capacity = capacity;
    return true;
}

static bool read_more(Reader *r)
{
    if (!make_room(r)) {
        return false;
    }
    errno = 0;
    int n = gzread(r->file, r->buffer + r->end, READ_BYTES);
    if (n < 0) {
        return read_error(r);
    }
    if (n < READ_BYTES) {
        int code;
        gzerror(r->file, &code);
        if (code != Z_OK && code != Z_STREAM_END) {
            return read_error(r);
        }
        r->at_end = gzeof(r->file) == 1;
    }
    r->end += (size_t)n;
    return true;
}

// Goes to the next line; *found is false at the end of the file.
static bool next_line(Reader *r, bool *found)
{
    size_t searched = 0;
    for (;;) {
        size_t n = r->end - r->start;
        char *line = n > 0 ? r->buffer + r->start : NULL; // at first there is no buffer
        char *newline = n > searched ? memchr(line + searched, '\n', n - searched) : NULL;
        size_t length = newline != NULL ? (size_t)(newline - line) : n;
        if (length > DUMP_MAX_LINE_BYTES) {
            r->line++;
            return error_set_file(r->error, r->dump->file_name, r->line,
                                  "is longer than %d bytes; is it a node dump?",
                                  DUMP_MAX_LINE_BYTES);
        }
        if (newline != NULL) {
            r->line++;
            r->at = line;
            r->line_end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
            r->start += length + 1;
            *found = true;
            return true;
        }
        if (r->at_end) {
            r->line++;
            *found = false;
            return n == 0 || fail(r, "ends without a newline; is the file cut off?");
        }
        searched = n;
        if (!read_more(r)) {
            return false;
        }
    }
}

// How many bytes the word at hand has: up to a space, a bracket (in a list) or the end of the line.
static size_t word_length(const Reader *r, bool in_list)
{
    const char *end = r->at;
    while (end < r->line_end && *end != ' ' && !(in_list && *end == ']')) {
        end++;
    }
    return (size_t)(end - r->at);
}

// Takes one character, or says what is missing here.
static bool take(Reader *r, char c, const char *missing)
{
    if (r->at >= r->line_end || *r->at != c) {
        return fail(r, missing);
    }
    r->at++;
    return true;
}

// A decimal number without a sign or leading zeros.
static bool parse_index(const char *word, size_t length, uint32_t *index)
{
    uint64_t value = 0;
    if (length == 0 || length > 10 || (word[0] == '0' && length > 1)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
        value = 10 * value + (uint64_t)(word[i] - '0');
    }
    *index = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool take_number(Reader *r, bool in_list, double *number)
{
    size_t length = word_length(r, in_list);
    if (!hexfloat_parse(r->at, length, number)) {
        return fail_at(r, r->at, length, "is not a number as Python's float.hex() writes it");
    }
    r->at += length;
    return true;
}

// Grows an array to n items; leaves it as it was where there is no memory, and sets *ok to false.
static void *grow(const Reader *r, void *array, size_t n, size_t item_size, bool *ok)
{
    void *grown = realloc(array, n * item_size);
    if (grown == NULL) {
        *ok = fail_memory(r, n * item_size);
        return array;
    }
    return grown;
}

static bool reserve_node(Reader *r)
{
    NodeDump *dump = r->dump;
    if (dump->n_nodes < dump->nodes_capacity) {
        return true;
    }
    if (dump->n_nodes >= DUMP_MAX_NODES) {
        return error_set_file(r->error, dump->file_name, r->line, "has more than %d nodes",
                              DUMP_MAX_NODES);
    }
    size_t capacity = dump->nodes_capacity > 0 ? 2 * dump->nodes_capacity : FIRST_NODES;
    bool ok = true;
    dump->data = grow(r, dump->data, capacity, sizeof *dump->data, &ok);
    dump->grad = grow(r, dump->grad, capacity, sizeof *dump->grad, &ok);
    dump->has_grad = grow(r, dump->has_grad, capacity, sizeof *dump->has_grad, &ok);
    dump->first_edge = grow(r, dump->first_edge, capacity + 1, sizeof *dump->first_edge, &ok);
    dump->ops = grow(r, dump->ops, capacity, sizeof *dump->ops, &ok);
    dump->paths = grow(r, dump->paths, capacity, sizeof *dump->paths, &ok);
    if (ok) {
        dump->nodes_capacity = capacity;
    }
    return ok;
}

static bool reserve_edge(Reader *r, uint32_t n_edges)
{
    NodeDump *dump = r->dump;
    if (n_edges < dump->edges_capacity) {
        return true;
    }
    if (n_edges >= UINT32_MAX / 4) {
        return fail(r, "has too many children in all nodes together");
    }
    size_t capacity = dump->edges_capacity > 0 ? 2 * dump->edges_capacity : FIRST_NODES;
    bool ok = true;
    dump->children = grow(r, dump->children, capacity, sizeof *dump->children, &ok);
    dump->local_grads = grow(r, dump->local_grads, capacity, sizeof *dump->local_grads, &ok);
    if (ok) {
        dump->edges_capacity = capacity;
    }
    return ok;
}

bool dump_add_text(NodeDump *dump, const char *name, size_t length, uint32_t *offset, Error *error)
{
    if (dump->text_capacity - dump->text_size < length + 1) {
        size_t capacity = 2 * dump->text_capacity + length + FIRST_TEXT;
        char *text = capacity < UINT32_MAX ? realloc(dump->text, capacity) : NULL;
        if (text == NULL) {
            return error_out_of_memory(error, "the names of nodes", capacity);
        }
        dump->text = text;
        dump->text_capacity = capacity;
    }
    *offset = (uint32_t)dump->text_size;
    memcpy(dump->text + dump->text_size, name, length);
    dump->text[dump->text_size + length] = '\0';
    dump->text_size += length + 1;
    return true;
}

// A name is made of visible ASCII characters.
static bool take_name(Reader *r, uint32_t *offset)
{
    size_t length = word_length(r, false);
    for (size_t i = 0; i < length; i++) {
        if (r->at[i] <= ' ' || r->at[i] > '~') {
            return fail_at(r, r->at, length, "is not a name: it has other characters than ASCII's");
        }
    }
    if (length == 0) {
        return fail(r, "has an empty name");
    }
    const char *name = r->at;
    r->at += length;
    return dump_add_text(r->dump, name, length, offset, r->error);
}

static bool take_child(Reader *r, uint32_t edge)
{
    size_t length = word_length(r, true);
    uint32_t child;
    if (!parse_index(r->at, length, &child)) {
        return fail_at(r, r->at, length, "is not the index of a child");
    }
    if (child >= r->dump->n_nodes) {
        return fail_at(r, r->at, length, "is a child that does not stand before its parent");
    }
    r->at += length;
    r->dump->children[edge] = child;
    return true;
}

// A list in brackets: children first, then as many local gradients.
static bool take_children(Reader *r, uint32_t *n_edges)
{
    if (!take(r, ' ', "ends before its children") ||
        !take(r, '[', "has no [ before its children")) {
        return false;
    }
    bool more = r->at < r->line_end && *r->at != ']';
    while (more) {
        if (!reserve_edge(r, *n_edges) || !take_child(r, *n_edges)) {
            return false;
        }
        *n_edges += 1;
        more = r->at < r->line_end && *r->at == ' ';
        r->at += more;
    }
    return take(r, ']', "has no ] behind its children");
}

static bool take_local_grads(Reader *r, uint32_t first_edge, uint32_t n_edges)
{
    if (!take(r, ' ', "ends before its local gradients") ||
        !take(r, '[', "has no [ before its local gradients")) {
        return false;
    }
    for (uint32_t edge = first_edge; edge < n_edges; edge++) {
        if (r->at < r->line_end && *r->at == ']') {
            return fail(r, "has fewer local gradients than children");
        }
        if (edge > first_edge && !take(r, ' ', "has no space between two local gradients")) {
            return false;
        }
        if (!take_number(r, true, &r->dump->local_grads[edge])) {
            return false;
        }
    }
    if (r->at < r->line_end && *r->at != ']') {
        return fail(r, "has more local gradients than children");
    }
    return take(r, ']', "has no ] behind its local gradients");
}

// Operation and path, in all lines or in none.
static bool take_names(Reader *r, uint32_t *op, uint32_t *path)
{
    bool has_names = r->at < r->line_end;
    if (r->dump->n_nodes == 0) {
        r->dump->has_names = has_names;
    }
    if (has_names != r->dump->has_names) {
        return fail(r, has_names ? "has more columns than the lines before"
                                 : "has no operation and path, as the lines before do");
    }
    *op = DUMP_NO_TEXT;
    *path = DUMP_NO_TEXT;
    return !has_names ||
           (take(r, ' ', "has no space behind its local gradients") && take_name(r, op) &&
            take(r, ' ', "has an operation but no path") && take_name(r, path));
}

// A gradient, or `-` where the port has none.
static bool take_grad(Reader *r, size_t node_id)
{
    NodeDump *dump = r->dump;
    dump->has_grad[node_id] = !(word_length(r, false) == 1 && *r->at == '-');
    if (!dump->has_grad[node_id]) {
        dump->grad[node_id] = 0;
        r->at++;
        return true;
    }
    return take_number(r, false, &dump->grad[node_id]);
}

static bool take_data(Reader *r, size_t node_id)
{
    return take(r, ' ', "ends before its data") && take_number(r, false, &r->dump->data[node_id]);
}

static bool take_line_end(const Reader *r)
{
    if (r->at != r->line_end) {
        return fail_at(r, r->at, (size_t)(r->line_end - r->at), "is one column too many");
    }
    return true;
}

// `index data grad [children] [local gradients]`, and maybe `operation path`.
static bool parse_full_line(Reader *r, uint32_t *n_edges)
{
    NodeDump *dump = r->dump;
    size_t node_id = dump->n_nodes;
    size_t length = word_length(r, false);
    uint32_t index;
    if (!parse_index(r->at, length, &index)) {
        return fail_at(r, r->at, length, "is not the index of a node");
    }
    if (index != node_id) {
        return error_set_file(r->error, dump->file_name, r->line, "has the index %u, expected %zu",
                              (unsigned)index, node_id);
    }
    r->at += length;
    dump->first_edge[node_id] = *n_edges;
    return take_data(r, node_id) && take(r, ' ', "ends before its gradient") &&
           take_grad(r, node_id) && take_children(r, n_edges) &&
           take_local_grads(r, dump->first_edge[node_id], *n_edges) &&
           take_names(r, &dump->ops[node_id], &dump->paths[node_id]) && take_line_end(r);
}

// `path data grad`, or `path data`
static bool parse_sparse_line(Reader *r)
{
    NodeDump *dump = r->dump;
    size_t node_id = dump->n_nodes;
    if (r->at < r->line_end && isdigit((unsigned char)*r->at)) {
        return fail(r, "starts with a number, and those before with a path");
    }
    dump->first_edge[node_id] = 0;
    dump->ops[node_id] = DUMP_NO_TEXT;
    if (!take_name(r, &dump->paths[node_id]) || !take_data(r, node_id)) {
        return false;
    }
    if (r->at == r->line_end) {
        dump->grad[node_id] = 0;
        dump->has_grad[node_id] = false;
        return true;
    }
    return take(r, ' ', "has no space behind its data") && take_grad(r, node_id) &&
           take_line_end(r);
}

static bool parse_line(Reader *r, uint32_t *n_edges)
{
    NodeDump *dump = r->dump;
    if (dump->n_nodes == 0) {
        dump->is_sparse = r->at < r->line_end && !isdigit((unsigned char)*r->at);
        dump->has_names = dump->is_sparse;
    }
    if (!reserve_node(r)) {
        return false;
    }
    bool ok = dump->is_sparse ? parse_sparse_line(r) : parse_full_line(r, n_edges);
    if (ok) {
        dump->n_nodes++;
        dump->first_edge[dump->n_nodes] = *n_edges;
    }
    return ok;
}

static bool read_lines(Reader *r)
{
    uint32_t n_edges = 0;
    for (;;) {
        bool found = false;
        if (!next_line(r, &found)) {
            return false;
        }
        if (!found) {
            break;
        }
        if (!parse_line(r, &n_edges)) {
            return false;
        }
    }
    return r->dump->n_nodes > 0 ||
           error_set_file(r->error, r->dump->file_name, 0, "is empty; expected a node dump");
}

bool dump_read(NodeDump *dump, const char *file_name, Error *error)
{
    assert(dump != NULL && file_name != NULL && error != NULL);
    *dump = (NodeDump){.file_name = file_name};
    Reader reader = {.dump = dump, .error = error, .buffer = NULL};
    errno = 0;
    reader.file = gzopen(file_name, "rbe");
    if (reader.file == NULL) {
        return error_set_file(error, file_name, 0, "cannot be read: %s",
                              errno != 0 ? strerror(errno) : "out of memory");
    }
    gzbuffer(reader.file, READ_BYTES);
    bool ok = read_lines(&reader);
    free(reader.buffer);
    gzclose_r(reader.file);
    if (!ok) {
        dump_free(dump);
    }
    return ok;
}

void dump_free(NodeDump *dump)
{
    assert(dump != NULL);
    free(dump->data);
    free(dump->grad);
    free(dump->has_grad);
    free(dump->first_edge);
    free(dump->children);
    free(dump->local_grads);
    free(dump->text);
    free(dump->ops);
    free(dump->paths);
    *dump = (NodeDump){0};
}

uint32_t dump_n_children(const NodeDump *dump, size_t node_id)
{
    assert(node_id < dump->n_nodes);
    return dump->first_edge[node_id + 1] - dump->first_edge[node_id];
}

static const char *name_at(const NodeDump *dump, const uint32_t *offsets, size_t node_id)
{
    assert(node_id < dump->n_nodes);
    bool has_one = dump->has_names && offsets[node_id] != DUMP_NO_TEXT;
    return has_one ? dump->text + offsets[node_id] : NULL;
}

const char *dump_path(const NodeDump *dump, size_t node_id)
{
    return name_at(dump, dump->paths, node_id);
}

const char *dump_op(const NodeDump *dump, size_t node_id)
{
    return name_at(dump, dump->ops, node_id);
}

size_t dump_n_leading_leaves(const NodeDump *dump)
{
    size_t n = 0;
    while (n < dump->n_nodes && dump_n_children(dump, n) == 0) {
        n++;
    }
    return n;
}
