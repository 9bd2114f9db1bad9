#!/usr/bin/env python3
"""The .pc file says what a static program needs, also where pkg-config does not know zlib.

    test_pkg_config.py SOURCE_FOLDER
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def pkg_config(*arguments):
    return subprocess.run(["pkg-config", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def read_fields(source, build, known):
    """Sets up a build in which pkg-config knows only these packages; returns the fields of its .pc file."""
    folder = build.with_suffix(".pc")
    folder.mkdir()
    for name in known:
        os.symlink(Path(pkg_config("--variable=pcfiledir", name), f"{name}.pc"), folder / f"{name}.pc")
    done = subprocess.run(
        ["meson", "setup", "-Dtests=disabled", build, source],
        env=dict(os.environ, PKG_CONFIG_LIBDIR=str(folder)), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout)
    lines = (build / "meson-private" / "microgpt.pc").read_text(encoding="utf-8").splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def main():
    (source,) = sys.argv[1:]
    mistakes = []
    with tempfile.TemporaryDirectory(prefix="test_pkg_config.") as folder:
        both = read_fields(source, Path(folder, "both"), ["jansson", "zlib"])
        one = read_fields(source, Path(folder, "one"), ["jansson"])
    if not {"jansson", "zlib"} <= {word.rstrip(",") for word in both.get("Requires.private", [])}:
        mistakes.append(f"with both packages: {both}")
    if "jansson" not in one.get("Requires.private", []) or "-lz" not in one.get("Libs.private", []):
        mistakes.append(f"without zlib's package: {one}")
    print(*mistakes, f"{len(mistakes)} mistakes", sep="\n")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
