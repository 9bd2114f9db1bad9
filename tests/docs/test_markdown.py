#!/usr/bin/env python3
"""Checks every Markdown file of the project: headings, links, and that a test runs its commands.

    test_markdown.py SOURCE_FOLDER BUILD_FOLDER

There is one heading of level 1, and no level is skipped below it; every link and #anchor inside the project
exists. docs/README.md lists every file in docs/, which has the tests that its blocks need:
tests/docs/test_docs.py for ```console, tests/debugger/test_gdb.py for ```gdb. A block of ```c FILE is part
of that file. If a table has a column `proof`, the words before the colon are names of tests.
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

sys.dont_write_bytecode = True  # not into the source folder

import markdown_text as md

# Which test runs the blocks of a language.
RUNNERS = {"console": "test_docs.py", "gdb": "test_gdb.py"}

SKIPPED_FOLDER = re.compile(r"build|node_modules$|\.(?!github$)")


def find_documents(source):
    """All Markdown files except those of builds and of tools."""
    found = []
    for path in sorted(source.rglob("*.md")):
        folders = path.relative_to(source).parts[:-1]
        if not any(SKIPPED_FOLDER.match(name) for name in folders):
            found.append(path)
    return found


class Checker:
    def __init__(self, source, build):
        self.source = source
        info = build / "meson-info" / "intro-tests.json"
        self.tests = json.loads(info.read_text(encoding="utf-8"))
        self.documents = {path: md.read_blocks(path.read_text(encoding="utf-8"))
                          for path in find_documents(source)}
        self.linked = set()  # documents and the files to which they have a link
        self.mistakes = []
        self.n_links = 0

    def mistake(self, path, line, text):
        self.mistakes.append(f"{path.relative_to(self.source)}:{line}: {text}")

    def check_headings(self, path, blocks):
        headings = [block for block in blocks if block.kind == "heading"]
        if not headings or headings[0].line != 1 or headings[0].info != 1:
            self.mistake(path, 1, "does not begin with a heading of level 1")
        level = 1
        for heading in headings[1:]:
            if heading.info == 1:
                self.mistake(path, heading.line, "a second heading of level 1")
            if heading.info > level + 1:
                self.mistake(path, heading.line, f"level {heading.info} comes after {level}")
            level = heading.info

    def check_links(self, path, blocks):
        for block in blocks:
            if block.kind != "code":
                for target in md.links(" ".join(block.lines)):
                    self.n_links += 1
                    self.check_link(path, block.line, target)

    def check_link(self, path, line, target):
        workflow = re.search(r"github\.com/.*/workflows/([\w.-]+\.ya?ml)", target)
        if workflow:
            self.check_file(path, line, self.source / ".github/workflows" / workflow.group(1), target)
        elif re.match(r"https://\S+$|mailto:", target):
            return  # an address outside of the project, which is not tested
        elif ":" in target:
            self.mistake(path, line, f"{target}: neither https: nor a file of the project")
        else:
            name, _, fragment = target.partition("#")
            self.check_file(path, line, path.parent / unquote(name) if name else path, target,
                            fragment)

    def check_file(self, path, line, file, target, fragment=""):
        file = file.resolve()
        if not file.exists() or not file.is_relative_to(self.source):
            self.mistake(path, line, f"{target}: there is no such file in the project")
            return
        self.linked.add((path, file))
        if fragment and file.suffix == ".md":
            if fragment not in md.anchors(self.documents[file]):
                self.mistake(path, line, f"{target}: the document has no such heading")
        elif fragment and not re.fullmatch(r"L\d+(-L\d+)?", fragment):
            self.mistake(path, line, f"{target}: only documents have anchors")

    def check_runners(self, path, blocks):
        languages = {block.info.split(" ")[0] for block in blocks
                     if block.kind == "code" and block.info}
        for language in sorted(languages & set(RUNNERS)):
            runner = RUNNERS[language]
            if not any(self.is_run_by(runner, path, test["cmd"]) for test in self.tests):
                self.mistake(path, 1, f"no test runs its ```{language} blocks: add it to "
                                      f"tests/meson.build, with {runner}")

    def is_run_by(self, runner, path, command):
        """Whether the command is the runner's, with this document. (test_gdb.py has one of its own.)"""
        if not any(word.endswith("/" + runner) for word in command):
            return False
        if runner == "test_gdb.py":
            return "tour" in command and path == self.source / "docs" / "gdb-tour.md"
        return any(word.endswith(".md") and Path(word).resolve() == path for word in command)

    def check_excerpts(self, path, blocks):
        for block in blocks:
            name = block.info.partition(" ")[2] if block.kind == "code" and block.info else ""
            if not name.endswith(".c"):
                continue
            if "/" not in name:  # a whole program, which test_docs.py runs
                if not any(name in " ".join(other.lines) for other in blocks if other.info == "console"):
                    self.mistake(path, block.line, f"{name}: no command compiles it")
                continue
            file = self.source / name
            if not file.is_file():
                self.mistake(path, block.line, f"{name}: there is no such file in the project")
            elif "\n".join(block.lines) not in file.read_text(encoding="utf-8"):
                self.mistake(path, block.line, f"{name} has other lines than this block")

    def check_proofs(self, path, blocks):
        names = {test["name"] for test in self.tests}
        for block in blocks:
            rows = md.table_rows(block) if block.kind == "table" else [[]]
            if "proof" not in rows[0]:
                continue
            for row in rows[1:]:
                proof = row[rows[0].index("proof")].partition(":")[0]
                for span in md.code_spans(proof):
                    prefix = span[:-len(" ...")] if span.endswith(" ...") else None
                    is_test = any(name.startswith(prefix) for name in names) if prefix \
                        else span in names
                    if not is_test:
                        self.mistake(path, block.line, f"there is no test `{span}`")

    def check_all(self):
        for path, blocks in self.documents.items():
            self.check_headings(path, blocks)
            self.check_links(path, blocks)
            self.check_runners(path, blocks)
            self.check_excerpts(path, blocks)
            self.check_proofs(path, blocks)
        contents = self.source / "docs" / "README.md"
        for path in sorted((self.source / "docs").glob("*.md")):
            if path != contents and (contents, path) not in self.linked:
                self.mistake(contents, 1, f"does not list {path.name}")


def main():
    source, build = (Path(argument).resolve() for argument in sys.argv[1:])
    checker = Checker(source, build)
    checker.check_all()
    print(*checker.mistakes, sep="\n")
    print(f"{len(checker.documents)} documents, {checker.n_links} links, "
          f"{len(checker.mistakes)} mistakes")
    return 1 if checker.mistakes or len(checker.documents) < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
