#!/usr/bin/env python3
"""The folders of src are those of the table in CONTRIBUTING.md, and include only folders above them.

    test_house.py SOURCE_FOLDER

Also: only their interface includes the engines, the library names no option of the command line, no two
files of the project share a name, and no two files of src have names that differ only by their endings.
"""

import re
import subprocess
import sys
from pathlib import Path

BESIDE = ["debugger", "shell", "examples"]  # scripts and small programs
ON_TOP = ["main.c", "commands.c", "commands.h", "meson.build", "static_library.py"]
ENGINES = ["scalar", "tensor"]
INTERFACE = "engine"  # of both
LAST_OF_LIBRARY = "the last folder of the library"
SHARED_NAMES = {"meson.build", "README.md", ".gitattributes"}


class House:
    def __init__(self, source):
        self.source = source
        self.mistakes = []
        self.folders, self.n_library = self.read_table()
        self.files = [path for folder in self.folders
                      for path in sorted((source / "src" / folder).glob("*.[ch]"))]
        self.public = sorted((source / "include" / "microgpt").glob("*.h"))

    def mistake(self, path, text):
        self.mistakes.append(f"{path.relative_to(self.source)}: {text}")

    def read_table(self):
        """Return the folders of the table, and how many of them are the library's."""
        text = (self.source / "CONTRIBUTING.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(\w+)/` \|(.*)\|$", text, re.MULTILINE)
        ends = [i + 1 for i, row in enumerate(rows) if LAST_OF_LIBRARY in row[1]]
        if len(ends) != 1:
            sys.exit(f"CONTRIBUTING.md: one row of the folders must say: {LAST_OF_LIBRARY}")
        return [row[0] for row in rows], ends[0]

    def check_folders(self):
        src = self.source / "src"
        for path in src.iterdir():
            if path.name not in self.folders + BESIDE + ON_TOP:
                self.mistake(path, "is not in the table of CONTRIBUTING.md")
        for folder in self.folders:
            if not (src / folder).is_dir():
                self.mistakes.append(f"src/{folder} is in the table of CONTRIBUTING.md, but not here")
        text = (src / "meson.build").read_text(encoding="utf-8")
        lists = re.findall(r"^\w+_sources = files\(\s*'(\w+)/", text, re.MULTILINE)
        if lists != self.folders:
            self.mistakes.append(f"src/meson.build: has lists of {lists}, not in the table's order")

    def folder_of_public(self, path):
        """The folder of a public header's C file; microgpt.h belongs to the last folder of the library."""
        if path.name == "microgpt.h":
            return self.folders[self.n_library - 1]
        owners = [file.parent.name for file in self.files if file.name == path.stem + ".c"]
        if not owners:
            self.mistake(path, f"has no {path.stem}.c in a folder of src")
            return self.folders[0]
        return owners[0]

    def folder_included(self, path, name):
        """The folder of an include; None if it is written in another form."""
        folder, _, file = name.partition("/")
        if folder == "microgpt":
            header = self.source / "include" / name
            return self.folder_of_public(header) if header.is_file() else None
        is_made = re.search(rf"^  output: '{re.escape(file)}'",
                            self.text_of(self.source / "src" / folder / "meson.build"), re.MULTILINE)
        exists = (self.source / "src" / name).is_file() or is_made
        return folder if folder in self.folders and exists else None

    @staticmethod
    def text_of(path):
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def check_includes(self, path, own):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'^#include "(.*)"', text, re.MULTILINE):
            folder = self.folder_included(path, name)
            if folder is None:
                self.mistake(path, f"{name} is no file of a folder, written as folder/file.h")
            elif self.folders.index(folder) > self.folders.index(own):
                self.mistake(path, f"includes {name}, and {folder}/ is further up than {own}/")
            elif folder in ENGINES and own not in (folder, INTERFACE):
                self.mistake(path, f"includes {name}, which only {INTERFACE}/ may know")

    def check_options(self, path):
        text = path.read_text(encoding="utf-8")
        for option in re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w;)\]])", text):
            self.mistake(path, f"names {option}, but the library knows no command line")

    def check_names(self):
        listed = subprocess.run(["git", "ls-files"], cwd=self.source, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
        paths = [Path(line) for line in listed.stdout.splitlines() if "/corpus/" not in line]
        if listed.returncode != 0 or not paths:  # a release's archive has no git
            paths = [path.relative_to(self.source) for path in self.files + self.public]
        first = {}
        for path in paths:
            if path.name in first and path.name not in SHARED_NAMES:
                self.mistakes.append(f"{first[path.name]} and {path} have the same name")
            first.setdefault(path.name, path)
        stems = {path.stem for path in self.files + self.public}
        for stem in sorted(stems):
            for other in stems & {stem + "s", stem + "ing", re.sub("e$", "", stem) + "ing"}:
                self.mistakes.append(f"{stem} and {other} differ by an ending only")

    def check(self):
        self.check_folders()
        library = self.folders[:self.n_library]
        for path in self.files:
            self.check_includes(path, path.parent.name)
            if path.parent.name in library:
                self.check_options(path)
        for path in self.public:
            self.check_includes(path, self.folder_of_public(path))
            self.check_options(path)
        self.check_names()


def main():
    house = House(Path(sys.argv[1]).resolve())
    house.check()
    for mistake in house.mistakes:
        print(mistake)
    print(f"{len(house.folders)} folders, {len(house.files)} files, {len(house.mistakes)} mistakes")
    return 1 if house.mistakes or not house.files else 0


if __name__ == "__main__":
    sys.exit(main())
