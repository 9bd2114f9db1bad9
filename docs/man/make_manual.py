"""Makes the manual page from the program's own help, so that none of its options is missing.

    docs/man/make_manual.py build/microgpt docs/man/microgpt.1.in docs/man/microgpt.1

The template's line @COMMANDS@ becomes a subsection for each command. Of options that a command has in
common with `run`, with the same help, it has only the names.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

COMMAND = re.compile(r"^  ([a-z]\S*) ", re.MULTILINE)
OPTION = re.compile(r"^  --(\S+) (\S*) +(.*)$")


class Option(NamedTuple):
    name: str
    value: str
    help: str


class Command(NamedTuple):
    name: str
    usage: str
    description: list  # of lines
    options: list


def read_help(program, *arguments):
    done = subprocess.run([program, *arguments, "--help"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def read_command(program, name):
    """Take a command's help apart: usage, an empty line, text, an empty line, options."""
    lines = read_help(program, name)
    options = [Option(*match.groups()) for match in map(OPTION.match, lines) if match]
    usage = lines[0].removeprefix("usage: ")
    return Command(name, usage, lines[2:lines.index("", 2)], options)


def escape(text):
    """Make roff print the text unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def format_option(option):
    value = f" Ar {option.value}" if option.value else ""
    return [f".It Fl \\-{escape(option.name)}{value}", escape(option.help)]


def format_command(command, shared):
    """Return the lines of a command's subsection."""
    own = [option for option in command.options if option not in shared]
    common = [option for option in command.options if option in shared]
    lines = [f".Ss {command.name}", f".Dl {escape(command.usage)}", ".Pp"]
    lines += [escape(line) for line in command.description]
    if own:
        lines += [".Bl -tag -width Ds", *(line for o in own for line in format_option(o)), ".El"]
    if common:
        names = " ,\n.Fl ".join("\\-" + escape(option.name) for option in common)
        lines += [".Pp", "As for", ".Cm run :", f".Fl {names} ."]
    return lines


def main():
    program, template, output = sys.argv[1:]
    names = COMMAND.findall("\n".join(read_help(program)))
    commands = [read_command(program, name) for name in names]
    lines = []
    for command in commands:
        lines += format_command(command, [] if command is commands[0] else commands[0].options)
    text = Path(template).read_text(encoding="utf-8")
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    text = text.replace(".Os\n", f".Os {version.stdout}").replace("@COMMANDS@", "\n".join(lines))
    Path(output).write_text(text, encoding="utf-8")


main()
