// The data of a report, as JSON: the model, its training, the names that it makes up, the graph of
// a document, that of an expression of five nodes, its weights and its letters.
#ifndef MICROGPT_REPORT_DATA_H
#define MICROGPT_REPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "look/look_session.h"

// Fills in the document. losses are those of the n_losses steps of the training; there are none for
// a checkpoint, which does not keep them. First generates the samples, as microgpt run and microgpt
// sample do, then runs the document of the session forward and backward.
// Errors: out of memory; a loss, probability, or number of the graph that is not finite; weights
// whose sum of squares is not finite.
bool report_collect(JsonOut *out, LookSession *look, const double *losses, size_t n_losses,
                    Error *error);

#endif
