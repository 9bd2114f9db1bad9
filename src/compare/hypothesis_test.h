// The test of a hypothesis about data: see hypotheses.h.
#ifndef MICROGPT_HYPOTHESIS_TEST_H
#define MICROGPT_HYPOTHESIS_TEST_H

#include "compare/hypotheses.h"

enum {
    MAX_CHAIN_TERMS = 128, // of a sum of which one term after the other is left out
};

// A hypothesis says something where its bounds are so much smaller than what values were off
// before: a wide bound explains anything. More is asked where a single value is all that there is.
#define HYPOTHESIS_SMALLER 8.0
#define HYPOTHESIS_SMALLER_FOR_ONE 1000.0

// What a hypothesis changes. Which fields mean what is up to its apply().
typedef struct Hypothesis {
    void (*apply)(HypothesisSearch *search, const struct Hypothesis *hypothesis);
    Rule rule;
    uint32_t node;
    double from;
    double to;
    uint32_t first; // of a matrix, its first parameter; a slot; a kind
    uint32_t n_rows;
    uint32_t n_columns;
    uint32_t kind;        // of the nodes that it changes
    const char *old_path; // the beginning of a path, before and after
    const char *new_path;
} Hypothesis;

// Starts to look at unexplained values of one kind: data or gradients.
void hypothesis_begin(HypothesisSearch *search, bool is_grad, const uint32_t *members, size_t n);

// Whether it would explain the targets; the graph stays as it is.
bool hypothesis_fits(HypothesisSearch *search, const Hypothesis *hypothesis);

// Whether it holds; if so, the graph stays as it changed it: for all nodes, or for what the members
// or the targets are made of, whichever leaves less unexplained.
bool hypothesis_holds(HypothesisSearch *search, const Hypothesis *hypothesis);

#endif
