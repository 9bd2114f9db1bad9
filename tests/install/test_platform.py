#!/usr/bin/env python3
"""The program needs only POSIX.1-2008: all other system calls are in src/base/platform.c.

    test_platform.py SOURCE_FOLDER BUILD_FOLDER COMPILER ...

All other files of the program are compiled with only the declarations of POSIX.1-2008, and platform.c also
without any HAVE_, as if the build had found none of these calls.
"""

import json
import subprocess
import sys
from pathlib import Path

ELSEWHERE = {"getrandom", "getentropy", "statx", "flock", "ioctl", "mkostemp", "qsort_r", "asprintf", "pipe2",
             "fopencookie", "memfd_create", "strchrnul", "mempcpy", "syscall"}


def compile_commands(build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    return [(Path(build, entry["file"]).resolve(), entry["command"]) for entry in commands]


def main():
    source, build, *compiler = sys.argv[1:]
    source, build = Path(source).resolve(), Path(build).resolve()
    platform = source / "src" / "base" / "platform.c"
    n_files, wrong = 0, []
    for path, command in compile_commands(build):
        in_src = path.is_relative_to(source / "src")
        if not in_src or "/tests/" in command or path.parent.name == "examples":
            continue
        n_files += 1
        if "-D_XOPEN_SOURCE=700" not in command or "-U_GNU_SOURCE" not in command:
            wrong.append(f"{path}: is compiled with more than POSIX")
        text = path.read_text(encoding="utf-8")
        if path != platform:
            for word in ("_GNU_SOURCE", "_BSD_SOURCE", "_DARWIN_C_SOURCE", *(f"{name}(" for name in ELSEWHERE)):
                if word in text.replace("_" + word, ""):
                    wrong.append(f"{path}: has {word}, which is for platform.c")
    for options in ([], ["-DHAVE_GETENTROPY"]):
        done = subprocess.run([*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *options,
                               "-I", source / "include", "-I", source / "src", platform],
                              capture_output=True, text=True)
        wrong += [done.stderr] if done.returncode != 0 else []
    print(f"{n_files} files, {len(wrong)} mistakes")
    print("\n".join(wrong))
    return 0 if not wrong and n_files > 80 else 1


if __name__ == "__main__":
    sys.exit(main())
