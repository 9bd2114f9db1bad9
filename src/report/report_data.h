// A report: its data as JSON, and its page. The data are the model, its training, the names that it
// makes up, the graph of a document, that of an expression of five nodes, its weights and its
// letters.
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

enum {
    REPORT_MAX_BYTES = 2000000, // of a page
};

// Deflates the data and writes them in base64, so that no text in them can end the element that
// contains them. The file appears only when it is complete.
// Errors: those of out_file.h; out of memory; a page of more than REPORT_MAX_BYTES.
bool report_write(const char *path, const JsonOut *data, Error *error);

#endif
