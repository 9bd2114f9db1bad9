#!/usr/bin/env python3
"""The ready-made writers of node dumps: the file of each language has the same numbers, bit for bit.

    test_writers.py LANGUAGE PROGRAM WRITERS_FOLDER

Compiles and runs the small port of that language, in writers/ in this folder, with the writer, and reads
its dump with `microgpt compare`. Exits with 77, which skips the test, if the language is not installed.
"""

import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SKIP = 77
TIMEOUT = 250  # seconds, for one command

X = [0.1, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 1 / 3]
DX = [-0.1, 0.0, math.nan, 1e-7, 2.0, -3.0, 123456789.0, -1e-300]
FLOATS = struct.unpack("3f", struct.pack("3f", 0.1, -1e-7, 16777217))

# The name of a language, the files that a port needs, and its commands in their folder.
LANGUAGES = {
    "c": ("cc", ["microgpt_dump.h", "port.c"],
          [["cc", "-std=c99", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-o", "port",
            "port.c"], ["./port", "port.txt"]]),
    "cpp": ("c++", ["microgpt_dump.h", "port.c"],
            [["c++", "-x", "c++", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-o", "port",
              "port.c"], ["./port", "port.txt"]]),
    "python": (sys.executable, ["microgpt_dump.py", "port.py"],
               [[sys.executable, "-B", "port.py", "port.txt"]]),
    "javascript": ("node", ["microgpt_dump.mjs", "port.mjs"], [["node", "port.mjs", "port.txt"]]),
    "rust": ("rustc", ["microgpt_dump.rs", "port.rs"],
             [["rustc", "--edition", "2018", "-D", "warnings", "-o", "port", "port.rs"],
              ["./port", "port.txt"]]),
    "go": ("go", ["microgpt_dump.go", "port.go"],
           [["go", "build", "-o", "port", "port.go", "microgpt_dump.go"], ["./port", "port.txt"]]),
}


def expected_lines():
    """Return the dump that all languages must write, as Python writes its numbers."""
    def line(path, x, grad):
        return f"{path} {float(x).hex()} {'-' if grad is None else float(grad).hex()}\n"

    yield '# microgpt-nodes 1 {"step": 3, "document": "ana"}\n'
    for i in range(8):
        yield line(f"pos2.logit[{i}]", X[i], None)
        yield line(f"pos2.prob[{i}]", X[i], DX[i])
    for i in range(6):
        yield line(f"wte[{i // 3},{i % 3}]", X[i], DX[i])
        yield line(f"wpe[{i // 3},{i % 3}]", X[i], None)
    for i, x in enumerate(FLOATS):
        yield line(f"pos0.norm[{i}]", x, None)
    yield line("loss", 2.5, 1)
    yield line("pos0.loss", 2.5, None)


def run(command, folder):
    environment = {**os.environ, "GOCACHE": str(folder / "go"), "GO111MODULE": "off"}
    done = subprocess.run(command, cwd=folder, env=environment, timeout=TIMEOUT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def main():
    language, program, writers = sys.argv[1:]
    program = str(Path(program).resolve())
    compiler, files, commands = LANGUAGES[language]
    if shutil.which(compiler) is None:
        print(f"skipped: there is no {compiler}; .ci/install --all installs it")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="test_writers.") as name:
        folder = Path(name)
        for file in files:
            shutil.copy(Path(writers, file) if "dump" in file
                        else Path(__file__).with_name("writers") / file, folder)
        for command in commands:
            run(command, folder)
        lines = list(expected_lines())
        Path(folder, "expected.txt").write_text("".join(lines))
        written = Path(folder, "port.txt").read_text()
        if len(written.splitlines()) != len(lines):
            sys.exit(f"{len(written.splitlines())} lines, expected {len(lines)}:\n{written}")
        if "# microgpt-nodes 1 {\"step\":" not in written.splitlines()[0]:
            sys.exit(f"the first line is {written.splitlines()[0]}")
        report = run([program, "compare", "expected.txt", "port.txt"], folder)
        if "warning" in report:
            sys.exit(report)
        print(report, end="")
        check_absent_gradients(written)
    return 0


def check_absent_gradients(written):
    """A value without a gradient is marked, because compare ignores a gradient that only one side has."""
    for line in written.splitlines()[1:]:
        path, _, *rest = line.split()
        has_grad = path.startswith(("pos2.prob", "wte", "loss"))
        if (rest not in ([], ["-"])) != has_grad:
            sys.exit(f"{line}: has {'no' if has_grad else 'a'} gradient")


if __name__ == "__main__":
    sys.exit(main())
