// Computes how many nodes, names and bytes the graph of a document has, without building it.
#ifndef MICROGPT_SCALAR_SIZE_H
#define MICROGPT_SCALAR_SIZE_H

#include <stddef.h>

#include "microgpt/model.h"

// Returns the number of nodes of a document of n_positions; SIZE_MAX if that overflows.
size_t scalar_gpt_count_nodes(const ModelConfig *config, size_t n_positions);

// Returns the bytes that the engine needs for documents of up to n_positions: see
// engine_count_bytes().
size_t scalar_gpt_count_bytes(const ModelConfig *config, size_t n_positions);

// Return how many pointers all vectors of ScalarGpt have together, and how many its keys have, or
// its values; the latter is SIZE_MAX if it overflows.
size_t scalar_gpt_count_vectors(const ModelConfig *config);
size_t scalar_gpt_count_cache(const ModelConfig *config);

#endif
