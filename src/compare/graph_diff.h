// Compares two dumps, and distinguishes causes from differences that follow from them.
//
// One dump is the base, whose nodes, graph and order the results refer to: A, unless only B is a
// full dump. The other dump's values are compared with it index by index if both are full, and by
// path if one is sparse. A value that only one side has counts as different if any of its inputs
// differs.
#ifndef MICROGPT_GRAPH_DIFF_H
#define MICROGPT_GRAPH_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/diff_numbers.h"
#include "compare/dump_names.h"
#include "compare/dump_pairs.h"
#include "compare/dump_reader.h"
#include "compare/graph_order.h"
#include "compare/path_pattern.h"
#include "microgpt/error.h"

enum {
    DIFF_MAX_CAUSES = 6, // the number of causes that a finding keeps
};

// Which differences count, and for which nodes.
typedef struct DiffRules {
    uint64_t max_ulp; // differences of up to max_ulp ULP do not count
    const char *only; // a pattern for paths, as path_matches() takes it; NULL: all nodes
} DiffRules;

// One number of each side, compared over all nodes or over one part of the model.
typedef struct Tally {
    size_t n_nodes; // nodes whose number is known on both sides
    size_t n_differ;
    uint64_t max_ulp; // UINT64_MAX: a NaN and a number
    double max_relative;
} Tally;

// The differences of data, local gradients or gradients among the nodes that the rules select, in
// the order of creation, or of backward for gradients; and which of them are causes.
typedef struct Finding {
    bool is_compared; // false: gradients of graphs that are not the same
    size_t n_differ;
    size_t n_causes;
    size_t n_elsewhere;               // causes among nodes that the rules do not select
    uint32_t first_differ;            // NO_NODE if there is none
    uint32_t causes[DIFF_MAX_CAUSES]; // the first causes
} Finding;

typedef enum StructureKind {
    STRUCTURE_SAME,
    STRUCTURE_N_CHILDREN, // a node has more or fewer children than in the other dump
    STRUCTURE_CHILDREN,   // a node has other children
    STRUCTURE_OP,         // a node has another operation
    STRUCTURE_N_NODES,    // one dump is a prefix of the other
    STRUCTURE_TRANSPOSED, // the other dump has matrices transposed
    STRUCTURE_PATH,       // the sparse dump has paths that the full one does not have
} StructureKind;

typedef struct StructureFinding {
    StructureKind kind; // of the first difference
    uint32_t first;     // its node; for STRUCTURE_PATH a node of the dump that is not the base
    size_t n_differ;    // how many nodes; if the node counts differ, only those before the first
                        // difference; how many matrices or paths for the last two kinds
    bool lacks_zeros;   // all that the other side lacks are constants 0 at the beginning of sums
} StructureFinding;

// Which gradients a side has.
typedef enum GradsOfSide {
    GRADS_ALL,    // all that its dump has
    GRADS_SOME,   // all except those of kinds that are all zeros here and not on the other side
    GRADS_PARAMS, // only those of parameters
    GRADS_NONE,   // none
} GradsOfSide;

typedef struct GraphDiff {
    const NodeDump *dumps[2]; // A and B
    int base;                 // which of them is the base
    bool by_path;             // nodes are paired by path: one dump is sparse, or the graphs differ
    bool by_shape;            // without names: whether nodes are paired by operation and inputs
    bool has_graph; // whether the base is full; otherwise causes cannot be distinguished from other
                    // differences
    DiffRules rules;
    size_t n_nodes;        // of the base
    uint32_t *counterpart; // [n_nodes] the node in the other dump, or NO_NODE
    uint16_t *marks;       // [n_nodes] what is known about each node
    bool *is_partly;       // [n_nodes] whether it has other inputs than its counterpart, by shape
    bool *has_grad[2];     // [n_nodes] whether a side has its gradient
    GradsOfSide grads_of_side[2];
    size_t n_paired; // nodes that have a counterpart
    DumpPairs pairs; // if they are paired by path

    GraphOrder order; // of the base's graph; zero if it has no graph

    StructureFinding structure;
    Finding data;
    Finding local_grads;
    Finding grad;
    Tally data_of_part[N_MODEL_PARTS];
    Tally grad_of_part[N_MODEL_PARTS];
} GraphDiff;

// Compares two dumps, which must outlive the result.
// Errors: out of memory; no names to compare by; a path that occurs twice in a dump; no path in
// common.
bool graph_diff(GraphDiff *diff, const NodeDump *a, const NodeDump *b, const DiffRules *rules,
                Error *error);

// Frees the result; does nothing to a zeroed one.
void graph_diff_free(GraphDiff *diff);

// Returns whether nothing differs.
bool graph_diff_is_same(const GraphDiff *diff);

// Returns a side's value of a node; side is 0 for A, 1 for B.
// Requires: the node has a counterpart, or side is the base.
double diff_data(const GraphDiff *diff, int side, uint32_t node_id);
double diff_grad(const GraphDiff *diff, int side, uint32_t node_id);

// Return whether a side has a value of a node, whether it has a gradient, and whether both sides
// have a gradient.
bool diff_has_data(const GraphDiff *diff, int side, uint32_t node_id);
bool diff_has_grad(const GraphDiff *diff, int side, uint32_t node_id);
bool diff_has_grads(const GraphDiff *diff, uint32_t node_id);

// Return whether the rules select the node, and its data or gradients are known on both sides and
// differ.
bool diff_data_differ(const GraphDiff *diff, uint32_t node_id);
bool diff_grads_differ(const GraphDiff *diff, uint32_t node_id);

// Returns whether the node is one of the causes of a finding of this comparison.
bool diff_is_cause(const GraphDiff *diff, const Finding *finding, uint32_t node_id);

// Return whether the rules select the node, and whether its children or operation differ from those
// in the other dump.
bool diff_is_selected(const GraphDiff *diff, uint32_t node_id);
bool diff_has_other_shape(const GraphDiff *diff, uint32_t node_id);
void diff_mark_other_shape(GraphDiff *diff, uint32_t node_id);

// Returns whether the root is computed from the node.
bool diff_is_reachable(const GraphDiff *diff, uint32_t node_id);

// Returns the local gradients of a node, in operand order.
// Requires: both dumps are full and have the node with as many children.
const double *diff_local_grads(const GraphDiff *diff, int side, uint32_t node_id);

#endif
