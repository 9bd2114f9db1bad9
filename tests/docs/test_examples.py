#!/usr/bin/env python3
"""The examples print what the documents say.

    test_examples.py FIT_LINE XOR [MICROGRAD.py LIBRARY]

(fifteen_lines, twenty_steps and expression have tests of their own.)
"""

import subprocess
import sys


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def main():
    fit_line, xor, *micrograd = sys.argv[1:]
    line = run(fit_line)
    print(line, end="")
    assert "first loss 21\n" in line and "y = 2.0000 x + 1.0000\n" in line
    assert line.endswith("\n0 bytes more than after the first step\n"), "memory grows"
    answers = run(xor)
    print(answers, end="")
    assert answers.endswith("0 xor 0 = 0.00\n0 xor 1 = 1.00\n1 xor 0 = 1.00\n1 xor 1 = 0.00\n")
    if micrograd:
        numbers = run(sys.executable, *micrograd)
        print(numbers, end="")
        assert numbers == "24.7041, 138.8338, 645.5773\n"


main()
