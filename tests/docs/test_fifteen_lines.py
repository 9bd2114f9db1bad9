#!/usr/bin/env python3
"""The README's example of the Value class is the file that it names, and prints the output that is shown.

    test_fifteen_lines.py README SOURCE PROGRAM
"""

import re
import subprocess
import sys
from pathlib import Path


def main():
    readme, source, program = sys.argv[1:]
    text = Path(readme).read_text(encoding="utf-8")
    code = Path(source).read_text(encoding="utf-8")
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    n_lines = sum(1 for line in code.splitlines() if line and not line.startswith("//"))
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip()
    print(f"is the file: {blocks == [code]}, {n_lines} lines, prints: {printed}")
    return 0 if blocks == [code] and n_lines == 15 and f"`{printed}`" in text else 1


if __name__ == "__main__":
    sys.exit(main())
