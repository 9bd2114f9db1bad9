"""Writes a text file as a C string, one line of text a line of C, for src/default_names.h.

usage: embed.py TEXT OUTPUT.c
"""

import sys


def c_string(line):
    """A line of bytes as a C string literal; octal escapes end by themselves, unlike \\x."""
    plain = b" !#$%&'()*+,-./:;<=>@[]^_`{|}~" + bytes(range(48, 58))
    plain += bytes(range(65, 91)) + bytes(range(97, 123))
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in line) + '"'


def main():
    source, output = sys.argv[1:]
    with open(source, "rb") as file:
        text = file.read()
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "default_names.h"\n\nconst char default_names[] =\n')
        for line in text.splitlines(keepends=True):
            file.write(f"    {c_string(line)}\n")
        file.write("    ;\n")
        file.write("const size_t default_names_size = sizeof default_names - 1;\n")


main()
