#!/usr/bin/env python3
"""Copies a source file with one deliberate mistake in it, for ablation.c.

    ablate.py SOURCE MISTAKE.diff OUTPUT

The mistake is a diff without line numbers: the old lines begin with `-` or a space, the new ones with `+`
or a space. The old lines must occur in SOURCE exactly once, so that a change of the source cannot silently
disable an ablation. White space matches any other white space, so layout does not matter.
"""

import re
import sys
from pathlib import Path


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: ablate.py SOURCE MISTAKE.diff OUTPUT")
    source, mistake, output = sys.argv[1:]
    text = Path(source).read_text(encoding="utf-8")
    lines = Path(mistake).read_text(encoding="utf-8").splitlines()
    old = "\n".join(line[1:] for line in lines if line[0] in " -")
    new = "\n".join(line[1:] for line in lines if line[0] in " +")
    pattern = r"\s+".join(re.escape(word) for word in old.split())
    matches = list(re.finditer(pattern, text))
    if len(matches) != 1:
        sys.exit(f"{source}: what {mistake} replaces must occur once, and occurs {len(matches)} times; "
                 "adapt it")
    start, end = matches[0].span()
    Path(output).write_text(text[:start] + new + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
