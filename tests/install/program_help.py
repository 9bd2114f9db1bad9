"""Reads the program's help, for the tests that compare other files with it."""

import re
import subprocess

CHOICES = re.compile(r"(?:choose|there are:) (.*)\n")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def read_commands(program):
    """Return the commands in the order of `--help`."""
    names = re.findall(r"^  ([a-z]\w*) ", run(program, "--help").stdout, re.MULTILINE)
    if len(names) < 10:
        raise SystemExit(f"{program} --help: only {len(names)} commands found")
    return names


def read_options(program, command):
    """Return a command's options by name, each with the word for its value, or ''."""
    text = run(program, command, "--help").stdout
    options = dict(re.findall(r"^  (--[\w-]+) ([A-Z]*) ", text, re.MULTILINE))
    if len(options) != text.count("\n  --"):
        raise SystemExit(f"{program} {command} --help: only {len(options)} options understood")
    return options


def read_choices(program, command, option):
    """Return the values of an option that has only a few; its error message lists them."""
    usage = run(program, command, "--help").stdout.split("\n")[0]
    text = ["x"] if " TEXT " in usage else []
    error = run(program, command, option, "?", *text).stderr
    found = CHOICES.search(error) if error.startswith(f"microgpt: {option}: ") else None
    return re.split(", | or ", found.group(1)) if found else []


def example_output(program):
    """Return what src/examples/twenty_steps.c prints, which computes the same."""
    text = run(program, "--num-steps", "20", "--num-samples", "1").stdout
    loss = re.findall(r"loss ([\d.]+)", text)[-1]
    name = re.search(r"sample  1: (.*)\n", text).group(1)
    return f"loss {loss}\n{name}\n"
