#!/usr/bin/env python3
"""Another project has this one as its Meson subproject: it gets the library, and nothing more.

    test_subproject.py SOURCE_FOLDER PROGRAM MESON_OPTION ...
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from program_help import example_output

PROJECT = """
project('another', 'c', default_options: ['c_std=c11', 'warning_level=3', 'werror=true'])
executable('another', 'another.c',
  dependencies: dependency('microgpt', fallback: 'microgpt'),
  install: true)
"""


def run(*command):
    """Run a command that must succeed; return what it prints."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=500)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def main():
    source, program, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="test_subproject.") as folder:
        root, build = Path(folder), Path(folder, "build")
        (root / "meson.build").write_text(PROJECT, encoding="utf-8")
        shutil.copy(Path(source, "src/examples/twenty_steps.c"), root / "another.c")
        (root / "subprojects").mkdir()
        os.symlink(source, root / "subprojects" / "microgpt")
        run("meson", "setup", "--force-fallback-for=microgpt", *options, build, root)
        run("meson", "compile", "-C", build)
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", root / "installed")
        installed = [path.name for path in root.glob("installed/**/*") if path.is_file()]
        tests = json.loads(run("meson", "introspect", "--tests", build))
        printed = run(build / "another")
    print(f"prints: {printed}installed: {installed}\ntests: {len(tests)}")
    good = printed == example_output(program) and installed == ["another"] and not tests
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
