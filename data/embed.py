"""Writes a text file as a C array of characters, with a line of C for each line of text, for a header that
declares it.

usage: embed.py TEXT FOLDER/NAME.h OUTPUT.c

The header declares NAME, an array of char, and NAME_size, its size without the end.
"""

import sys
from pathlib import PurePath


def c_characters(line):
    """A line of bytes as C character constants. (A string literal of all lines would be longer than compilers
    have to accept.)"""
    plain = b" !#$%&()*+,-./:;<=>?@[]^_`{|}~" + bytes(range(48, 58))
    plain += bytes(range(65, 91)) + bytes(range(97, 123))
    return ", ".join(f"'{chr(b)}'" if b in plain else f"'\\{b:o}'" for b in line)


def main():
    source, header, output = sys.argv[1:]
    name = PurePath(header).stem
    with open(source, "rb") as file:
        text = file.read()
    with open(output, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\nconst char {name}[] = {{\n')
        for line in text.splitlines(keepends=True):
            file.write(f"    {c_characters(line)},\n")
        file.write("    0,\n};\n")
        file.write(f"const size_t {name}_size = sizeof {name} - 1;\n")


main()
