#!/usr/bin/env python3
"""Measures how many times faster than microgpt.py in CPython this program is, per document.

    bench_python.py PROGRAM SOURCE DATA [OPTION ...]

SOURCE is a microgpt.py: it runs unchanged, in its own folder with DATA as its input.txt, with the OPTIONs,
until it has printed the progress of about 100 steps. The program measures itself before and after that
(`PROGRAM bench`), which shows whether the machine has become faster or slower meanwhile. All numbers are
medians over documents: 1,000 for the program, the first ones for Python.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

N_STEPS = 101  # the first one is a warm-up
N_DOCUMENTS = 1000


class UserError(Exception):
    """An error that the user can correct, in one line."""


def read_arguments(arguments):
    """Return the program, the Python file, the data (all as absolute paths) and the options."""
    if len(arguments) < 3:
        raise UserError("usage: bench_python.py PROGRAM SOURCE DATA [OPTION ...]")
    paths = [Path(argument).resolve() for argument in arguments[:3]]
    for argument, path in zip(arguments, paths):
        try:
            if path.stat().st_size == 0:
                raise UserError(f"{argument}: empty file")
            path.open("rb").close()
        except OSError as error:
            raise UserError(f"{argument}: {error.strerror}") from None
    if not os.access(paths[0], os.X_OK):
        raise UserError(f"{arguments[0]}: not a program")
    return (*paths, arguments[3:])


def time_python(source, data, options):
    """Return the seconds per step of `python source options`, for steps 2 to N_STEPS."""
    with tempfile.TemporaryDirectory(prefix="bench_python.") as folder:
        shutil.copyfile(data, Path(folder, "input.txt"))
        process = subprocess.Popen([sys.executable, "-u", source, *options], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            times = read_progress(process)
        finally:
            process.kill()
            errors = process.communicate()[1].decode(errors="replace").strip()
    if len(times) < N_STEPS:
        reason = errors.splitlines()[-1] if errors else "it ended too early"
        raise UserError(f"{source}: no {N_STEPS} lines of progress (step ... | loss ...): {reason}")
    return [later - earlier for earlier, later in zip(times, times[1:])]


def read_progress(process):
    """Return when each of the first N_STEPS progress lines was complete."""
    times = []
    text = b""
    while len(times) < N_STEPS:
        chunk = os.read(process.stdout.fileno(), 4096)
        now = time.perf_counter()
        if not chunk:
            break
        text += chunk
        *lines, text = text.replace(b"\r", b"\n").split(b"\n")
        times += [now for line in lines if line.startswith(b"step") and b"loss" in line]
    return times


def time_program(program, data):
    """Return the seconds per document of each engine and level, by name."""
    command = [program, "bench", "--json", "--documents", str(N_DOCUMENTS), "--data", data]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        variants = json.loads(done.stdout)["variants"]
        return {variant["name"]: variant["total_us"]["median"] * 1e-6 for variant in variants}
    except (ValueError, KeyError):
        reason = done.stderr.strip().splitlines()[:1] or [f"it ended with {done.returncode}"]
        raise UserError(f"{program} bench: {reason[0]}") from None


def print_table(python, before, after):
    """Print every engine's time and how many times faster than CPython it was, before and after."""
    print(f"{'':14}{'us per document':>26}{'times CPython':>26}")
    print(f"{'':14}{'before':>13}{'after':>13}{'before':>13}{'after':>13}")
    print(f"{'CPython':14}{python * 1e6:26.0f}{1:26}")
    for name, seconds in before.items():
        other = after[name]
        print(f"{name:14}{seconds * 1e6:13.2f}{other * 1e6:13.2f}"
              f"{python / seconds:13.0f}{python / other:13.0f}")


def main():
    try:
        program, source, data, options = read_arguments(sys.argv[1:])
        before = time_program(program, data)
        steps = time_python(source, data, options)
        after = time_program(program, data)
    except (UserError, OSError) as error:
        sys.exit(f"bench_python.py: {error}")
    print(f"CPython {sys.version.split()[0]}, {source.name}: steps 2 to {N_STEPS} took "
          f"{min(steps):.3f} to {max(steps):.3f} s\n")
    print_table(statistics.median(steps), before, after)


if __name__ == "__main__":
    main()
