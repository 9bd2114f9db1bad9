// What this project needs of a system beyond POSIX.1-2008. All of it is in platform.c, with a way
// for systems that do not have it.
#ifndef MICROGPT_PLATFORM_H
#define MICROGPT_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

// Fills the bytes with random ones that nobody can guess. At most 256.
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

// Looks at the file of that name in an open folder. Follows no symbolic link.
PlatformObstacle platform_obstacle(int folder, const char *name);

// The bytes of the machine's memory; SIZE_MAX if the system does not say.
size_t platform_memory(void);

// How many columns a terminal has; 0 if fd is none, or does not say.
size_t platform_terminal_columns(int fd);

#endif
