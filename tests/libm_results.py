"""Exits with 0 if this Python computes what libm_results.c has printed, which are the arguments.

A program for one C library may be tested with a Python that has another.
"""

import math
import sys


def result(name, x, y):
    return math.pow(x, y) if name == "pow" else getattr(math, name)(x)


def main():
    words = sys.argv[1:]
    for name, *numbers in zip(words[::4], words[1::4], words[2::4], words[3::4]):
        x, y, expected = map(float.fromhex, numbers)
        if result(name, x, y) != expected:
            sys.exit(f"{name} differs")
    sys.exit(0 if words else "no results")


main()
