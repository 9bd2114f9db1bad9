// The page of a report, without its data, as src/report/ has it; made while building.
#ifndef MICROGPT_REPORT_PAGE_H
#define MICROGPT_REPORT_PAGE_H

#include <stddef.h>

// UTF-8, terminated; @DATA@ stands once in it, where the data go.
extern const char report_page[];
extern const size_t report_page_size;

#endif
