// Catches signals: see interrupt.h.
#include "cli/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/platform.h"

static const int noted[] = {SIGINT, SIGTERM, SIGHUP};

typedef void SignalHandler(int signal_number);

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

static void set_handler(int signal_number, SignalHandler *handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

// Returns the current handler of a signal; SIG_ERR if it cannot be represented as a SignalHandler.
static SignalHandler *handler_of(int signal_number)
{
    struct sigaction action;
    bool is_known =
        sigaction(signal_number, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0;
    return is_known ? action.sa_handler : SIG_ERR;
}

void interrupt_begin(void)
{
    caught = 0;
    for (size_t i = 0; i < sizeof noted / sizeof noted[0]; i++) {
        if (handler_of(noted[i]) != SIG_IGN) {
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
        if (handler_of(noted[i]) == note_signal) {
            set_handler(noted[i], SIG_DFL);
        }
    }
}

void interrupt_guard(const AtomicFile *file)
{
    SignalHandler *before = file != NULL ? SIG_DFL : end_by_signal;
    SignalHandler *after = file != NULL ? end_by_signal : SIG_DFL;
    guarded = file;
    for (int signal_number = 1; signal_number <= platform_last_signal(); signal_number++) {
        if (platform_signal_ends(signal_number) && handler_of(signal_number) == before) {
            set_handler(signal_number, after);
        }
    }
}
