// System calls of the library that fail on request. The linker redirects the library's calls to
// these (--wrap, see meson.build). Calls of the tests themselves and of other libraries are not
// counted.
#ifndef MICROGPT_SYSCALL_FAULTS_H
#define MICROGPT_SYSCALL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum SyscallFault {
    FAULT_NONE,
    FAULT_ERROR,  // the call does nothing and fails with error_number
    FAULT_SHORT,  // a write or read does half of what it should; other calls are not changed
    FAULT_KILL,   // the process is killed just before the call
    FAULT_SIGNAL, // the process sends itself the signal error_number, and then makes the call
} SyscallFault;

typedef struct SyscallFaults {
    size_t n_calls; // counted from when the test sets it to 0
    size_t at;      // which call it affects, counted from 1
    bool for_ever;  // and all later calls
    SyscallFault fault;
    int error_number;
    const char *only; // counts only calls of this function; NULL: of all
    const char *hit;  // the function that was affected; NULL: none yet
    char trace[512];  // the functions that were called, each followed by a space
} SyscallFaults;

extern SyscallFaults syscall_faults;

#endif
