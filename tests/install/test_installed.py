#!/usr/bin/env python3
"""Installs the build into an empty folder, and uses the installed files as a user would.

    test_installed.py BUILD_FOLDER SOURCE_FOLDER SANITIZERS CHECK COMPILER ...

SANITIZERS is the value of the build's -fsanitize=, or none.

CHECK is one of:
    files     all necessary files exist, and the program runs from anywhere
    shared    the README's example, built with its command, runs with the shared library; so does the program
              if there is no static one
    static    the same with the static library; skips in a build with sanitizers
    gdb       gdb loads the script automatically for the installed program
Skips if a tool is missing.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from link_options import link_options
from program_help import example_output

SKIP = 77


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
    """The files that `meson install` has installed below a folder."""

    def __init__(self, build, sanitizers, destination):
        self.sanitizers = sanitizers
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
        """Return a folder for which Meson has an option, such as bindir."""
        return self.prefix / self.options[option]


def headers(folder):
    return sorted(path.name for path in (folder / "microgpt").iterdir())


def check_files(tree, source, _compiler):
    """The files that no other check uses, and the program."""
    assert headers(tree.folder("includedir")) == headers(source / "include"), "the headers"
    names = tree.folder("datadir") / "microgpt" / "names.txt"
    assert names.read_bytes() == (source / "data" / "names.txt").read_bytes(), "names.txt"
    for writer in (source / "reference" / "writers").iterdir():
        installed = names.with_name("writers") / writer.name
        assert installed.read_bytes() == writer.read_bytes(), installed
    documents = tree.folder("datadir") / "doc" / "microgpt"
    for name in ("README.md", "docs/gdb-tour.md", "docs/comparing.md", "examples/xor.c", "examples/micrograd.py"):
        assert (documents / name).is_file(), name
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
    """A library with a sanitizer needs a program with the same sanitizer."""
    return [] if tree.sanitizers == "none" else [f"-fsanitize={tree.sanitizers}"]


def readme_command(source, word):
    """Return the README's line that builds the example, the one with or without this word."""
    readme = (source / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    (cc .*pkg-config.*)$", readme, re.MULTILINE)
    found = [line for line in lines if ("static" in line) == (word == "static")]
    assert len(found) == 1, f"README.md: {len(found)} lines for {word}"
    return found[0]


def need_libraries(tree, compiler, word):
    """Not every system has static libraries."""
    flags = ["-static", *link_options("--static")] if word == "static" else link_options()
    source = tree.destination / "nothing.c"
    source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    command = [*compiler, "-o", tree.destination / "nothing", source, *flags]
    if subprocess.run(command, capture_output=True).returncode != 0:
        raise Skip(f"programs cannot be linked with {' '.join(flags)} here")


def build_example(tree, source, compiler, word):
    """Build the example with the README's command, with the tree in place of the system's root."""
    need("pkg-config")
    need("readelf")  # to see what it is linked with
    need_libraries(tree, compiler, word)
    cc = tree.destination / "cc"
    strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", *sanitizer_arguments(tree)]
    folders = [word for word in link_options() if word.startswith("-L")]  # which are not in the tree
    cc.write_text(f'#!/bin/sh\nexec {" ".join([*compiler, *strict, *folders])} "$@"\n', encoding="utf-8")
    cc.chmod(0o755)
    (tree.destination / "src").symlink_to(source / "src")
    system = os.environ.get("PKG_CONFIG_LIBDIR") or run("pkg-config", "--variable", "pc_path", "pkg-config").strip()
    environment = {**os.environ, "PATH": f"{tree.destination}:{os.environ['PATH']}",
                   "PKG_CONFIG_LIBDIR": f"{tree.folder('libdir')}/pkgconfig:{system}",
                   "PKG_CONFIG_SYSROOT_DIR": str(tree.destination)}
    run("sh", "-c", readme_command(source, word), cwd=tree.destination, env=environment)
    return tree.destination / "twenty_steps"


def check_shared(tree, source, compiler):
    program = build_example(tree, source, compiler, "shared")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tree.folder("libdir"))}
    loader = re.search(r"interpreter: (\S+)\]", run("readelf", "--program-headers", program)).group(1)
    found = run(loader, "--list", program, env=environment)  # ldd knows programs of one libc alone
    library = re.search(r"libmicrogpt.so.[\d.]+ => (\S+)", found)
    assert library and Path(library.group(1)).is_relative_to(tree.prefix), "another library"
    printed = run(program, env=environment)
    ours = tree.folder("bindir") / "microgpt"
    assert printed == example_output(ours), printed
    needs_library = library.group() in run(loader, "--list", ours, env=environment)
    assert needs_library == (tree.options["default_library"] == "shared"), "the program's library"


def check_static(tree, source, compiler):
    if sanitizer_arguments(tree):
        raise Skip("programs with sanitizers cannot be linked statically")
    program = build_example(tree, source, compiler, "static")
    assert "microgpt" not in run("readelf", "--dynamic", program), "not static"
    printed = run(program)
    assert printed == example_output(tree.folder("bindir") / "microgpt"), printed


def check_gdb(tree, _source, _compiler):
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
    hint = run(bindir / "microgpt", "--help").splitlines()[-1]
    if not tree.options["debug"]:
        assert "This build has no symbols" in hint, hint
    elif tree.options["prefix"] == "/usr":
        assert hint == "In gdb: `gdb microgpt`, then `help mg`.", hint
    else:
        script = re.fullmatch("In gdb, once installed: gdb -x (.*) microgpt", hint).group(1)
        assert tree.below(script).exists(), script


CHECKS = {"files": check_files, "shared": check_shared, "static": check_static, "gdb": check_gdb}


def main():
    build, source, sanitizers, check, *compiler = sys.argv[1:]
    # By full paths: `cc` will be another program, also for ccache.
    compiler = [shutil.which(word) or word for word in compiler]
    with tempfile.TemporaryDirectory(prefix="test_installed.") as folder:
        try:
            tree = Tree(Path(build), sanitizers, Path(folder).resolve())
            CHECKS[check](tree, Path(source), compiler)
        except Skip as reason:
            print(f"skipped: {reason}")
            return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
