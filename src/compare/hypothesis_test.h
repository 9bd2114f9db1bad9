// The test of a hypothesis about data: see hypotheses.h.
#ifndef MICROGPT_HYPOTHESIS_TEST_H
#define MICROGPT_HYPOTHESIS_TEST_H

#include "compare/hypotheses.h"

enum {
    MAX_CHAIN_TERMS = 128, // of a sum of which one term after the other is left out
};

// What a hypothesis changes. Which fields mean what is up to its apply().
typedef struct Hypothesis {
    void (*apply)(HypothesisSearch *search, const struct Hypothesis *hypothesis);
    Rule rule;
    double from;
    double to;
    uint32_t first; // of a matrix, its first parameter; a slot; a kind
    uint32_t n_rows;
    uint32_t n_columns;
    uint32_t kind;        // of the nodes that it changes
    const char *old_path; // the beginning of a path, before and after
    const char *new_path;
} Hypothesis;

// Starts to look at unexplained values of one kind.
void hypothesis_begin(HypothesisSearch *search, const uint32_t *members, size_t n);

// Whether it holds; if so, the graph stays as it changed it. Tries it for all nodes first, then for
// what the members are made of, then for what the targets are made of.
bool hypothesis_holds(HypothesisSearch *search, const Hypothesis *hypothesis);

#endif
