#!/usr/bin/env python3
"""The libraries export exactly the functions of the public headers.

    test_exports.py INCLUDE_FOLDER SONAME LIBRARY ...

A library is static if its name ends in .a, and otherwise has the SONAME. Skips if there is no readelf, as on
macOS, which has no ELF files.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from public_api import exported_functions, global_names

SKIP = 77


def has_soname(library, soname):
    dynamic = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True)
    return f"[{soname}]" in dynamic.stdout


def main():
    include, soname, *libraries = sys.argv[1:]
    if shutil.which("readelf") is None:
        print("skipped: there is no readelf")
        return SKIP
    declared = exported_functions(Path(include))
    print(f"{len(declared)} functions declared")
    n_failed = 0 if libraries else 1
    for library in libraries:
        is_static = library.endswith(".a")
        found = global_names(library, *([] if is_static else ["-D"]))
        print(f"{library}: {len(found)} functions")
        print(f"  declared, but not there: {sorted(declared - found)}")
        print(f"  there, but not declared: {sorted(found - declared)}")
        good_name = is_static or has_soname(library, soname)
        print(f"  soname {soname}: {'static' if is_static else good_name}")
        n_failed += declared != found or not good_name
    return 1 if n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
