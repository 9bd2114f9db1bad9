#!/usr/bin/env python3
"""Put the dumps of step 1 of the built-in names into a release: `meson dist` runs this.

The author of a port can compare with them without building anything.
"""

import gzip
import os
import subprocess
from pathlib import Path


def main():
    build = Path(os.environ["MESON_BUILD_ROOT"])
    folder = Path(os.environ["MESON_DIST_ROOT"], "reference", "dumps")
    subprocess.run(["ninja", "-C", build, "microgpt"], check=True, stdout=subprocess.DEVNULL)
    folder.mkdir(parents=True, exist_ok=True)
    for name, option in (("step1.full.txt.gz", "--names"), ("step1.sparse.txt.gz", "--sparse")):
        dump = subprocess.run([build / "microgpt", "nodes", "--step", "1", option], check=True,
                              stdout=subprocess.PIPE).stdout
        # Without a time, so that the same program gives the same bytes.
        (folder / name).write_bytes(gzip.compress(dump, mtime=0))


main()
