// Functions of the graph for hypotheses, and their families: see hypotheses.h.
#ifndef MICROGPT_HYPOTHESIS_GRAPH_H
#define MICROGPT_HYPOTHESIS_GRAPH_H

#include "compare/hypothesis_test.h"

enum {
    LIST_MAX = 16, // how many different things of one kind are tried
};

// Return the number of a node's children, and one of them.
uint32_t hypothesis_n_children(const HypothesisSearch *search, uint32_t node_id);
uint32_t hypothesis_child(const HypothesisSearch *search, uint32_t node_id, uint32_t slot);

// Gives an edge of a sum a factor, or a leaf a constant, until the hypothesis is taken back.
void hypothesis_set_term(HypothesisSearch *search, uint32_t node_id, uint32_t slot, double factor);
void hypothesis_set_constant(HypothesisSearch *search, uint32_t node_id, double constant);
void hypothesis_scale(HypothesisSearch *search, uint32_t node_id, double factor);

const char *hypothesis_path(const HypothesisSearch *search, uint32_t node_id);

// Returns whether a pattern has this ending.
bool hypothesis_ends_with(const char *pattern, const char *ending);

// Finds the kinds of nodes whose patterns have this ending.
// Shapes: kinds [MAX_PATH_KINDS].
void hypothesis_find_kinds(const HypothesisSearch *search, const char *ending, bool *kinds);

// A matrix of parameters, which follow each other row by row.
typedef struct ParamMatrix {
    char name[PATTERN_BYTES];
    uint32_t first;
    uint32_t n_rows;
    uint32_t n_columns;
} ParamMatrix;

// Finds the matrix of a parameter. Returns false if its path is not that of a matrix.
bool hypothesis_find_matrix(const HypothesisSearch *search, uint32_t param, ParamMatrix *matrix);

// Returns the parameter whose number is at the place of this one if the matrix is written
// transposed, column by column.
uint32_t hypothesis_transposed(const ParamMatrix *matrix, uint32_t param);

// Returns whether a node is a product whose first child is an element of the hypothesis's matrix;
// sets `element` to the number of elements before it.
bool hypothesis_multiplies(const HypothesisSearch *search, const Hypothesis *hypothesis,
                           uint32_t node_id, uint32_t *element);

// The families of hypotheses: each function tries one family, and writes to text which one holds.
// Shapes: text [HYPOTHESIS_BYTES].

// Looks up other rows of wte and wpe, or none, or reads matrices transposed.
bool hypotheses_try_lookups(HypothesisSearch *search, char *text);
bool hypotheses_try_no_lookup(HypothesisSearch *search, char *text);
bool hypotheses_try_transposed(HypothesisSearch *search, char *text);

// Multiplies by another matrix of the same shape; normalises a vector before it is multiplied.
bool hypotheses_try_matrices(HypothesisSearch *search, char *text);
bool hypotheses_try_normed(HypothesisSearch *search, char *text);

// Lets attention see other positions; interleaves its heads.
bool hypotheses_try_attention(HypothesisSearch *search, char *text);

// Uses another vector, the keys or the values of another position, or another target.
bool hypotheses_try_vectors(HypothesisSearch *search, char *text);
bool hypotheses_try_keys(HypothesisSearch *search, char *text);
bool hypotheses_try_values(HypothesisSearch *search, char *text);
bool hypotheses_try_targets(HypothesisSearch *search, char *text);

// Changes all nodes alike; for tests on gradients.
bool hypotheses_try_forward(HypothesisSearch *search, char *text);

// Scales what an edge passes back, or stops it; gives an operation another local gradient.
bool hypotheses_try_passages(HypothesisSearch *search, char *text);
bool hypotheses_try_slopes(HypothesisSearch *search, char *text);

#endif
