#!/usr/bin/env python3
"""Proves that some sources have no undefined behaviour (Eva), and the contracts of count.h (WP).

    prove.py SOURCE_ROOT NAME

runs frama-c on tests/proofs/prove_NAME.c and the unchanged sources that it tests. Passes if frama-c reports
no alarm, no property that it could not prove, and no goal that z3 could not prove. Skips (status 77) if
frama-c, why3 or z3 is not installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

# fresh: each malloc() is a block of its own; none: not a number and infinities are numbers, too.
EVA = ["-eva", "-eva-split-return", "full", "-eva-alloc-builtin", "fresh", "-eva-no-print",
       "-warn-special-float", "none"]
# How precisely paths are distinguished: by every length, or by every list of chunks.
LENGTHS = ["-eva-precision", "4"]
CHUNKS = ["-eva-slevel", "20000"]

# Overflow of unsigned numbers is defined in C, but would break these contracts.
WP = ["-wp", "-wp-rte", "-warn-unsigned-overflow", "-wp-prover", "z3", "-wp-timeout", "120"]

PROOFS = {
    "count": (WP, []),
    "little_endian": (EVA + LENGTHS, []),
    "utf8": (EVA + LENGTHS, ["src/python/utf8.c"]),
    "hexfloat": (EVA + LENGTHS, ["src/python/hexfloat.c"]),
    "dump_number": (EVA + LENGTHS, ["src/compare/dump_number.c", "src/python/hexfloat.c"]),
    "arena": (EVA + CHUNKS, ["src/autograd/arena.c"]),
}


def is_proved(options, report):
    """Whether the report says that everything was proved, and that there was something to prove."""
    if options is WP:
        goals = re.search(r"Proved goals: +(\d+) / (\d+)", report)
        return goals is not None and goals[1] == goals[2] != "0"
    analysed = re.search(r"(\d+) functions? analyzed", report)
    properties = re.findall(r"(\d+) unknown +(\d+) invalid", report)
    return (
        analysed is not None
        and int(analysed[1]) > 1
        and re.search(r"^  0 alarms generated", report, re.MULTILINE) is not None
        and "No errors or warnings raised" in report
        and all(numbers == ("0", "0") for numbers in properties)
    )


def main():
    source_root, name = sys.argv[1:]
    for tool in ("frama-c", "why3", "z3"):
        if shutil.which(tool) is None:
            print("skipped: %s is not installed (Debian: frama-c-base, why3, z3)" % tool)
            return SKIPPED
    options, sources = PROOFS[name]
    with tempfile.TemporaryDirectory() as home:
        # frama-c resolves relative names by PWD, wherever it is started.
        environment = {**os.environ, "HOME": home, "PWD": source_root}
        # WP finds z3 through why3, which reads a file that this command writes.
        subprocess.run(["why3", "config", "detect"], env=environment, capture_output=True, check=True)
        command = ["frama-c", "-cpp-extra-args=-Isrc -Iinclude", "-machdep", "gcc_x86_64", *options,
                   "tests/proofs/prove_%s.c" % name, *sources]
        run = subprocess.run(command, cwd=source_root, env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(run.stdout)
    return 0 if run.returncode == 0 and is_proved(options, run.stdout) else 1


if __name__ == "__main__":
    sys.exit(main())
