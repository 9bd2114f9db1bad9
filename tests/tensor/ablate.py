#!/usr/bin/env python3
"""Copies a source file with one deliberate mistake in it, for ablation.c.

    ablate.py SOURCE OUTPUT OLD NEW

OLD must stand in SOURCE exactly once, so that no ablation quietly stops being one when the source
changes. In OLD and NEW any run of white space matches any other: layout does not matter.
"""

import re
import sys
from pathlib import Path


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: ablate.py SOURCE OUTPUT OLD NEW")
    source, output, old, new = sys.argv[1:]
    text = Path(source).read_text(encoding="utf-8")
    pattern = r"\s+".join(re.escape(word) for word in old.split())
    matches = list(re.finditer(pattern, text))
    if len(matches) != 1:
        sys.exit(f"{source}: the text to replace must occur once, and occurs {len(matches)} times; "
                 f"adapt tests/meson.build:\n{old}")
    start, end = matches[0].span()
    Path(output).write_text(text[:start] + new + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
