"""How programs are linked with the libraries that the library needs, for the tests that link some."""

import shutil
import subprocess


def link_options(*options):
    """Return the options for zlib, jansson and libm. pkg-config knows them if they are in another folder, as
    those of another C library are; the loader then looks there, too."""
    words = []
    for name, library in (("zlib", "-lz"), ("jansson", "-ljansson")):
        found = None
        if shutil.which("pkg-config"):
            found = subprocess.run(["pkg-config", *options, "--libs", name], capture_output=True, text=True)
        words += found.stdout.split() if found and found.returncode == 0 else [library]
    words += [f"-Wl,-rpath,{word[2:]}" for word in words if word.startswith("-L")]
    return [*words, "-lm"]
