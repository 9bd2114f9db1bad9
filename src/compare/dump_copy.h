// Copies a graph to a dump in memory, as if the dump had been written to a file and read again.
#ifndef MICROGPT_DUMP_COPY_H
#define MICROGPT_DUMP_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/dump_reader.h"
#include "microgpt/value.h"

// Makes a full dump with names.
// Errors: out of memory.
bool dump_copy_graph(NodeDump *dump, const Graph *g, size_t n_params, Error *error);

#endif
