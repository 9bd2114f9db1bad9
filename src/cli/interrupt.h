// Signals. After interrupt_begin(), the first SIGINT, SIGTERM or SIGHUP is only recorded, so that a
// command can stop at the end of a step; the second ends the program at once. This is part of the
// program: the library does not change the handling of signals.
#ifndef MICROGPT_INTERRUPT_H
#define MICROGPT_INTERRUPT_H

#include "base/atomic_file.h"

// Starts to record signals, until interrupt_end(). A signal that is ignored (as under nohup)
// remains ignored.
void interrupt_begin(void);

// Returns the recorded signal, or 0.
int interrupt_caught(void);

// Stops recording: signals end the program again.
void interrupt_end(void);

// Makes every signal that ends the program remove this temporary file first; NULL means no file.
// The struct must not move until another one takes its place.
void interrupt_guard(const AtomicFile *file);

#endif
