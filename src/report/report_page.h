// The page of a report without its data. The build makes it from the HTML, CSS and JavaScript in
// src/report/.
#ifndef MICROGPT_REPORT_PAGE_H
#define MICROGPT_REPORT_PAGE_H

#include <stddef.h>

// UTF-8, terminated; it contains @DATA@ once, in place of the data.
extern const char report_page[];
extern const size_t report_page_size;

#endif
