// The system calls that this project needs beyond POSIX.1-2008, or that not every system has
// although they are in it. platform.c has all of them, each with a replacement for systems without
// it.
#ifndef MICROGPT_PLATFORM_H
#define MICROGPT_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

// Fills at most 256 bytes with random ones that nobody can predict.
// Errors: returns false and sets errno.
bool platform_random(void *bytes, size_t size);

// Locks an open file for this process, without waiting.
// Errors: returns false and sets errno: EWOULDBLOCK if another process has the lock.
bool platform_lock(int fd);

// Why a file cannot be replaced by renaming another to its name.
typedef enum PlatformObstacle {
    PLATFORM_NO_OBSTACLE, // none, or the system cannot tell
    PLATFORM_MOUNTED,     // something is mounted on it
    PLATFORM_PROTECTED,   // it is immutable or append-only
} PlatformObstacle;

// Returns what is in the way of replacing the file of that name in an open folder. Does not follow
// symbolic links.
PlatformObstacle platform_obstacle(int folder, const char *name);

// Returns the highest number of a signal. macOS and OpenBSD do not have POSIX's realtime signals.
int platform_last_signal(void);

// Returns whether the default action of a signal ends the program, and the signal can be caught.
bool platform_signal_ends(int signal_number);

// Returns the bytes of the machine's memory; SIZE_MAX if the system does not tell.
size_t platform_memory(void);

// Returns how many columns a terminal has; 0 if fd is no terminal, or it does not tell.
size_t platform_terminal_columns(int fd);

#endif
