#!/usr/bin/env python3
"""Runs the commands that a document shows, and compares what they print with what it shows.

    test_docs.py PROGRAM SOURCE_FOLDER DOCUMENT

Commands are in blocks of ```console, after `$ `. Each is followed by its output, standard error included; a
line of `...` stands for any number of lines. They run one after the other, in one shell, in an empty folder
with links to the project's folders, that of the program as `build`, and with the program on the PATH. A
block of ```python NAME or ```c NAME is a file of that name, which exists from the start.

If this machine's libm differs from that of the shown digits, everything except the digits is compared. If
digits differ, it exits with 77, because the test is partly skipped.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SKIP = 77
TIMEOUT = 300  # seconds, for all commands together
PROJECT_FOLDERS = ("data", "docs", "reference", "tests")


def read_commands(document):
    """Return (line number, command, lines of output) for each command of the document."""
    commands = []
    in_block = False
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            in_block = line == "```console"
        elif in_block and line.startswith("$ "):
            commands.append((number, line[2:], []))
        elif in_block and commands:
            commands[-1][2].append(line)
        elif in_block:
            sys.exit(f"{document}:{number}: output without a command before it")
    return commands


def read_files(document):
    """Return the text of each file that the document shows, by name."""
    shown = re.compile(r"^```(?:python|c) (\w+\.(?:py|c))\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return dict(shown.findall(document.read_text(encoding="utf-8")))


def missed_sentinel(header):
    """Return the function for which this libm is not that of the shown digits, or None."""
    functions = {"exp": math.exp, "log": math.log, "pow": math.pow, "sin": math.sin, "cos": math.cos}
    row = re.compile(r'\{"(\w+)", \w+, \w+, ([^,]+), ([^,]+), ([^,}]+)\}')
    sentinels = row.findall(header.read_text(encoding="utf-8"))
    if len(sentinels) < 10:
        sys.exit(f"{header}: only {len(sentinels)} sentinels found")
    for name, x, y, expected in sentinels:
        arguments = [float.fromhex(x)] + ([float(y)] if name == "pow" else [])
        if functions[name](*arguments) != float.fromhex(expected):
            return name
    return None


def run_commands(commands, files, program, source):
    """Run all commands in one shell, beside the files; return what each printed."""
    end_mark = "=== end of a command ==="
    script = "\n".join(f"{{ {command}\n}} 2>&1\necho '{end_mark}'" for _, command, _ in commands)
    with tempfile.TemporaryDirectory(prefix="test_docs.") as folder:
        for name in PROJECT_FOLDERS:
            os.symlink(source / name, Path(folder, name))
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        os.symlink(program.parent, Path(folder, "build"))
        os.mkdir(Path(folder, "bin"))
        os.symlink(program, Path(folder, "bin", "microgpt"))
        environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "LC_ALL": "C",
                       "PYTHONPATH": "reference", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(["sh", "-c", script], cwd=folder, env=environment, timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    pieces = done.stdout.decode(errors="replace").split(end_mark + "\n")
    return [piece.splitlines() for piece in pieces[:-1]]


def is_like(printed, shown):
    """Tell whether the lines are those shown, where `...` matches any number of lines."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def without_digits(lines):
    """The lines with # in place of each number, whatever its width."""
    number = re.compile(r"[-+]?(?:0x[0-9a-f.]+p[-+]\d+|\d[\d.]*(?:e[-+]\d+)?)")
    return [re.sub(r"\s+", " ", number.sub("#", line)).strip() for line in lines]


def main():
    program, source, document = (Path(argument).resolve() for argument in sys.argv[1:])
    missed = missed_sentinel(source / "tests" / "golden_libm.h")
    commands = read_commands(document)
    if not commands:
        sys.exit(f"{document}: shows no command")
    printed = run_commands(commands, read_files(document), program, source)
    n_failed = len(commands) - len(printed)
    n_other_digits = 0
    for (number, command, shown), lines in zip(commands, printed):
        if is_like(lines, shown):
            continue
        if missed is not None and is_like(without_digits(lines), without_digits(shown)):
            n_other_digits += 1
            continue
        n_failed += 1
        print(f"{document}:{number}: $ {command}\nprints:", *lines, sep="\n")
    print(f"{document.name}: {len(commands)} commands, {n_failed} differ")
    if n_failed == 0 and n_other_digits > 0:
        print(f"skipped: the digits of {n_other_digits} commands, since this {missed}() is not the one "
              "that they were made with")
        return SKIP
    return 1 if n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
