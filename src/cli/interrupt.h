// SIGINT and SIGTERM, asked politely: the first one waits for the end of the step, the second ends
// the program at once. Part of the program; a library does not touch signals.
#ifndef MICROGPT_INTERRUPT_H
#define MICROGPT_INTERRUPT_H

// From here on signals are noted, until interrupt_end(). A signal that is ignored (as nohup does)
// stays so.
void interrupt_begin(void);

// The signal that came, or 0.
int interrupt_caught(void);

// From here on a signal ends the program again.
void interrupt_end(void);

#endif
