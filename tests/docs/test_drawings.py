#!/usr/bin/env python3
"""Draws the book's graphs of five nodes again, and compares them with the files in docs/. Also draws the
plot of sizes with other measurements, which must look the same except for the numbers.

    test_drawings.py SOURCE_FOLDER MICROGPT
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

SCRIPT = "docs/draw_expression.py"
NAMES = {"expression-before.svg", "expression-after.svg", "sum-and-product.svg"}


def draw(source, folder):
    environment = {**os.environ, "PYTHONPATH": "reference", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, SCRIPT, folder], cwd=source, env=environment, check=True)


def check_sizes(source, microgpt, mistakes):
    """Draws a short measurement. It must differ from docs/sizes.svg only in numbers."""
    command = [microgpt, "bench", "--sizes", "--json", "--documents", "1"]
    measured = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    drawn = subprocess.run([sys.executable, "docs/draw_sizes.py"], cwd=source, input=measured,
                           stdout=subprocess.PIPE, check=True).stdout
    shown = (source / "docs" / "sizes.svg").read_bytes()
    ElementTree.fromstring(shown)
    style = re.compile(rb"<style>.*</style>", re.DOTALL)
    if {element.tag for element in ElementTree.fromstring(drawn).iter()} != {
            element.tag for element in ElementTree.fromstring(shown).iter()}:
        mistakes.append("docs/sizes.svg has other parts than docs/draw_sizes.py draws; run it again")
    if style.findall(drawn) != style.findall(shown):
        mistakes.append("docs/sizes.svg has another style than docs/draw_sizes.py draws; run it again")


def main():
    source = Path(sys.argv[1])
    mistakes = []
    check_sizes(source, sys.argv[2], mistakes)
    with tempfile.TemporaryDirectory(prefix="test_drawings.") as folder:
        draw(source, folder)
        drawn = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    if set(drawn) != NAMES:
        mistakes.append(f"{SCRIPT} draws {sorted(drawn)} instead of {sorted(NAMES)}")
    for name, picture in drawn.items():
        ElementTree.fromstring(picture)
        if b"prefers-color-scheme: dark" not in picture:
            mistakes.append(f"docs/{name} has no dark colours")
        if (source / "docs" / name).read_bytes() != picture:
            mistakes.append(f"docs/{name} is not what {SCRIPT} draws; run it again")
    print(*mistakes, sep="\n")
    print(f"{len(drawn)} drawings, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
