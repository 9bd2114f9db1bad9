// Finds out whether two dumps are of runs that started from the same parameters.
#ifndef MICROGPT_DUMP_START_H
#define MICROGPT_DUMP_START_H

#include <stdbool.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

// Sets *differs if the parameters of the two are unrelated: they were initialised differently, and
// not only trained differently.
// Errors: out of memory.
bool dump_start_differs(const NodeDump *a, const NodeDump *b, bool *differs, Error *error);

#endif
