#!/usr/bin/env python3
"""The sweep of docs/many-runs.md, with 8 short runs: interrupted, resumed, and summarised.

    test_many_runs.py PROGRAM DOCUMENT

The commands are those of the document, except for the numbers of seeds and steps. parallel is stopped, with
its runs, after the third has ended. Skips if GNU parallel is not installed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIP = 77
N_RUNS = 8
N_STEPS = 150


def read_commands(document):
    lines = re.findall(r"^    (.*)$", document, re.MULTILINE)
    sweep = next(line for line in lines if line.startswith("parallel "))
    summaries = [line for line in lines if line.startswith("for log")]
    assert len(summaries) == 2, lines
    sweep = sweep.replace("$(seq 100)", " ".join(map(str, range(1, N_RUNS + 1))))
    sweep = sweep.replace("--seed", f"--num-steps {N_STEPS} --seed", 1)
    return sweep.replace("parallel ", "parallel --will-cite -j1 ", 1), summaries


def ended(folder):
    """Return the seeds of the runs that have succeeded, in the order of their lines in runs/jobs."""
    jobs = folder / "runs" / "jobs"
    lines = jobs.read_text(encoding="utf-8").splitlines()[1:] if jobs.exists() else []
    return [int(line.split("\t")[0]) for line in lines if line.split("\t")[6:8] == ["0", "0"]]


def interrupt(sweep, folder, environment):
    running = subprocess.Popen(["sh", "-c", sweep], cwd=folder, env=environment, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(ended(folder)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def main():
    program, document = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    if shutil.which("parallel") is None:
        print("skipped: there is no GNU parallel")
        return SKIP
    sweep, (each, all_runs) = read_commands(document.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="test_many_runs.") as name:
        folder = Path(name)
        (folder / "runs").mkdir()
        environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": name}

        def run(command):
            return subprocess.run(["sh", "-c", command], cwd=folder, env=environment, check=True,
                                  capture_output=True, text=True, timeout=120).stdout

        interrupt(sweep, folder, environment)
        before = ended(folder)
        times = {seed: (folder / "runs" / f"{seed}.log").stat().st_mtime_ns for seed in before}
        run(sweep)
        assert 3 <= len(before) < N_RUNS, f"{before} had ended before the interruption"
        assert sorted(ended(folder)) == list(range(1, N_RUNS + 1)), ended(folder)
        for seed, when in times.items():
            assert (folder / "runs" / f"{seed}.log").stat().st_mtime_ns == when, f"run {seed} was made again"
        for seed in range(1, N_RUNS + 1):
            run(f"microgpt train --engine tensor --num-steps {N_STEPS} --seed {seed} --log alone.log")
            alone, log = folder / "alone.log", folder / "runs" / f"{seed}.log"
            assert log.read_bytes() == alone.read_bytes(), f"run {seed} is not that of one process"
            alone.unlink()
        print(run(each) + run(all_runs))
        assert len(run(each).splitlines()) == N_RUNS
        assert run(all_runs).startswith(f"{N_RUNS} runs: "), run(all_runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
