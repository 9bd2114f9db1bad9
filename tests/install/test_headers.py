#!/usr/bin/env python3
"""Compiles every public header alone, as C11 and as C++, with each compiler that is installed.

    test_headers.py INCLUDE_FOLDER

A program of the header and nothing else must compile without a warning, also when it includes the
header twice. In C++, the functions must keep their C names, or nothing could be linked.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from public_api import declared_functions, headers

SKIP = 77
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
C_COMPILERS = {name: ["-x", "c", "-std=c11"] for name in ("gcc", "clang")}
CXX_COMPILERS = {name: ["-x", "c++", "-std=c++11"] for name in ("g++", "clang++")}


def program(header, functions):
    """Return a program that includes the header twice and refers to each of the functions."""
    addresses = "".join(f"    (Function *)&{name},\n" for name in functions)
    array = f"typedef void Function(void);\nextern Function *const functions[];\n" \
            f"Function *const functions[] = {{\n{addresses}}};\n"
    include = f'#include "{header}"\n'
    return include + include + (array if functions else "int nothing;\n")


def undefined_symbols(path):
    """Return the undefined symbols of an object file, without macOS's underscore before each."""
    done = subprocess.run(["nm", "--undefined-only", path], check=True, capture_output=True, text=True)
    return {line.split()[-1].removeprefix("_") for line in done.stdout.splitlines() if line.split()}


def check(compiler, arguments, include, header, folder):
    """Return what is wrong with the header for this compiler, or None."""
    functions = declared_functions(include / header)
    source, result = folder / "alone.txt", folder / "alone.o"
    source.write_text(program(header, functions), encoding="utf-8")
    done = subprocess.run([compiler, *arguments, *STRICT, "-Wno-cast-function-type", "-I", include,
                           "-c", source, "-o", result], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr
    missing = set(functions) - undefined_symbols(result)
    return f"not under their C names: {sorted(missing)}\n" if missing else None


def main():
    include = Path(sys.argv[1])
    compilers = {**C_COMPILERS, **CXX_COMPILERS}
    here = [name for name in compilers if shutil.which(name)]
    n_failed = 0
    with tempfile.TemporaryDirectory(prefix="test_headers.") as folder:
        for compiler in here:
            for header in headers(include):
                wrong = check(compiler, compilers[compiler], include, header, Path(folder))
                if wrong is not None:
                    n_failed += 1
                    print(f"{compiler}: {header}: {wrong}", end="")
    print(f"{len(headers(include))} headers with {', '.join(here) or 'no compiler'}: {n_failed} failed")
    if n_failed > 0:
        return 1
    if not any(name in here for name in CXX_COMPILERS):
        print("skipped: C++; there is no g++ and no clang++")
        return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
