#!/usr/bin/env python3
"""The version is the same in all places: in meson.build, version.h, CITATION.cff
and CHANGELOG.md.

    test_version.py VERSION SOURCE_FOLDER
"""

import re
import sys
from pathlib import Path

PLACES = {
    "include/microgpt/version.h": r'^#define MICROGPT_VERSION "(.*)"$',
    "CITATION.cff": r"^version: (.*)$",
    "CHANGELOG.md": r"^## \[(\d.*?)\]",
}


def main():
    version, source = sys.argv[1], Path(sys.argv[2])
    found = {"meson.build": version}
    for name, pattern in PLACES.items():
        match = re.search(pattern, (source / name).read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = match and match.group(1)
    print(found)
    return 0 if set(found.values()) == {version} else 1


if __name__ == "__main__":
    sys.exit(main())
