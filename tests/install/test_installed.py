#!/usr/bin/env python3
"""Installs the build into an empty folder, and uses what is there as its owner would.

    test_installed.py BUILD_FOLDER SOURCE_FOLDER CHECK [COMPILER ...]

CHECK is one of:
    files       what must be there is there, and the program runs from anywhere
    shared      a program built with pkg-config runs with the shared library
    static      the same with pkg-config --static; skips in a build with sanitizers
    gdb         gdb loads the script by itself for the installed program
Skips where a tool is missing.
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

SKIP = 77
EXAMPLE = "src/examples/twenty_steps.c"


class Skip(Exception):
    """The reason why a check cannot be made here."""


def run(*command, **options):
    """Run a command that must succeed; return what it prints."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def need(tool):
    if shutil.which(tool) is None:
        raise Skip(f"there is no {tool}")


class Tree:
    """What `meson install` has put below a folder."""

    def __init__(self, build, destination):
        options = json.loads(run("meson", "introspect", "--buildoptions", build))
        self.options = {option["name"]: option["value"] for option in options}
        self.destination = destination
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet",
            env={**os.environ, "DESTDIR": str(destination)})
        self.prefix = self.below(self.options["prefix"])

    def below(self, path):
        """Return where an absolute path of the system is in the tree."""
        return Path(str(self.destination) + path)

    def folder(self, option):
        """Return a folder that Meson has an option for, as bindir."""
        return self.prefix / self.options[option]


def headers(folder):
    return sorted(path.name for path in (folder / "microgpt").iterdir())


def check_files(tree, source, *_compiler):
    """The files that nothing else looks for, and the program."""
    assert headers(tree.folder("includedir")) == headers(source / "include"), "the headers"
    names = tree.folder("datadir") / "microgpt" / "names.txt"
    assert names.read_bytes() == (source / "data" / "names.txt").read_bytes(), "names.txt"
    for name in ("bash-completion/completions/microgpt", "zsh/site-functions/_microgpt"):
        assert (tree.folder("datadir") / name).is_file(), name
    page = tree.folder("mandir") / "man1" / "microgpt.1"
    assert page.is_file(), page
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [tree.folder("bindir") / "microgpt", "--num-steps", "2", "--num-samples", "1"]
        compiled_in = run(*command, cwd=elsewhere)
        assert compiled_in == run(*command, "--data", names, cwd=elsewhere), "the names differ"
    print(run("find", tree.destination, "-type", "f", "-printf", "%P\n"))


def sanitizer_arguments(tree):
    """A library with a sanitizer needs its program to have it, too."""
    sanitizers = tree.options["b_sanitize"]
    return [] if sanitizers == "none" else [f"-fsanitize={sanitizers}"]


def pkg_config(tree, *arguments):
    """Return the arguments for a compiler, with the tree in place of the system's root."""
    need("pkg-config")
    libdir = tree.folder("libdir")
    system = run("pkg-config", "--variable", "pc_path", "pkg-config").strip()
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": f"{libdir}/pkgconfig:{system}"}
    prefix = f"--define-variable=prefix={tree.prefix}"
    return run("pkg-config", prefix, *arguments, "microgpt", env=environment).split()


def build_example(tree, source, compiler, arguments):
    """Build the example outside of the source tree, and return the program."""
    shutil.copy(source / EXAMPLE, tree.destination / "example.c")
    program = tree.destination / "example"
    run(*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", *sanitizer_arguments(tree), "-o",
        program, tree.destination / "example.c", *arguments, cwd=tree.destination)
    return program


def check_shared(tree, source, *compiler):
    program = build_example(tree, source, compiler, pkg_config(tree, "--cflags", "--libs"))
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tree.folder("libdir"))}
    library = re.search(r"libmicrogpt.so.\d+ => (\S+)", run("ldd", program, env=environment))
    assert library and Path(library.group(1)).is_relative_to(tree.prefix), "another library"
    printed = run(program, env=environment)
    assert printed == example_output(tree.folder("bindir") / "microgpt"), printed


def check_static(tree, source, *compiler):
    if sanitizer_arguments(tree):
        raise Skip("programs with sanitizers cannot be linked statically")
    arguments = pkg_config(tree, "--static", "--cflags", "--libs")
    program = build_example(tree, source, compiler, ["-static", *arguments])
    printed = run(program)
    assert printed == example_output(tree.folder("bindir") / "microgpt"), printed


def check_gdb(tree, _source, *_compiler):
    """gdb looks for a program's script below its auto-load folders, under the program's full path.
    The program's path begins with the tree's here, which gdb's folder has to imitate."""
    need("gdb")
    bindir = tree.folder("bindir")
    scripts = tree.folder("datadir") / "gdb" / "auto-load"
    installed = Path(str(scripts) + str(Path(tree.options["prefix"]) / tree.options["bindir"]))
    imitated = Path(f"{tree.destination}/auto-load{bindir.resolve()}")
    imitated.parent.mkdir(parents=True)
    imitated.symlink_to(installed)
    auto_load = tree.destination / "auto-load"
    printed = run("gdb", "-nx", "-batch", "-iex", f"add-auto-load-scripts-directory {auto_load}",
                  "-iex", f"add-auto-load-safe-path {tree.destination}",
                  "-ex", "info auto-load python-scripts", "-ex", "help mg", bindir / "microgpt")
    assert re.search(r"^Yes .*microgpt-gdb.py", printed, re.MULTILINE), printed
    assert "mg why" in printed, printed


CHECKS = {"files": check_files, "shared": check_shared, "static": check_static, "gdb": check_gdb}


def main():
    build, source, check, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="test_installed.") as folder:
        try:
            tree = Tree(Path(build), Path(folder).resolve())
            CHECKS[check](tree, Path(source), *compiler)
        except Skip as reason:
            print(f"skipped: {reason}")
            return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
