"""Makes a static library of one object, in which the hidden names of the objects are local.

usage: static_library.py OBJCOPY AR LIBRARY.a OBJECT ... -- COMPILER ...

A program that is linked with the library may then have its own functions with these names. OBJCOPY is empty
for a linker that makes hidden names local whenever it joins objects.
"""

import os
import subprocess
import sys


def main():
    objcopy, ar, library, *words = sys.argv[1:]
    end = words.index("--")
    objects, compiler = words[:end], words[end + 1:]
    joined = library.removesuffix(".a") + ".o"
    subprocess.run([*compiler, "-r", "-nostdlib", "-o", joined, *objects], check=True)
    if objcopy:
        subprocess.run([objcopy, "--localize-hidden", joined], check=True)
    if os.path.exists(library):
        os.remove(library)  # ar would add to it
    subprocess.run([ar, "rcs", library, joined], check=True)
    os.remove(joined)


main()
