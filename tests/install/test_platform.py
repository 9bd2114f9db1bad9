#!/usr/bin/env python3
"""The program needs only POSIX.1-2008: all other system calls are in src/base/platform.c.

    test_platform.py SOURCE_FOLDER BUILD_FOLDER COMPILER ...

All other files of the program are compiled with only the declarations of POSIX.1-2008, and include only headers
of C, of POSIX.1-2008, of zlib and of jansson. platform.c also works without any HAVE_, as if the build had found
none of these calls and headers. Tests include other headers only inside an #ifdef HAVE_.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ELSEWHERE = {"getrandom", "getentropy", "statx", "flock", "ioctl", "mkostemp", "qsort_r", "asprintf", "pipe2",
             "fopencookie", "memfd_create", "strchrnul", "mempcpy", "syscall"}
# What POSIX has and some systems do not, or glibc always declares and other systems do not.
MISSING_SOMEWHERE = set("""
    RLIMIT_AS SIGIO SIGPOLL SIGRTMAX SIGRTMIN SIGWINCH st_atim st_ctim st_mtim clock_nanosleep fdatasync fexecve
    pthread_barrier_init pthread_condattr_setclock pthread_mutex_timedlock pthread_spin_init sem_init sem_timedwait
    posix_fadvise posix_fallocate sigqueue sigtimedwait sigwaitinfo timer_create
""".split())

STANDARD_HEADERS = set("""
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
    aio arpa/inet cpio dirent dlfcn fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen monetary mqueue ndbm net/if
    netdb netinet/in netinet/tcp nl_types poll pthread pwd regex sched search semaphore spawn strings stropts sys/ipc
    sys/mman sys/msg sys/resource sys/select sys/sem sys/shm sys/socket sys/stat sys/statvfs sys/time sys/times
    sys/types sys/uio sys/un sys/utsname sys/wait syslog tar termios trace ulimit unistd utime utmpx wordexp
""".split())
OTHER_HEADERS = {"zlib", "jansson", "getopt", "immintrin", "arm_neon"}  # getopt_long, and those of the vectors
TEST_HEADERS = {"check", "sys/ioctl"}  # the size of a terminal
NOT_IN_ALL_BUILDS = {"uninstrumented.c"}  # with -Db_sanitize=memory

USES_PLATFORM = r"""
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include "base/platform.h"
int main(void)
{
    unsigned char bytes[2][16] = {{0}};
    assert(platform_random(bytes[0], 16) && platform_random(bytes[1], 16));
    assert(memcmp(bytes[0], bytes[1], 16) != 0);
    assert(platform_obstacle(AT_FDCWD, ".") == PLATFORM_NO_OBSTACLE);
    assert(platform_memory() == SIZE_MAX);
    assert(platform_signal_ends(SIGTERM) && !platform_signal_ends(SIGWINCH));
    assert(platform_last_signal() > SIGTERM);
    return 0;
}
"""


def compile_commands(build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    return [(Path(build, entry["file"]).resolve(), entry["command"]) for entry in commands]


def check_commands(source, build):
    """Check how the program is compiled; return the number of its files, and mistakes."""
    n_files, wrong = 0, []
    for path, command in compile_commands(build):
        if path.is_relative_to(source / "src") and "/tests/" not in command and path.parent.name != "examples":
            n_files += 1
            if "-D_XOPEN_SOURCE=700" not in command or "-U_GNU_SOURCE" not in command:
                wrong.append(f"{path}: is compiled with more than POSIX")
    return n_files, wrong


def check_words(path, text):
    words = ("_GNU_SOURCE", "_BSD_SOURCE", "_DARWIN_C_SOURCE", *(f"{name}(" for name in ELSEWHERE))
    found = [word for word in words if word in text.replace("_" + word, "")]
    for word in MISSING_SOMEWHERE:
        rest = re.sub(rf"^#ifdef {word}\b.*?^#endif", "", text, flags=re.M | re.S)
        found += [word] if re.search(rf"\b{word}\b", rest) else []
    return [f"{path}: has {word}, which is for platform.c" for word in found]


def check_headers(path, text, allowed):
    found = re.findall(r"^ *# *include <(\S+)\.h>", text, re.MULTILINE)
    return [f"{path}: includes {name}.h, which not every system has" for name in found if name not in allowed]


def check_sources(source):
    wrong = []
    allowed = STANDARD_HEADERS | OTHER_HEADERS
    for folder in ("src", "include"):
        for path in (source / folder).rglob("*.[ch]"):
            if path.name != "platform.c":
                text = path.read_text(encoding="utf-8")
                wrong += check_words(path, text) + check_headers(path, text, allowed)
    for path in (source / "tests").rglob("*.[ch]"):
        if path.name not in NOT_IN_ALL_BUILDS:
            text = re.sub(r"^#if.*\bHAVE_.*?^#endif", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
            wrong += check_headers(path, text, allowed | TEST_HEADERS)
    return wrong


def check_platform(source, compiler, folder, hidden, options):
    """Compile and run platform.c where there is no header of these names, and with these options."""
    for name in hidden:
        header = folder / "hidden" / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(f"#error there is no {name}\n", encoding="utf-8")
    main = folder / "main.c"
    main.write_text(USES_PLATFORM, encoding="utf-8")
    program = folder / "program"
    for command in (
            [*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", *options, "-isystem", folder / "hidden",
             "-I", source / "include", "-I", source / "src", "-D_XOPEN_SOURCE=700", "-o", program, main,
             source / "src" / "base" / "platform.c"],
            [program]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return [f"platform.c with {options}: {done.stderr}"]
    return []


def main():
    source, build, *compiler = sys.argv[1:]
    source, build = Path(source).resolve(), Path(build).resolve()
    n_files, wrong = check_commands(source, build)
    wrong += check_sources(source)
    for hidden, options in ((["sys/random.h"], []), ([], ["-DHAVE_GETENTROPY"])):
        with tempfile.TemporaryDirectory(prefix="test_platform.") as folder:
            wrong += check_platform(source, compiler, Path(folder), hidden, options)
    print(f"{n_files} files, {len(wrong)} mistakes")
    print("\n".join(wrong))
    return 0 if not wrong and n_files > 80 else 1


if __name__ == "__main__":
    sys.exit(main())
