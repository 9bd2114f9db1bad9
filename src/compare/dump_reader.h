// Reads node dumps, from this program or from any port in any language: docs/node-format.md.
//
// A dump may be wrong or hostile: the result is a graph in which children precede their parents, or
// one line of error with the number of the wrong line.
#ifndef MICROGPT_DUMP_READER_H
#define MICROGPT_DUMP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/dump_about.h"
#include "compare/printed_digits.h"
#include "microgpt/error.h"

#define NO_NODE UINT32_MAX      // no such node; no counterpart in another dump
#define DUMP_NO_TEXT UINT32_MAX // in place of an offset: there is no text

enum {
    DUMP_MAX_NODES = 1 << 25, // five hundred times the default model's graph
    DUMP_MAX_CHILDREN = 4096, // of a node, on average; a sum over a wide layer has this many
    DUMP_FREE_NODES = 256,    // the first nodes, which may have more
};

// Why a dump without names did not get any from dump_name_by_model(), and what to do.
#define DUMP_OTHER_SIZES                                                                           \
    "it is not a graph of the model; see --n-layer, --n-embd, --n-head, --block-size"

// A dump in memory. A full one has a graph; a sparse one has paths and no graph.
//
// Shapes, with N = n_nodes and M the number of edges: data, grad, has_grad, ops, paths [N];
// first_edge [N + 1]; children, local_grads [M].
typedef struct NodeDump {
    const char *file_name;
    bool is_sparse;
    bool has_names;   // paths and ops, from the file's own columns or from dump_name_by_model()
    bool named_by_us; // whether they are from dump_name_by_model()
    DumpSays says;    // the description in its first line
    PrintedDigits printed;
    struct NodeDump *adam; // a sparse dump's values of the paths adam.*; NULL if it has none
    size_t n_nodes;
    double *data;
    double *grad;         // 0 if there is none
    bool *has_grad;       // false if the line has `-` instead, or no third column
    uint32_t *first_edge; // node i has the edges from first_edge[i] up to first_edge[i + 1]
    uint32_t *children;   // the operands, from left to right
    double *local_grads;  // d(node)/d(child)
    char *text;           // the names, each terminated by a NUL
    uint32_t *ops;        // offsets in text; DUMP_NO_TEXT in a sparse dump
    uint32_t *paths;      // offsets in text
    size_t nodes_capacity;
    size_t edges_capacity;
    size_t text_size;
    size_t text_capacity;
} NodeDump;

// Reads a dump of either kind, gzipped or not. The first line that is not a comment determines the
// kind: a full dump starts with the index 0, a sparse one with a path. The file name must outlive
// the dump. If the numbers were floats before they were printed, they are rounded to these.
// Errors: the file cannot be read or unzipped; a line that is not in the format (a missing column,
// a number in none of the notations of dump_number.h, a comment of a newer format, a child that
// does not precede its parent, an index out of sequence, more or fewer local gradients than
// children); a line or a dump beyond the limits above; out of memory.
bool dump_read(NodeDump *dump, const char *file_name, Error *error);

// Frees the dump; does nothing to a zeroed one.
void dump_free(NodeDump *dump);

// Returns how many children a node has; 0 in a sparse dump.
uint32_t dump_n_children(const NodeDump *dump, size_t node_id);

// Return one of a node's children, counted from 0, and its local gradient.
uint32_t dump_child(const NodeDump *dump, size_t node_id, uint32_t slot);
double dump_local_grad(const NodeDump *dump, size_t node_id, uint32_t slot);

// Return a node's path and operation; NULL if the dump has no names, or is sparse and has no
// operations.
const char *dump_path(const NodeDump *dump, size_t node_id);
const char *dump_op(const NodeDump *dump, size_t node_id);

// Returns how many nodes precede the first one that has children: the number of parameters.
size_t dump_n_leading_leaves(const NodeDump *dump);

// Appends a name to text.
// Errors: out of memory, or more than 4 GiB of names.
bool dump_add_text(NodeDump *dump, const char *name, size_t length, uint32_t *offset, Error *error);

#endif
