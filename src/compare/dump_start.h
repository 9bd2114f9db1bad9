// Finds out whether two dumps are complete, and of the same step and document of runs that started
// alike.
#ifndef MICROGPT_DUMP_START_H
#define MICROGPT_DUMP_START_H

#include <stdbool.h>

#include "compare/dump_reader.h"
#include "microgpt/error.h"

enum {
    MAX_DUMP_WARNINGS = MAX_ABOUT_WARNINGS + 7,
};

typedef struct DumpWarnings {
    size_t n;
    char lines[MAX_DUMP_WARNINGS][ABOUT_WARNING_BYTES];
} DumpWarnings;

// Finds out why two dumps can differ before anything is computed: one of them is cut off, they are
// of different steps or runs by their descriptions, of different documents, their parameters have
// nothing in common, or their numbers have too few digits. Errors: out of memory.
bool dump_warnings_find(DumpWarnings *warnings, const NodeDump *a, const NodeDump *b, Error *error);

#endif
