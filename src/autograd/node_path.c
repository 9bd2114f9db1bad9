// Names of nodes: the scopes in which nodes are made, and the paths that follow from them.
//
// The contracts are in microgpt/value.h (graph_enter() and the like) and microgpt/node_path.h.
#include "microgpt/node_path.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/graph.h"

static void add_scope(Graph *g, Scope scope)
{
    if (g->n_scopes == g->scopes_capacity) {
        size_t capacity = graph_next_scopes_capacity(g->scopes_capacity);
        Scope *scopes = realloc(g->scopes, capacity * sizeof *scopes);
        if (scopes == NULL) {
            g->out_of_memory = true;
            return;
        }
        g->scopes = scopes;
        g->scopes_capacity = capacity;
    }
    scope.first_node = graph_n_nodes(g);
    g->scopes[g->n_scopes] = scope;
    g->n_scopes++;
}

void graph_enter(Graph *g, const char *part, int32_t index)
{
    assert(part != NULL && g->n_scopes < NO_SCOPE);
    uint32_t id = (uint32_t)g->n_scopes;
    add_scope(g, (Scope){.name = part, .index = index, .parent = g->part, .is_part = true});
    g->part = g->out_of_memory ? g->part : id;
}

void graph_leave(Graph *g)
{
    if (g->out_of_memory) {
        return;
    }
    assert(g->part != NO_SCOPE);
    g->part = g->scopes[g->part].parent;
    // Until they get a name, the next nodes belong to the enclosing part.
    Scope around = {.name = "", .index = -1, .parent = NO_SCOPE, .is_part = true};
    add_scope(g, g->part != NO_SCOPE ? g->scopes[g->part] : around);
}

void graph_name(Graph *g, const char *name, int32_t index)
{
    assert(name != NULL);
    add_scope(g, (Scope){.name = name, .index = index, .parent = g->part});
}

void graph_name_matrix(Graph *g, const char *name, uint32_t n_columns)
{
    assert(name != NULL && n_columns > 0);
    add_scope(g, (Scope){.name = name, .index = -1, .parent = g->part, .n_columns = n_columns});
}

const char *value_op_name(ValueOp op)
{
    static const char *const names[] = {
        [OP_LEAF] = "const", [OP_ADD] = "add", [OP_MUL] = "mul",   [OP_POW] = "pow",
        [OP_LOG] = "log",    [OP_EXP] = "exp", [OP_RELU] = "relu",
    };
    return names[op];
}

// A path that is being written, truncated to fit.
typedef struct Path {
    char *text;
    size_t length;
} Path;

static void __attribute__((format(printf, 2, 3))) append(Path *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(path->text + path->length, NODE_PATH_BYTES - path->length, format, arguments);
    va_end(arguments);
    size_t length = path->length + (size_t)n;
    path->length = length < NODE_PATH_BYTES ? length : NODE_PATH_BYTES - 1;
}

// Appends one component of the path: pos2 for a part, q[5] or fc1[17].relu for a name.
static void append_scope_name(Path *path, const Scope *scope)
{
    const char *brackets = strstr(scope->name, "[]");
    if (scope->index < 0) {
        append(path, "%s", scope->name);
    } else if (scope->is_part) {
        append(path, "%s%d", scope->name, scope->index);
    } else if (brackets != NULL) {
        int before = (int)(brackets - scope->name);
        append(path, "%.*s[%d]%s", before, scope->name, scope->index, brackets + 2);
    } else {
        append(path, "%s[%d]", scope->name, scope->index);
    }
}

enum {
    MAX_DEPTH = 8, // pos, layer, attn, head, name; a graph of another program may have a few more
};

// Appends the scope's name, after the names of all scopes that enclose it.
static void append_scope_path(Path *path, const Graph *g, const Scope *scope)
{
    const Scope *chain[MAX_DEPTH];
    size_t depth = 0;
    while (depth < MAX_DEPTH) {
        chain[depth] = scope;
        depth++;
        if (scope->parent == NO_SCOPE) {
            break;
        }
        scope = &g->scopes[scope->parent];
    }
    while (depth-- > 0) {
        append_scope_name(path, chain[depth]);
        if (depth > 0) {
            append(path, ".");
        }
    }
}

// Returns the last scope that starts at or before the node; SIZE_MAX if there is none.
static size_t find_scope(const Graph *g, size_t node_id)
{
    size_t low = 0; // scopes before low start at or before node_id, those from high on after it
    size_t high = g->n_scopes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->scopes[middle].first_node <= node_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? SIZE_MAX : low - 1;
}

// Counts the operations of the nodes [first, end), unless that has been done.
static void count_ops(NodePaths *paths, size_t first, size_t end)
{
    if (paths->first == first && paths->end == end) {
        return;
    }
    *paths = (NodePaths){.graph = paths->graph, .first = first, .end = end, .next = first};
    for (size_t node_id = first; node_id < end; node_id++) {
        paths->n_all[graph_node(paths->graph, node_id)->op]++;
    }
}

// Counts the operations of those nodes that come before node_id.
static void count_ops_before(NodePaths *paths, size_t node_id)
{
    if (node_id < paths->next) {
        memset(paths->n_before, 0, sizeof paths->n_before);
        paths->next = paths->first;
    }
    while (paths->next < node_id) {
        paths->n_before[graph_node(paths->graph, paths->next)->op]++;
        paths->next++;
    }
}

// Appends the node's operation, and its number if [first, end) has several of that operation.
static void append_op(Path *path, NodePaths *paths, size_t node_id, size_t first, size_t end)
{
    ValueOp op = graph_node(paths->graph, node_id)->op;
    append(path, "%s%s", path->length > 0 ? "." : "", value_op_name(op));
    count_ops(paths, first, end);
    if (paths->n_all[op] > 1) {
        count_ops_before(paths, node_id);
        append(path, "[%zu]", paths->n_before[op]);
    }
}

NodePaths node_paths(const Graph *g)
{
    assert(g != NULL);
    return (NodePaths){.graph = g, .first = SIZE_MAX, .end = SIZE_MAX};
}

size_t node_path(const Graph *g, size_t node_id, char *path_text)
{
    NodePaths paths = node_paths(g);
    return node_paths_write(&paths, node_id, path_text);
}

size_t node_paths_write(NodePaths *paths, size_t node_id, char *path_text)
{
    const Graph *g = paths->graph;
    assert(path_text != NULL && node_id < graph_n_nodes(g));
    Path path = {path_text, 0};
    path_text[0] = '\0';
    size_t scope_id = find_scope(g, node_id);
    size_t next = scope_id + 1; // SIZE_MAX + 1 is 0: the first scope starts after the node
    size_t end = next < g->n_scopes ? g->scopes[next].first_node : graph_n_nodes(g);
    if (scope_id == SIZE_MAX) {
        append_op(&path, paths, node_id, 0, end);
        return path.length;
    }
    const Scope *scope = &g->scopes[scope_id];
    append_scope_path(&path, g, scope);
    if (scope->n_columns > 0) {
        size_t place = node_id - scope->first_node;
        append(&path, "[%zu,%zu]", place / scope->n_columns, place % scope->n_columns);
    } else if (scope->is_part) {
        append_op(&path, paths, node_id, scope->first_node, end);
    } else if (node_id != end - 1) {
        append_op(&path, paths, node_id, scope->first_node, end - 1);
    }
    return path.length;
}
