// Signals. While a command asks for it, the first SIGINT, SIGTERM or SIGHUP is noted, to be obeyed
// at the end of the step; the second ends the program at once. Part of the program; a library does
// not touch signals.
#ifndef MICROGPT_INTERRUPT_H
#define MICROGPT_INTERRUPT_H

#include "base/atomic_file.h"

// From here on signals are noted, until interrupt_end(). A signal that is ignored (as nohup does)
// stays so.
void interrupt_begin(void);

// The signal that came, or 0.
int interrupt_caught(void);

// From here on a signal ends the program again.
void interrupt_end(void);

// Whichever signal ends the program from here on, the temporary file goes first; NULL: there is
// none any more. The struct must stay where it is until then.
void interrupt_guard(const AtomicFile *file);

#endif
