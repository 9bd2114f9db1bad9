#!/usr/bin/env python3
"""A program may have functions with the names that the library uses inside.

    test_names.py SOURCE_FOLDER VERSION OBJECTS.a LIBRARY SANITIZERS COMPILER ...

LIBRARY is static if its name ends in .a. every_header.c, which calls a function of every public header, is
built three times, and must print the same:
    alone
    with functions, which end the program, of all names of OBJECTS.a that the library does not export
    with a shared library, also of all that it exports and every_header.c does not call
A static jansson must not have a name of OBJECTS.a, or the program could not be linked with it. Skips if
programs cannot be linked in this way, or if there is no readelf, as on macOS, which has no ELF files.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from link_options import link_options
from public_api import declared_functions, exported_functions, global_names, headers

SKIP = 77


def called_functions(source):
    return set(re.findall(r"\b(\w+)\(", source))


def headers_without_call(include, called):
    return [header for header in headers(include)
            if set(declared_functions(include / header)) & exported_functions(include)
            and not set(declared_functions(include / header)) & called]


def definitions(names):
    """Return a program's own functions with these names."""
    lines = [f"void {name}(void);\nvoid {name}(void) {{ abort(); }}\n" for name in sorted(names)]
    return "#include <stdlib.h>\n" + "".join(lines)


class Builder:
    def __init__(self, source, library, sanitizers, compiler, folder):
        self.source, self.library, self.folder = source, Path(library).resolve(), folder
        self.is_static = library.endswith(".a")
        flags = [] if sanitizers == "none" else [f"-fsanitize={sanitizers}"]
        # A program's functions can only replace those of a shared library if they are exported.
        self.command = [*compiler, *flags, "-fno-builtin", "-static" if self.is_static else "-rdynamic"]
        self.others = link_options("--static") if self.is_static else link_options()

    def build(self, *sources):
        """Return the program, and the compiler's messages if there is none."""
        program = self.folder / "program"
        done = subprocess.run(
            [*self.command, "-I", self.source / "include", "-o", program, *sources,
             self.library, *self.others, f"-Wl,-rpath,{self.library.parent}"], capture_output=True, text=True)
        return program, done.stderr if done.returncode != 0 else None

    def taken_names(self):
        """Return the names of a static jansson, which a program must not define again."""
        folders = [f"-B{word[2:]}" for word in self.others if word.startswith("-L")]
        archive = subprocess.run([*self.command, *folders, "-print-file-name=libjansson.a"], check=True,
                                 capture_output=True, text=True).stdout.strip()
        return global_names(archive) if self.is_static and Path(archive).is_absolute() else set()

    def can_link(self):
        nothing = self.folder / "nothing.c"
        nothing.write_text("int main(void) { return 0; }\n", encoding="utf-8")
        return self.build(nothing)[1] is None


def check(builder, source, version, hidden, exported):
    """Return what is wrong, or None."""
    main = source / "tests" / "install" / "every_header.c"
    text = main.read_text(encoding="utf-8")
    called = called_functions(text)
    missing = headers_without_call(source / "include", called)
    if missing:
        return f"every_header.c calls nothing of {missing}"
    shared_names = (hidden | exported) & builder.taken_names()
    if shared_names:
        return f"jansson has functions of the same names: {shared_names}"
    others = {"no names": set(), "names inside": hidden}
    if not builder.is_static:
        others["names exported"] = exported - called
    printed = {}
    for what, names in others.items():
        print(f"with {len(names)} functions of its own: {what}")
        mine = builder.folder / "mine.c"
        mine.write_text(definitions(names), encoding="utf-8")
        program, message = builder.build(main, mine)
        if message is not None:
            return message
        done = subprocess.run([program, builder.folder / "run.safetensors"], capture_output=True, text=True)
        if done.returncode != 0:
            return f"status {done.returncode}: {done.stdout}{done.stderr}"
        printed[what] = done.stdout
    print(printed["no names"], end="")
    if len(set(printed.values())) != 1 or f"version {version}\n" not in printed["no names"]:
        return f"they print {printed}"
    return None


def main():
    source, version, objects, library, sanitizers, *compiler = sys.argv[1:]
    if shutil.which("readelf") is None:
        print("skipped: there is no readelf")
        return SKIP
    exported = exported_functions(Path(source, "include"))
    hidden = global_names(objects) - exported
    assert len(hidden) > 20, f"{objects}: only {len(hidden)} names"
    if library.endswith(".a") and sanitizers != "none":
        print("skipped: programs with sanitizers cannot be linked statically")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="test_names.") as folder:
        builder = Builder(Path(source), library, sanitizers, compiler, Path(folder))
        if not builder.can_link():
            options = " ".join(builder.command[1:] + builder.others)
            print(f"skipped: programs cannot be linked with {options} here")
            return SKIP
        wrong = check(builder, Path(source), version, hidden, exported)
    if wrong is not None:
        print(wrong)
    return 0 if wrong is None else 1


if __name__ == "__main__":
    sys.exit(main())
