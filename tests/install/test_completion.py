#!/usr/bin/env python3
"""The shell's completion offers the program's commands, options and values, and nothing else.

    test_completion.py bash|zsh PROGRAM SCRIPT

The script runs in that shell; in zsh with replacements of _arguments and _describe that print their
arguments. Skips if that shell is not installed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from program_help import read_choices, read_commands, read_options

SKIP = 77
FILE = "a file.txt"  # a name that must stay one word
END = "=== end of an answer ==="

BASH = """
. '{script}'
for_words()
{{
    COMP_WORDS=("$@")
    COMP_CWORD=$(( $# - 1 ))
    _microgpt "$1"
    printf '%s\\n' "${{COMPREPLY[@]}}" '{end}'
}}
"""

ZSH = """
setopt extendedglob
_arguments() {{ print -rl -- "$@" }}
_describe() {{ print -rl -- "${{(@P)2}}" }}
for_words()
{{
    words=("$@")
    CURRENT=$#
    . '{script}'
    print -r -- '{end}'
}}
"""


def quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def ask(shell, prelude, script, program, command_lines):
    """Return the completions of the last word of each command line."""
    text = prelude.format(script=script, end=END)
    for words in command_lines:
        text += "for_words " + " ".join(quote(word) for word in (program, *words)) + "\n"
    with tempfile.TemporaryDirectory(prefix="test_completion.") as folder:
        Path(folder, FILE).touch()
        Path(folder, "script").write_text(text, encoding="utf-8")
        arguments = ["-f", "script"] if shell == "zsh" else ["--norc", "script"]
        done = subprocess.run([shell, *arguments], cwd=folder, capture_output=True, text=True,
                              timeout=300)
    if done.stderr:
        sys.exit(f"{shell} says: {done.stderr}")
    return [[line for line in answer.splitlines() if line]
            for answer in done.stdout.split(END + "\n")[:-1]]


def read_program(program):
    """Return the options of each command, and the choices that each of them has."""
    options = {command: read_options(program, command) for command in read_commands(program)}
    choices = {}
    for command, values in options.items():
        for option, value in values.items():
            if value == "FILE":
                choices[command, option] = []  # '?' could be one
            elif value:
                choices[command, option] = read_choices(program, command, option)
    return options, choices


def expect_bash(options, choices):
    """Return the command lines, each with what bash must offer for its last word."""
    expected = {("",): list(options), ("t",): [name for name in options if name.startswith("t")],
                ("nothing", "--"): [], ("compare", ""): ["script", FILE], ("trace", ""): []}
    for command, values in options.items():
        expected[command, "-"] = list(values)
    expected["-",] = expected["run", "-"]
    for command, option in choices:
        is_file = options[command][option] == "FILE"
        answer = ["script", FILE] if is_file else choices[command, option]
        expected[command, option, ""] = answer
        if answer:
            expected[command, option, "="] = answer
            expected[command, option, "=", "s"] = [a for a in answer if a.startswith("s")]
    expected["--engine", ""] = choices["run", "--engine"]
    return expected


def expect_zsh(options, choices):
    """Return the command lines, each with the arguments that zsh's _describe or _arguments must get."""
    expected = {("",): list(options), ("nothing", "--"): []}
    for command, values in options.items():
        specs = ["*:dump:_files"] if command == "compare" else []
        for option, value in values.items():
            if value == "FILE":
                specs.append(f"{option}=:FILE:_files")
            elif value:
                words = " ".join(choices[command, option])
                specs.append(f"{option}=:{value}:" + (f"({words})" if words else ""))
            else:
                specs.append(option)
        expected[command, "-"] = specs
    expected["-",] = expected["run", "-"]
    return expected


def without_help(answer):
    """Remove the descriptions from zsh's specifications: `[help]`, and what follows a command."""
    if answer.startswith("-"):
        return re.sub(r"\[(?:[^\\\]]|\\.)*\]", "", answer, count=1)
    return answer if answer.startswith("*") else answer.split(":")[0]


def main():
    shell = sys.argv[1]
    program, script = (str(Path(argument).resolve()) for argument in sys.argv[2:])
    if shutil.which(shell) is None:
        print(f"skipped: there is no {shell}")
        return SKIP
    expect, prelude = (expect_bash, BASH) if shell == "bash" else (expect_zsh, ZSH)
    expected = expect(*read_program(program))
    answers = ask(shell, prelude, script, program, expected)
    if shell == "zsh":
        answers = [[without_help(spec) for spec in specs] for specs in answers]
    n_failed = len(expected) - len(answers)
    for words, answer in zip(expected, answers):
        if sorted(answer) != sorted(expected[words]):
            n_failed += 1
            print(f"{' '.join(words)}: {sorted(answer)} instead of {sorted(expected[words])}")
    print(f"{shell}: {len(expected)} command lines, {n_failed} completed wrongly")
    return 1 if n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
