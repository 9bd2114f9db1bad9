#!/usr/bin/env python3
"""The manual page is the one that the program's help makes, has its commands and options, and man accepts it
without warnings.

    test_manual.py PROGRAM PAGE
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from program_help import read_commands, read_options

FLAG = re.compile(r"^(?:\.It |\.)?Fl \\-([\w\\-]+)(?: Ar (\w+))?", re.MULTILINE)


def read_page(page):
    """Return the commands of the page, each with the names of its options, in its order."""
    text = Path(page).read_text(encoding="utf-8")
    parts = re.split(r"^\.Ss (\S+)\n", text[text.index(".Sh COMMANDS"):text.index(".Sh FILES")],
                     flags=re.MULTILINE)
    options = {}
    for name, part in zip(parts[1::2], parts[2::2]):
        part = part.replace(" ,\n.Fl ", "\n.Fl ")
        options[name] = {"--" + flag.replace("\\-", "-"): value for flag, value in FLAG.findall(part)}
    return options


def is_up_to_date(program, page):
    """Compare the page with one that is made now."""
    folder = Path(page).parent
    with tempfile.TemporaryDirectory() as elsewhere:
        made = Path(elsewhere, "microgpt.1")
        subprocess.run([sys.executable, folder / "make_manual.py", program, folder / "microgpt.1.in", made],
                       check=True)
        return made.read_bytes() == Path(page).read_bytes()


def warnings(page):
    """Return the messages of man when it typesets the page."""
    if shutil.which("man") is None:
        print("there is no man: the page's form is not checked")
        return ""
    done = subprocess.run(["man", "--warnings", "-l", "-Tutf8", "-Z", page], capture_output=True,
                          text=True, timeout=60)
    return done.stderr


def main():
    program, page = sys.argv[1:]
    on_page = read_page(page)
    n_failed = 0
    if list(on_page) != read_commands(program):
        n_failed += 1
        print(f"commands: {list(on_page)}, and the program has {read_commands(program)}")
    for command, flags in on_page.items():
        options = read_options(program, command)
        if set(flags) != set(options):
            n_failed += 1
            print(f"{command}: only on the page or only in the program: {set(flags) ^ set(options)}")
        for flag, value in flags.items():
            if value and value != options.get(flag):
                n_failed += 1
                print(f"{command} {flag} {value}: the program has {options.get(flag)}")
    if not is_up_to_date(program, page):
        n_failed += 1
        print("the help has changed; make the page again, with the command in docs/man/make_manual.py")
    complaints = warnings(page)
    print(f"{len(on_page)} commands, {n_failed} differ from the program", complaints, sep="\n")
    return 1 if n_failed > 0 or complaints else 0


if __name__ == "__main__":
    sys.exit(main())
