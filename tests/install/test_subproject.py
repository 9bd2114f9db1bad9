#!/usr/bin/env python3
"""The README's project, with this one as a subproject, gets the library and nothing else.

    test_subproject.py SOURCE_FOLDER PROGRAM MESON_OPTION ...
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from program_help import example_output


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
        readme = Path(source, "README.md").read_text(encoding="utf-8")
        project = re.search(r"^```meson\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL).group(1)
        (root / "meson.build").write_text(project, encoding="utf-8")
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
    good = printed == example_output(program) and not installed and not tests
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
