"""Checks the library's object files: they have no writable data that callers would share, and do not call
functions that only a program may call.

    check_library.py libmicrogpt.a
"""
import re
import subprocess
import sys

# Ending the program, printing, hidden state. (assert() ends the program by itself.)
FORBIDDEN = set("""
    exit _exit _Exit abort quick_exit atexit system fork
    printf vprintf puts putchar perror fprintf vfprintf fputs fputc putc fwrite
    __printf_chk __fprintf_chk __vprintf_chk __vfprintf_chk stdout stderr stdin
    rand srand random srandom drand48 rand_r setlocale strtok localtime gmtime asctime ctime
    signal sigaction chdir umask setenv putenv getenv
""".split())

# What compilers add for measurements or checks; a plain build has none of this.
INSTRUMENTED = re.compile(r"__(asan|ubsan|tsan|msan|gcov|llvm|sanitizer)|__sancov")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def writable_bytes(archive):
    """(section, size) of every section that is writable once the program runs."""
    found = []
    for line in run("size", "-A", archive).splitlines():
        words = line.split()
        if len(words) >= 2 and re.match(r"\.(t?data|t?bss)(\.|$)", words[0]):
            constant = words[0].startswith(".data.rel.ro")  # written only by the loader
            if int(words[1]) > 0 and not constant:
                found.append((words[0], int(words[1])))
    return found


def main():
    archive = sys.argv[1]
    symbols = run("nm", archive)
    if INSTRUMENTED.search(symbols):
        print("an instrumented build: not checked")
        sys.exit(77)
    undefined = set(re.findall(r"^\s+U (\S+)$", symbols, re.MULTILINE))
    common = re.findall(r"^\S+ C (\S+)$", symbols, re.MULTILINE)
    bad = sorted(undefined & FORBIDDEN)
    writable = writable_bytes(archive)
    print(f"{len(writable)} writable sections {writable}, {len(common)} common symbols, "
          f"{len(bad)} of {len(FORBIDDEN)} forbidden functions {bad}")
    sys.exit(1 if bad or writable or common else 0)


main()
