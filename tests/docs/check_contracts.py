#!/usr/bin/env python3
"""Checks that docs/contracts.md and the tests have the same contracts, and that these tests run.

    check_contracts.py DOCUMENT TEST_FOLDER PROGRAM [ARGUMENT ...] [-- PROGRAM [ARGUMENT ...]] ...

A contract is a row of the document's table: its id, and the file and name of its test, `contract_` and the
id with underscores. Each PROGRAM is a test program, which is run here with Check's TAP log, which lists the
tests that passed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SKIP = 77  # of a test program: its tests are not reported as missing
TIMEOUT = 280  # seconds, for one program

ROW = re.compile(r"^\| `([a-z0-9-]+)` \|.*\| \[(\w+\.c)\]\([^)]*\), `(\w+)`[^|]*\|$")
TEST = re.compile(r"^START_TEST\((contract_\w+)\)", re.MULTILINE)
PASSED = re.compile(r"^ok \d+ - .*?([^/]+\.c):[^:]*:(contract_\w+): Passed$", re.MULTILINE)


def read_document(path):
    """Return {id: (file, test)} of the table."""
    text = path.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    contracts = {}
    for line in rows:
        match = ROW.match(line)
        if match is None:
            sys.exit(f"{path}: this row names no id and test:\n{line}")
        contract_id, file, test = match.groups()
        if contract_id in contracts:
            sys.exit(f"{path}: `{contract_id}` is there twice")
        contracts[contract_id] = (file, test)
    return contracts


def read_sources(folder):
    """Return {(file, test)} of all tests of contracts."""
    found = set()
    for path in sorted(folder.glob("*.c")):
        found |= {(path.name, test) for test in TEST.findall(path.read_text(encoding="utf-8"))}
    return found


def run_program(command):
    """Return whether the program skipped, and {(file, test)} of the contracts that passed."""
    with tempfile.TemporaryDirectory(prefix="check_contracts.") as folder:
        log = Path(folder, "log.tap")
        done = subprocess.run(command, env={**os.environ, "CK_TAP_LOG_FILE_NAME": str(log)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
        text = log.read_text(encoding="utf-8") if log.exists() else ""
    if done.returncode not in (0, SKIP):
        print(done.stdout.decode(errors="replace"))
    return done.returncode == SKIP, set(PASSED.findall(text))


def split_commands(words):
    """Split at each `--`."""
    commands = [[]]
    for word in words:
        if word == "--":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def main():
    document, folder = Path(sys.argv[1]), Path(sys.argv[2])
    contracts = read_document(document)
    tests = read_sources(folder)
    passed = set()
    skipped_files = set()
    for command in split_commands(sys.argv[3:]):
        is_skipped, names = run_program(command)
        passed |= names
        if is_skipped:
            skipped_files.add(Path(command[0]).name + ".c")

    mistakes = []
    for contract_id, (file, test) in contracts.items():
        if test != "contract_" + contract_id.replace("-", "_"):
            mistakes.append(f"`{contract_id}` has a test of another name, {test}")
        elif (file, test) not in tests:
            mistakes.append(f"`{contract_id}` has no test: there is no {test} in {file}")
        elif (file, test) not in passed and file not in skipped_files:
            mistakes.append(f"`{contract_id}`: {test} of {file} did not run, or failed")
    for file, test in sorted(tests - set(contracts.values())):
        mistakes.append(f"{test} of {file} is no contract of {document.name}")
    for mistake in mistakes:
        print(mistake)
    print(f"{len(contracts)} contracts, {len(passed)} passed, {len(mistakes)} mistakes")
    return 1 if mistakes or not contracts else 0


if __name__ == "__main__":
    sys.exit(main())
