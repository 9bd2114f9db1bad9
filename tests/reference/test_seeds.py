"""The program and the reference accept the same seeds, and reject others with the same message.

    test_seeds.py PROGRAM REFERENCE_FOLDER
"""

import subprocess
import sys
from pathlib import Path

GOOD = ["0", "-0", "+5", "-5", "007", str(2**64 - 1), str(1 - 2**64), "0" * 5000 + "7"]
BAD = ["", "x", "1.5", "1e3", "0x1", "1_0", " 1", "1 ", "\u0663", "--5", "+-5", "+", str(2**64),
       str(-2**64), "9" * 5000]


def complaint(command, seed):
    """Return the exit status, and the message after the program's name."""
    options = [f"--seed={seed}", "--num-steps", "0", "--num-samples", "0"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.partition(": ")[2]


def main():
    program, reference = sys.argv[1:]
    python = [sys.executable, "-B", str(Path(reference, "microgpt_reference.py"))]
    n_failed = 0
    for seed in GOOD + BAD:
        ours, theirs = complaint([program], seed), complaint(python, seed)
        is_cut = len(seed) > 100  # in the C program's message, whose length is limited
        is_alike = ours[0] == theirs[0] if is_cut else ours == theirs
        if not is_alike or ours[0] != (0 if seed in GOOD else 2):
            n_failed += 1
            print(f"--seed {seed[:30]!r}: {ours} here, {theirs} there")
    print(f"{len(GOOD)} seeds taken, {len(BAD)} refused, {n_failed} not alike")
    return 1 if n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
