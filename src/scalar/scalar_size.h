// Computes how many nodes, names and bytes the graph of a document has, without building it.
#ifndef MICROGPT_SCALAR_SIZE_H
#define MICROGPT_SCALAR_SIZE_H

#include <stddef.h>

#include "microgpt/model.h"

// Returns the number of nodes of a document of n_positions; SIZE_MAX if that overflows.
size_t scalar_gpt_count_nodes(const ModelConfig *config, size_t n_positions);

// What the engine needs for documents of up to n_positions. See engine_count_bytes().
size_t scalar_gpt_count_bytes(const ModelConfig *config, size_t n_positions);

// How many pointers the vectors of ScalarGpt have in all, and its keys or its values. The latter is
// SIZE_MAX where it overflows.
size_t scalar_gpt_count_vectors(const ModelConfig *config);
size_t scalar_gpt_count_cache(const ModelConfig *config);

#endif
