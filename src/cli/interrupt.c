// Notes signals: see interrupt.h.
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM};

static volatile sig_atomic_t caught;

static void note_signal(int signal_number)
{
    if (caught != 0) {
        _exit(128 + signal_number);
    }
    caught = signal_number;
}

static void set_handler(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

void interrupt_begin(void)
{
    caught = 0;
    set_handler(note_signal);
}

int interrupt_caught(void)
{
    return caught;
}

void interrupt_end(void)
{
    set_handler(SIG_DFL);
}
