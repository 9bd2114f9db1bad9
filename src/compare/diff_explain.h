// Works out what a differing number should have been, and what the wrong one is instead: the
// mistakes that ports make are few, and each leaves bits of its own.
#ifndef MICROGPT_DIFF_EXPLAIN_H
#define MICROGPT_DIFF_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compare/graph_diff.h"

enum {
    EXPLAIN_BYTES = 256,
    LABEL_BYTES = 200,
};

// One term of a node's gradient, by the numbers of the base.
// Formula: amount = local_grad * parent_grad; total = the amounts so far, added up in this order
typedef struct Contribution {
    uint32_t parent;
    uint32_t slot; // which child of the parent the node is
    double local_grad;
    double parent_grad;
    double amount;
    double total;
} Contribution;

// What a node's gradient should be the sum of, in the order in which backward adds it up.
// Requires: has_graph. The caller frees contributions; NULL where there are none.
// Errors: out of memory.
bool diff_contributions(const GraphDiff *diff, uint32_t node_id, Contribution **contributions,
                        size_t *n, Error *error);

// These say of one side's number what it is, as the end of a sentence that starts with "A" or "B":
// "is their sum", "is the last of them alone". The text is empty where nothing fits. They return
// whether it is what it should be.
// Shapes: text [EXPLAIN_BYTES].
// Requires: the node is a cause of the finding that the function is called for; for gradients
// has_graph, and what diff_contributions gives for the node.
bool explain_data(const GraphDiff *diff, uint32_t node_id, int side, char *text);
bool explain_local_grads(const GraphDiff *diff, uint32_t node_id, int side, char *text);
bool explain_grad(const GraphDiff *diff, uint32_t node_id, int side,
                  const Contribution *contributions, size_t n, char *text);

// How a node is called: by its path, `pos0.norm[3]`; without names, by its number, `node 4193`.
// Returns the label. Shapes: label [LABEL_BYTES].
const char *diff_label(const GraphDiff *diff, uint32_t node_id, char *label);

// A node's path, from the base or else from the other dump; NULL: it has none.
const char *diff_path(const GraphDiff *diff, uint32_t node_id);

// A node's operation, from the base or else from the other dump; NULL: unknown.
const char *diff_op(const GraphDiff *diff, uint32_t node_id);

// Which of the findings has the first cause of all: what a graph is made of and its data come
// first, in the order of creation; then local gradients, then gradients.
typedef enum CauseKind {
    CAUSE_NONE, // nothing differs, or only what --only leaves out differs by itself
    CAUSE_STRUCTURE,
    CAUSE_DATA,
    CAUSE_LOCAL_GRADS,
    CAUSE_GRAD,
} CauseKind;

CauseKind diff_first_cause(const GraphDiff *diff, uint32_t *node_id);

// Of a cause that a sparse dump names: the nodes between the values known to agree and it, itself
// not counted. The fault is in one of them or in it.
// Errors: out of memory.
bool diff_nodes_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error);

// Of a gradient: the nodes that it comes by, and of which not both sides have gradients, back to
// those of which both have; first is the first of them in the order of backward. Errors: out of
// memory.
bool diff_grads_between(const GraphDiff *diff, uint32_t node_id, size_t *n, uint32_t *first,
                        Error *error);

#endif
