"""Puts the style sheet and the scripts into the page of a report, and their digests into its policy.

usage: assemble.py OUTPUT.html PAGE.html STYLE.css SCRIPT.js ...

The scripts become one, in the order of the arguments. The texts replace @STYLE@ and @SCRIPT@ in the page. Their
digests replace @STYLE_DIGEST@ and @SCRIPT_DIGEST@ in its Content-Security-Policy, so that a browser runs nothing
else. The program replaces @DATA@.
"""

import base64
import hashlib
import sys


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    output, *inputs = sys.argv[1:]
    page, style, *scripts = (read(path) for path in inputs)
    script = "\n".join(scripts)
    for name, text in ("STYLE", style), ("SCRIPT", script):
        if f"</{name.lower()}" in text or "@" + "DATA@" in text:
            sys.exit(f"assemble.py: the {name.lower()} would end its own element")
        for mark, value in (f"@{name}@", text), (f"@{name}_DIGEST@", digest(text)):
            if page.count(mark) != 1:
                sys.exit(f"assemble.py: {inputs[0]} must have one {mark}")
            page = page.replace(mark, value)
    if page.count("@" + "DATA@") != 1:
        sys.exit(f"assemble.py: {inputs[0]} must have one @DATA@")
    with open(output, "w", encoding="utf-8", newline="\n") as file:
        file.write(page)


main()
