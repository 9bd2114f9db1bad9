// The only file with system calls beyond POSIX.1-2008: see platform.h. meson.build checks which of
// them exist, and defines HAVE_... for those.
#undef _XOPEN_SOURCE // macOS and the BSDs would declare nothing beyond it
#define _GNU_SOURCE
#define _NETBSD_SOURCE

#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(HAVE_GETRANDOM) || defined(HAVE_GETENTROPY)
#include <sys/random.h>
#endif

#include "base/count.h"

bool platform_random(void *bytes, size_t size)
{
#if defined(HAVE_GETRANDOM)
    return getrandom(bytes, size, 0) == (ssize_t)size;
#elif defined(HAVE_GETENTROPY)
    return getentropy(bytes, size) == 0;
#else
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, bytes, size);
    close(fd);
    errno = EIO; // if the file had too few bytes
    return n == (ssize_t)size;
#endif
}

bool platform_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

PlatformObstacle platform_obstacle(int folder, const char *name)
{
#ifdef HAVE_STATX
    struct statx status;
    if (statx(folder, name, AT_SYMLINK_NOFOLLOW, 0, &status) != 0) {
        return PLATFORM_NO_OBSTACLE;
    }
    if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
        return PLATFORM_MOUNTED;
    }
    if ((status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0) {
        return PLATFORM_PROTECTED;
    }
#else
    (void)folder;
    (void)name;
#endif
    return PLATFORM_NO_OBSTACLE;
}

int platform_last_signal(void)
{
#ifdef SIGRTMAX
    return SIGRTMAX;
#else
    return NSIG - 1;
#endif
}

bool platform_signal_ends(int signal_number)
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
#ifdef SIGINFO // not on Linux, where SIGIO ends a program
    case SIGINFO:
    case SIGIO:
#endif
        return false;
    default:
        return true;
    }
}

size_t platform_memory(void)
{
#ifdef HAVE_PHYS_PAGES
    long n_pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    if (n_pages > 0 && page_size > 0) {
        return count_mul((size_t)n_pages, (size_t)page_size);
    }
#endif
    return SIZE_MAX;
}

size_t platform_terminal_columns(int fd)
{
    struct winsize window;
    return ioctl(fd, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}
