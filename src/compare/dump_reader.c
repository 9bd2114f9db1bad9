// Node dumps, line by line: see dump_reader.h.
#include "compare/dump_reader.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/memory_limit.h"
#include "compare/line_reader.h"

enum {
    FIRST_NODES = 1 << 12,
    FIRST_TEXT = 1 << 16,
};

// A file that is being read into a dump.
typedef struct Reader {
    NodeDump *dump;
    LineReader lines;
} Reader;

static bool fail(const Reader *r, const char *what)
{
    return line_fail(&r->lines, what);
}

static bool at_line_end(const Reader *r)
{
    return r->lines.at == r->lines.line_end;
}

static bool at_character(const Reader *r, char c)
{
    return !at_line_end(r) && *r->lines.at == c;
}

// Takes one character, or reports that it is missing.
static bool take(Reader *r, char c, const char *missing)
{
    if (!at_character(r, c)) {
        return fail(r, missing);
    }
    r->lines.at++;
    return true;
}

// Parses a decimal number without a sign or leading zeros.
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
    const char *word = r->lines.at;
    if (!line_take_number(&r->lines, in_list, number)) {
        return false;
    }
    printed_digits_add(&r->dump->printed, word, (size_t)(r->lines.at - word), *number);
    return true;
}

// Grows an array to n items; if memory runs out, leaves it unchanged and sets *ok to false.
static void *grow(const Reader *r, void *array, size_t n, size_t item_size, bool *ok)
{
    void *grown = realloc(array, n * item_size);
    if (grown == NULL) {
        *ok = line_fail_memory(&r->lines, n * item_size);
        return array;
    }
    return grown;
}

// Checks that n_bytes more, for the nodes or for the edges, fit into memory.
static bool check_memory(const Reader *r, size_t n_bytes)
{
    return memory_check_file(r->dump->file_name, r->lines.line, n_bytes, r->lines.error);
}

static size_t node_bytes(const NodeDump *dump, size_t capacity)
{
    return capacity * (sizeof *dump->data + sizeof *dump->grad + sizeof *dump->has_grad +
                       sizeof *dump->first_edge + sizeof *dump->ops + sizeof *dump->paths);
}

static size_t edge_bytes(const NodeDump *dump, size_t capacity)
{
    return capacity * (sizeof *dump->children + sizeof *dump->local_grads);
}

static bool reserve_node(Reader *r)
{
    NodeDump *dump = r->dump;
    if (dump->n_nodes < dump->nodes_capacity) {
        return true;
    }
    if (dump->n_nodes >= DUMP_MAX_NODES) {
        return error_set_file(r->lines.error, dump->file_name, r->lines.line,
                              "has more than %d nodes", DUMP_MAX_NODES);
    }
    size_t capacity = dump->nodes_capacity > 0 ? 2 * dump->nodes_capacity : FIRST_NODES;
    bool ok = check_memory(
        r, count_add(node_bytes(dump, capacity), edge_bytes(dump, dump->edges_capacity)));
    if (!ok) {
        return false;
    }
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
    size_t capacity =
        dump->edges_capacity > 0 ? dump->edges_capacity + dump->edges_capacity / 2 : FIRST_NODES;
    bool ok = check_memory(
        r, count_add(node_bytes(dump, dump->nodes_capacity), edge_bytes(dump, capacity)));
    if (!ok) {
        return false;
    }
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

// Reads a name, which consists of visible ASCII characters.
static bool take_name(Reader *r, uint32_t *offset)
{
    size_t length = line_word_length(&r->lines, false);
    const char *name = r->lines.at;
    for (size_t i = 0; i < length; i++) {
        if ((signed char)name[i] < 0) { // plain char has no sign on AArch64
            return line_fail_at(&r->lines, name, length,
                                "is not a name: it has characters other than ASCII");
        }
        if (name[i] < ' ' || name[i] > '~') {
            return line_fail_at(&r->lines, name, length,
                                "is not a name: it has a control character");
        }
    }
    r->lines.at += length;
    return dump_add_text(r->dump, name, length, offset, r->lines.error);
}

static bool take_child(Reader *r, uint32_t edge)
{
    size_t length = line_word_length(&r->lines, true);
    uint32_t child;
    if (!parse_index(r->lines.at, length, &child)) {
        return line_fail_at(&r->lines, r->lines.at, length, "is not the index of a child");
    }
    if (child >= r->dump->n_nodes) {
        return line_fail_at(&r->lines, r->lines.at, length,
                            "is a child that does not precede its parent");
    }
    r->lines.at += length;
    r->dump->children[edge] = child;
    return true;
}

// Reads a list in brackets: first the children, then as many local gradients.
static bool take_children(Reader *r, uint32_t *n_edges)
{
    if (!line_take_gap(&r->lines, "ends before its children") ||
        !take(r, '[', "has no [ before its children")) {
        return false;
    }
    line_skip_blanks(&r->lines);
    while (!at_line_end(r) && *r->lines.at != ']') {
        if (!reserve_edge(r, *n_edges) || !take_child(r, *n_edges)) {
            return false;
        }
        *n_edges += 1;
        line_skip_blanks(&r->lines);
    }
    return take(r, ']', "has no ] after its children");
}

static bool take_local_grads(Reader *r, uint32_t first_edge, uint32_t n_edges)
{
    if (!line_take_gap(&r->lines, "ends before its local gradients") ||
        !take(r, '[', "has no [ before its local gradients")) {
        return false;
    }
    line_skip_blanks(&r->lines);
    for (uint32_t edge = first_edge; edge < n_edges; edge++) {
        if (at_character(r, ']')) {
            return fail(r, "has fewer local gradients than children");
        }
        if (!take_number(r, true, &r->dump->local_grads[edge])) {
            return false;
        }
        line_skip_blanks(&r->lines);
    }
    if (!at_line_end(r) && *r->lines.at != ']') {
        return fail(r, "has more local gradients than children");
    }
    return take(r, ']', "has no ] after its local gradients");
}

// Reads the operation and the path, which are in all lines or in none.
static bool take_names(Reader *r, uint32_t *op, uint32_t *path)
{
    bool has_names = !at_line_end(r);
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
           (line_take_gap(&r->lines, "has no space after its local gradients") &&
            take_name(r, op) && line_take_gap(&r->lines, "has an operation but no path") &&
            take_name(r, path));
}

// Reads a gradient, or `-` if the port has none.
static bool take_grad(Reader *r, size_t node_id)
{
    NodeDump *dump = r->dump;
    dump->has_grad[node_id] = !(line_word_length(&r->lines, false) == 1 && *r->lines.at == '-');
    if (!dump->has_grad[node_id]) {
        dump->grad[node_id] = 0;
        r->lines.at++;
        return true;
    }
    return take_number(r, false, &dump->grad[node_id]);
}

static bool take_data(Reader *r, size_t node_id)
{
    return line_take_gap(&r->lines, "ends before its data") &&
           take_number(r, false, &r->dump->data[node_id]);
}

static bool take_line_end(Reader *r)
{
    line_skip_blanks(&r->lines);
    size_t n_left = (size_t)(r->lines.line_end - r->lines.at);
    return n_left == 0 || line_fail_at(&r->lines, r->lines.at, n_left, "is one column too many");
}

// A small compressed file may contain many children, each of which takes memory here and time in a
// comparison.
static bool check_children(const Reader *r, uint32_t n_edges)
{
    uint64_t n_nodes = r->dump->n_nodes + UINT64_C(1);
    return n_edges <= (n_nodes + DUMP_FREE_NODES) * DUMP_MAX_CHILDREN ||
           error_set_file(r->lines.error, r->dump->file_name, r->lines.line,
                          "has too many children: more than %d a node, on average",
                          DUMP_MAX_CHILDREN);
}

// Parses `index data grad [children] [local gradients]`, and optionally `operation path`.
static bool parse_full_line(Reader *r, uint32_t *n_edges)
{
    NodeDump *dump = r->dump;
    size_t node_id = dump->n_nodes;
    size_t length = line_word_length(&r->lines, false);
    uint32_t index;
    if (!parse_index(r->lines.at, length, &index)) {
        return line_fail_at(&r->lines, r->lines.at, length, "is not the index of a node");
    }
    if (index != node_id) {
        return error_set_file(r->lines.error, dump->file_name, r->lines.line,
                              "has the index %u, expected %zu", (unsigned)index, node_id);
    }
    r->lines.at += length;
    dump->first_edge[node_id] = *n_edges;
    return take_data(r, node_id) && line_take_gap(&r->lines, "ends before its gradient") &&
           take_grad(r, node_id) && take_children(r, n_edges) && check_children(r, *n_edges) &&
           take_local_grads(r, dump->first_edge[node_id], *n_edges) &&
           take_names(r, &dump->ops[node_id], &dump->paths[node_id]) && take_line_end(r);
}

// Parses `path data grad` or `path data`.
static bool parse_sparse_line(Reader *r)
{
    NodeDump *dump = r->dump;
    size_t node_id = dump->n_nodes;
    if (isdigit((unsigned char)*r->lines.at)) {
        return fail(r, "starts with a number, and those before with a path");
    }
    dump->first_edge[node_id] = 0;
    dump->ops[node_id] = DUMP_NO_TEXT;
    if (!take_name(r, &dump->paths[node_id]) || !take_data(r, node_id)) {
        return false;
    }
    if (at_line_end(r)) {
        dump->grad[node_id] = 0;
        dump->has_grad[node_id] = false;
        return true;
    }
    return line_take_gap(&r->lines, "has no space after its data") && take_grad(r, node_id) &&
           take_line_end(r);
}

// Parses a comment: the description of the dump, or any text.
static bool parse_comment(Reader *r)
{
    size_t length = (size_t)(r->lines.line_end - r->lines.at);
    const char *problem = dump_about_parse(&r->dump->says, r->lines.at, length);
    return problem == NULL || fail(r, problem);
}

static bool has_prefix(const LineReader *lines, const char *prefix)
{
    size_t length = strlen(prefix);
    return (size_t)(lines->line_end - lines->at) > length && memcmp(lines->at, prefix, length) == 0;
}

// Parses a moment of Adam, which is not part of the graph and is kept separately.
static bool parse_adam_line(Reader *r)
{
    NodeDump *dump = r->dump;
    if (dump->adam == NULL) {
        dump->adam = calloc(1, sizeof *dump->adam);
        if (dump->adam == NULL) {
            return line_fail_memory(&r->lines, sizeof *dump->adam);
        }
        *dump->adam =
            (NodeDump){.file_name = dump->file_name, .is_sparse = true, .has_names = true};
    }
    r->dump = dump->adam;
    bool ok = reserve_node(r) && parse_sparse_line(r);
    r->dump = dump;
    if (ok) {
        dump->adam->n_nodes++;
        dump->adam->first_edge[dump->adam->n_nodes] = 0;
    }
    return ok;
}

static bool parse_line(Reader *r, uint32_t *n_edges)
{
    if ((r->dump->n_nodes == 0 || r->dump->is_sparse) && has_prefix(&r->lines, "adam.")) {
        return parse_adam_line(r);
    }
    NodeDump *dump = r->dump;
    if (dump->n_nodes == 0) {
        dump->is_sparse = !isdigit((unsigned char)*r->lines.at);
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

// Rounds all numbers to the floats that they were before they were printed.
static void round_to_float(NodeDump *dump)
{
    for (size_t i = 0; i < dump->n_nodes; i++) {
        dump->data[i] = (float)dump->data[i];
        dump->grad[i] = (float)dump->grad[i];
    }
    size_t n_edges = dump->first_edge[dump->n_nodes];
    for (size_t i = 0; i < n_edges; i++) {
        dump->local_grads[i] = (float)dump->local_grads[i];
    }
}

static bool read_lines(Reader *r)
{
    uint32_t n_edges = 0;
    for (;;) {
        bool found = false;
        if (!line_reader_next(&r->lines, &found)) {
            return false;
        }
        if (!found) {
            break;
        }
        bool ok = at_character(r, '#') ? parse_comment(r) : parse_line(r, &n_edges);
        if (!ok) {
            return false;
        }
    }
    if (printed_digits_are_floats(&r->dump->printed)) {
        round_to_float(r->dump);
        if (r->dump->adam != NULL) {
            round_to_float(r->dump->adam);
        }
    }
    return r->dump->n_nodes > 0 ||
           error_set_file(r->lines.error, r->dump->file_name, 0, "is empty; expected a node dump");
}

bool dump_read(NodeDump *dump, const char *file_name, Error *error)
{
    assert(dump != NULL && file_name != NULL && error != NULL);
    *dump = (NodeDump){.file_name = file_name};
    Reader reader = {.dump = dump};
    bool ok =
        line_reader_open(&reader.lines, file_name, "a node dump", error) && read_lines(&reader);
    line_reader_close(&reader.lines);
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
    if (dump->adam != NULL) {
        dump_free(dump->adam);
        free(dump->adam);
    }
    *dump = (NodeDump){0};
}

uint32_t dump_n_children(const NodeDump *dump, size_t node_id)
{
    assert(node_id < dump->n_nodes);
    return dump->first_edge[node_id + 1] - dump->first_edge[node_id];
}

uint32_t dump_child(const NodeDump *dump, size_t node_id, uint32_t slot)
{
    assert(slot < dump_n_children(dump, node_id));
    return dump->children[dump->first_edge[node_id] + slot];
}

double dump_local_grad(const NodeDump *dump, size_t node_id, uint32_t slot)
{
    assert(slot < dump_n_children(dump, node_id));
    return dump->local_grads[dump->first_edge[node_id] + slot];
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
