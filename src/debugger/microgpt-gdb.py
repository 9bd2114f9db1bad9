"""Backpropagation, seen from gdb: pretty-printers for Values, and the command mg.

Load it with `gdb -x src/debugger/microgpt-gdb.py build/microgpt`; `help mg` lists its commands, and
docs/gdb-tour.md is a tour of them. For an installed program, gdb loads it automatically.

This file only checks that gdb and its Python are new enough for the other files, which are in the
same folder. It must therefore run in old ones, too.
"""

import os
import sys

import gdb


def missing_version():
    """A sentence if something is too old, otherwise None."""
    if int(gdb.VERSION.split(".")[0]) < 12:
        return "microgpt's commands need gdb 12 or newer; this is gdb %s." % gdb.VERSION
    if sys.version_info < (3, 8):
        return "microgpt's commands need a gdb with Python 3.8 or newer; this one has %d.%d." % (
            sys.version_info[0],
            sys.version_info[1],
        )
    return None


def load():
    folder = os.path.dirname(os.path.realpath(os.path.abspath(__file__)))
    writes_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the folder belongs to the project, or to the system
    sys.path.insert(0, folder)
    try:
        import mg_gdb
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = writes_bytecode
    mg_gdb.load()


if missing_version() is None:
    load()
else:
    print(missing_version())
