// Catches signals: see interrupt.h.
#include "cli/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static const int noted[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t caught;
static const AtomicFile *volatile guarded;

static void remove_guarded(void)
{
    if (guarded != NULL) {
        atomic_file_unlink(guarded);
    }
}

static void note_signal(int signal_number)
{
    if (caught != 0) {
        remove_guarded();
        _exit(128 + signal_number);
    }
    caught = signal_number;
}

// The signal is blocked until this handler returns; then its default action ends the program.
static void end_by_signal(int signal_number)
{
    remove_guarded();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void set_handler(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static bool has_handler(int signal_number, void (*handler)(int))
{
    struct sigaction action;
    return sigaction(signal_number, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == handler;
}

void interrupt_begin(void)
{
    caught = 0;
    for (size_t i = 0; i < sizeof noted / sizeof noted[0]; i++) {
        if (!has_handler(noted[i], SIG_IGN)) {
            set_handler(noted[i], note_signal);
        }
    }
}

int interrupt_caught(void)
{
    return caught;
}

void interrupt_end(void)
{
    for (size_t i = 0; i < sizeof noted / sizeof noted[0]; i++) {
        if (has_handler(noted[i], note_signal)) {
            set_handler(noted[i], SIG_DFL);
        }
    }
}

// Whether the default action of a signal ends the program, and the signal can be caught.
static bool ends_program(int signal_number)
{
    switch (signal_number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
        return false;
    default:
        return true;
    }
}

void interrupt_guard(const AtomicFile *file)
{
    void (*before)(int) = file != NULL ? SIG_DFL : end_by_signal;
    void (*after)(int) = file != NULL ? end_by_signal : SIG_DFL;
    guarded = file;
    for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++) {
        if (ends_program(signal_number) && has_handler(signal_number, before)) {
            set_handler(signal_number, after);
        }
    }
}
