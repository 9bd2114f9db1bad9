#!/usr/bin/env python3
"""The shared library exports the functions of the public headers, all of them and nothing else.

    test_exports.py libmicrogpt.so INCLUDE_FOLDER SONAME
"""

import subprocess
import sys
from pathlib import Path

from public_api import declared_functions, headers


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    """Return what a program can link with, without what a sanitizer adds (reserved names)."""
    symbols = (line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines())
    return {name for name in symbols if not name.startswith("_")}


def main():
    library, include, soname = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    declared = {name for header in headers(include) for name in declared_functions(include / header)}
    found = exported(library)
    print(f"{len(declared)} functions declared, {len(found)} exported")
    print(f"declared, but not exported: {sorted(declared - found)}")
    print(f"exported, but not declared: {sorted(found - declared)}")
    has_soname = f"[{soname}]" in run("readelf", "-d", library)
    print(f"soname {soname}: {has_soname}")
    return 0 if declared == found and has_soname else 1


if __name__ == "__main__":
    sys.exit(main())
