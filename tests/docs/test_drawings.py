#!/usr/bin/env python3
"""Draws the book's graphs of five nodes again, with the script and the commands of docs/looking.md, and
compares them with the files in docs/. Also draws the plot of sizes with other measurements, which must look
the same except for the numbers.

    test_drawings.py SOURCE_FOLDER MICROGPT

Coordinates depend on the version of graphviz and on the fonts. Everything else must be the same; a text may
be up to NEAR units away from its place. Exits with 77 if graphviz is not installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

sys.dont_write_bytecode = True  # not into the source folder

from test_docs import SKIP, read_files

NAMES = {"expression-before.svg", "expression-after.svg", "sum-and-product.svg"}
NEAR = 12
SVG = "{http://www.w3.org/2000/svg}"


def draw(source, microgpt, folder):
    """Run the script that the page shows, and its commands that draw what the script wrote."""
    page = source / "docs" / "looking.md"
    environment = {**os.environ, "PYTHONPATH": str(source / "reference")}
    for when in ("before", "after"):
        with open(folder / f"{when}.txt", "w", encoding="utf-8") as dump:
            subprocess.run([sys.executable, "-c", read_files(page)["expression.py"], when], stdout=dump,
                           env=environment, check=True)
    commands = re.findall(r"^    microgpt (graph --dump .* --svg .*)$", page.read_text(encoding="utf-8"),
                          re.MULTILINE)
    for command in commands:
        subprocess.run([microgpt, *command.split()], cwd=folder, check=True)
    return {path.name: path.read_bytes() for path in folder.glob("*.svg")}


def parts(picture):
    """Return what does not depend on graphviz's version, and the places of the texts."""
    root = ElementTree.fromstring(picture)
    shown = [(element.tag, element.get("class"), element.get("stroke-dasharray"), element.get("font-size"),
              (element.text or "").strip()) for element in root.iter()]
    places = [(float(text.get("x")), float(text.get("y"))) for text in root.iter(SVG + "text")]
    return shown, places


def check_graph(name, picture, checked_in, mistakes):
    if b"prefers-color-scheme: dark" not in picture:
        mistakes.append(f"docs/{name} has no dark colours")
    shown, places = parts(picture)
    expected, expected_places = parts(checked_in)
    if shown != expected:
        mistakes.append(f"docs/{name} is not what the command in docs/looking.md draws; run it again")
    elif any(abs(a - b) > NEAR for place, other in zip(places, expected_places) for a, b in zip(place, other)):
        mistakes.append(f"docs/{name} has its texts in other places; run the command in docs/looking.md again")


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
    if shutil.which("dot") is None:
        print(*mistakes, "skipped: the graphs of five nodes, there is no graphviz", sep="\n")
        return 1 if mistakes else SKIP
    with tempfile.TemporaryDirectory(prefix="test_drawings.") as folder:
        drawn = draw(source, Path(sys.argv[2]).resolve(), Path(folder))
    if set(drawn) != NAMES:
        mistakes.append(f"docs/looking.md draws {sorted(drawn)} instead of {sorted(NAMES)}")
    for name in NAMES & set(drawn):
        check_graph(name, drawn[name], (source / "docs" / name).read_bytes(), mistakes)
    print(*mistakes, sep="\n")
    print(f"{len(drawn)} drawings, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
