// Finds out from their values whether two dumps are of documents of different lengths.
#ifndef MICROGPT_DOCUMENT_LENGTH_H
#define MICROGPT_DOCUMENT_LENGTH_H

#include <stdbool.h>
#include <stddef.h>

#include "compare/dump_reader.h"

// How many positions a dump shows; 0 if it does not show it.
typedef struct DocumentLength {
    size_t of_paths; // positions in its paths, perhaps not all of the document
    size_t of_grads; // rows of wpe with gradients
    bool shows_end;  // whether it shows a further row of wpe, which has none
} DocumentLength;

DocumentLength document_length(const NodeDump *dump);

// Returns whether two documents have different lengths. Fewer paths alone do not tell, because a
// sparse dump need not show all positions; nor do more gradients, which may be left over from the
// step before.
bool document_lengths_differ(DocumentLength a, DocumentLength b);

#endif
