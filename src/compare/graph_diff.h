// Finds where two dumps part, and tells what is a cause from what merely follows.
//
// One dump is the base: its nodes, its graph and its order are what everything is reported in. That
// is A, unless only B is a full dump. The other dump's values stand beside them: all of them, index
// by index, where both are full; those it names, where one is sparse. What is not known on both
// sides passes on whether anything that it was made of differs.
#ifndef MICROGPT_GRAPH_DIFF_H
#define MICROGPT_GRAPH_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/diff_numbers.h"
#include "compare/dump_names.h"
#include "compare/dump_reader.h"
#include "compare/graph_order.h"
#include "compare/path_pattern.h"
#include "microgpt/error.h"

#define NO_NODE UINT32_MAX // no such node; no counterpart in the other dump

enum {
    DIFF_MAX_CAUSES = 6, // how many causes a finding keeps by name
};

// What counts as different, and whose differences count.
typedef struct DiffRules {
    uint64_t max_ulp; // differences up to so many ULP do not count
    const char *only; // a pattern for paths, as path_matches() takes it; NULL: all nodes
} DiffRules;

// The two sides of one number over all nodes or over one part of the model.
typedef struct Tally {
    size_t n_nodes; // known on both sides
    size_t n_differ;
    uint64_t max_ulp; // UINT64_MAX: nan against a number
    double max_relative;
} Tally;

// Of data, local gradients or gradients: who differs, and who of them does not follow from others.
// In the order of creation, or of backward for gradients; of the nodes that the rules select.
typedef struct Finding {
    bool is_compared; // false: gradients of graphs that are not the same
    size_t n_differ;
    size_t n_causes;
    size_t n_elsewhere;               // causes that the rules leave out
    uint32_t first_differ;            // NO_NODE: none
    uint32_t causes[DIFF_MAX_CAUSES]; // the first of them
} Finding;

typedef enum StructureKind {
    STRUCTURE_SAME,
    STRUCTURE_N_CHILDREN, // a node has more or fewer children than in the other dump
    STRUCTURE_CHILDREN,   // a node has other children
    STRUCTURE_OP,         // a node has another operation
    STRUCTURE_N_NODES,    // one dump is the beginning of the other
    STRUCTURE_PATH,       // the sparse dump has paths that the full one has not
} StructureKind;

typedef struct StructureFinding {
    StructureKind kind; // of the first place
    uint32_t first;  // the first place; of STRUCTURE_PATH a node of the dump that is not the base
    size_t n_differ; // nodes; where node counts differ, none behind the first place is counted
} StructureFinding;

typedef struct GraphDiff {
    const NodeDump *dumps[2]; // A and B
    int base;                 // which of them is the base
    bool by_path;             // at least one is sparse
    bool has_graph;           // the base is full; otherwise causes cannot be told from the rest
    DiffRules rules;
    size_t n_nodes;        // of the base
    uint32_t *counterpart; // [n_nodes] the node in the other dump, or NO_NODE
    uint16_t *marks;       // [n_nodes] what is known of each node
    size_t n_paired;       // nodes that have a counterpart
    size_t n_only_other;   // paths of the other dump that the base has not

    GraphOrder order; // of the base's graph; zero without one

    StructureFinding structure;
    Finding data;
    Finding local_grads;
    Finding grad;
    Tally data_of_part[N_MODEL_PARTS];
    Tally grad_of_part[N_MODEL_PARTS];
} GraphDiff;

// Compares two dumps, which must outlive the result.
// Errors: out of memory; no names to compare by; a path that stands twice in a dump; no path in
// common.
bool graph_diff(GraphDiff *diff, const NodeDump *a, const NodeDump *b, const DiffRules *rules,
                Error *error);

// A zeroed diff is fine, too.
void graph_diff_free(GraphDiff *diff);

// Whether nothing differs.
bool graph_diff_is_same(const GraphDiff *diff);

// A side's value of a node; side is 0 for A, 1 for B.
// Requires: the node has a counterpart, or side is the base.
double diff_data(const GraphDiff *diff, int side, uint32_t node_id);
double diff_grad(const GraphDiff *diff, int side, uint32_t node_id);

// Whether both sides have a gradient of a node.
bool diff_has_grads(const GraphDiff *diff, uint32_t node_id);

// Whether the root is made of it.
bool diff_is_reachable(const GraphDiff *diff, uint32_t node_id);

// The local gradients of a node, side by side in operand order.
// Requires: both dumps are full and have the node with as many children.
const double *diff_local_grads(const GraphDiff *diff, int side, uint32_t node_id);

#endif
