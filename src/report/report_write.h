// Writes the page of a report: one HTML file that needs nothing else.
#ifndef MICROGPT_REPORT_WRITE_H
#define MICROGPT_REPORT_WRITE_H

#include <stdbool.h>

#include "cli/json_out.h"
#include "microgpt/error.h"

enum {
    REPORT_MAX_BYTES = 2000000, // of a page
};

// Deflates the data and writes them in base64, so that no text in them can end the element that
// contains them. The file appears only when it is complete.
// Errors: those of out_file.h; out of memory; a page of more than REPORT_MAX_BYTES.
bool report_write(const char *path, const JsonOut *data, Error *error);

#endif
