// Whether two dumps are of runs that started from the same parameters at all.
#ifndef MICROGPT_DUMP_START_H
#define MICROGPT_DUMP_START_H

#include <stdbool.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

// Sets *differs where the parameters of the two have nothing to do with each other: they were drawn
// apart, not trained apart.
// Errors: out of memory.
bool dump_start_differs(const NodeDump *a, const NodeDump *b, bool *differs, Error *error);

#endif
