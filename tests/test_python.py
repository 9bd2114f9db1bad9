#!/usr/bin/env python3
"""Compares the program with Python on this machine: all numbers must be 0 ULP apart.

    test_python.py PROGRAM REFERENCE_FOLDER [ORIGINAL]

For five settings it runs the program and reference/microgpt_reference.py, or, with ORIGINAL, that unchanged
microgpt.py, and compares: standard output byte for byte, every loss, checksums of all gradients and
parameters after every step, the last parameters, and one step's graph, node by node. Exits with 77, which
skips the test, if this Python cannot run the reference.
"""

import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

SKIP = 77
TIMEOUT = 600  # seconds, for one command

# Names in Greek and Chinese, and with white space at both ends: a no-break space, an ideographic
# space, a byte order mark that belongs to the name.
NON_ASCII_NAMES = "\n".join([
    "Ελένη", "Σωκράτης", "Ἀθηνᾶ", "李小龍", "\u00a0zoë\u3000", "Ñandú", "\ufeffбабушка", "e\u0301mile",
    "😀😁", "", "   ", "ß", "straße", "日本", "中中中", "Ωmega\t"]) + "\n"

# The name of each run, its length, the step whose graph is compared, and its options. The lengths keep
# Python's share to a few seconds each.
SETTINGS = [
    ("default", 30, 30, []),
    ("two layers, twice as wide", 3, 3, ["--n-layer", "2", "--n-embd", "32"]),
    ("three heads, short context", 20, 17,
     ["--n-embd", "6", "--n-head", "3", "--block-size", "5"]),
    ("not ASCII", 20, 12, ["--data", "NON_ASCII_FILE"]),
    ("another seed and learning rate", 12, 2, ["--seed", "20250211", "--learning-rate", "0.03"]),
]


class Different(Exception):
    """The two sides have different numbers, or one of them failed."""


def run(command):
    """Run a command; return what it printed, as bytes."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise Different(f"{' '.join(map(str, command))}\n"
                        f"ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def read_log(path):
    """Return the program's --log as rows without the header: step, loss, gradients, parameters."""
    lines = path.read_text().splitlines()
    header = "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32"
    if lines[0] != header:
        raise Different(f"--log starts with {lines[0]!r}, expected {header!r}")
    rows = [line.split("\t") for line in lines[1:]]
    for _, loss, loss_hex, _, _ in rows:
        if float(loss) != float.fromhex(loss_hex):
            raise Different(f"--log says {loss} and {loss_hex} of one loss")
    return [(int(step), loss_hex, grads, params) for step, _, loss_hex, grads, params in rows]


def read_python_log(losses, digests):
    """Return the same from the files that Python wrote with --losses and --digests."""
    rows = []
    for loss_line, digest_line in zip(losses.read_text().splitlines(),
                                      digests.read_text().splitlines()):
        step, loss_hex = loss_line.split()
        digest_step, grads, _, params, _ = digest_line.split()
        if step != digest_step:
            raise Different(f"the losses are at step {step}, the digests at {digest_step}")
        rows.append((int(step), loss_hex, grads, params))
    return rows


def check_rows(ours, python):
    """Compare step by step: loss, checksum of the gradients, checksum of the parameters."""
    for our_row, python_row in zip(ours, python):
        if our_row != python_row:
            raise Different(f"step {our_row[0]}: (loss, gradients, parameters)\n"
                            f"  the program: {our_row[1:]}\n  Python:      {python_row[1:]}")
    if len(ours) != len(python):
        raise Different(f"the program logged {len(ours)} steps, Python {len(python)}")


def check_nodes(program, ours, python):
    """Compare two node dumps byte for byte, and show how they differ."""
    report = subprocess.run([program, "compare", ours, python], capture_output=True, timeout=TIMEOUT)
    if ours.read_bytes() != python.read_bytes():
        raise Different(f"the nodes differ:\n{report.stdout.decode()}{report.stderr.decode()}")
    if report.returncode != 0:
        raise Different(f"equal dumps, and compare says {report.returncode}: "
                        f"{report.stdout.decode()}{report.stderr.decode()}")
    return sum(1 for _ in python.open())


def check_setting(program, python_command, folder, num_steps, nodes_step, options):
    """Run one setting on both sides and compare everything; return the number of nodes."""
    options = options + ["--num-steps", str(num_steps)]
    samples = ["--num-samples", "3"]
    python_out = run([*python_command, *options, *samples, "--losses", folder / "losses",
                      "--digests", folder / "digests", "--params", folder / "params",
                      "--nodes", folder / "python_nodes", "--nodes-step", nodes_step])
    our_out = run([program, "run", *options, *samples, "--log", folder / "log"])
    run([program, "nodes", *options, "--step", nodes_step, "--output", folder / "our_nodes"])

    if our_out != python_out:
        raise Different(f"standard output\n  the program: {our_out!r}\n  Python:      {python_out!r}")
    rows = read_log(folder / "log")
    check_rows(rows, read_python_log(folder / "losses", folder / "digests"))
    if len(rows) != num_steps:
        raise Different(f"{len(rows)} steps were logged, expected {num_steps}")
    last_params = f"{zlib.crc32((folder / 'params').read_bytes()):08x}"
    if rows[-1][3] != last_params:
        raise Different(f"the last parameters: {rows[-1][3]}, Python: {last_params}")
    return check_nodes(program, folder / "our_nodes", folder / "python_nodes")


def main():
    if sys.implementation.name != "cpython" or sys.version_info < (3, 9):
        print(f"skipped: the reference needs CPython 3.9 or newer, this is "
              f"{sys.implementation.name} {sys.version.split()[0]}")
        return SKIP
    program, reference, *original = sys.argv[1:]
    script = "watch_microgpt.py" if original else "microgpt_reference.py"
    python_command = [sys.executable, "-B", Path(reference, script)]
    python_command += ["--source", original[0]] if original else []

    n_failed = 0
    for name, num_steps, nodes_step, options in SETTINGS:
        with tempfile.TemporaryDirectory(prefix="test_python.") as folder:
            folder = Path(folder)
            names = folder / "names.txt"
            names.write_text(NON_ASCII_NAMES, encoding="utf-8")
            options = [str(names) if word == "NON_ASCII_FILE" else word for word in options]
            try:
                n_nodes = check_setting(program, python_command, folder, num_steps, nodes_step,
                                        options)
                print(f"ok: {name}: {num_steps} steps, {n_nodes} nodes, 0 ULP", flush=True)
            except (Different, subprocess.TimeoutExpired) as error:
                n_failed += 1
                print(f"FAILED: {name}: {error}", flush=True)
    return 1 if n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
