"""Writes a text file as a C string, one line of text a line of C, for a header that declares it.

usage: embed.py TEXT FOLDER/NAME.h OUTPUT.c

The header declares NAME, an array of char, and NAME_size, its size without the end.
"""

import sys
from pathlib import PurePath


def c_string(line):
    """A line of bytes as a C string literal; octal escapes end by themselves, unlike \\x."""
    plain = b" !#$%&'()*+,-./:;<=>@[]^_`{|}~" + bytes(range(48, 58))
    plain += bytes(range(65, 91)) + bytes(range(97, 123))
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in line) + '"'


def main():
    source, header, output = sys.argv[1:]
    name = PurePath(header).stem
    with open(source, "rb") as file:
        text = file.read()
    with open(output, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\nconst char {name}[] =\n')
        for line in text.splitlines(keepends=True):
            file.write(f"    {c_string(line)}\n")
        file.write("    ;\n")
        file.write(f"const size_t {name}_size = sizeof {name} - 1;\n")


main()
