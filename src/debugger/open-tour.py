"""Opens gdb for the tour of docs/gdb-tour.md: `meson compile -C build gdb-tour`.

Meson starts this without a standard input, and Ctrl-C would end Ninja and Meson around it. So gdb
gets the terminal for itself, as a shell would give it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run_in_foreground(command, env):
    """Runs the command as the terminal's foreground job, and returns its exit status."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it comes when a background job takes over
    with open("/dev/tty", "r+b", buffering=0) as tty:
        gdb = subprocess.Popen(
            command,
            env=env,
            stdin=tty,
            stdout=tty,
            stderr=tty,
            preexec_fn=lambda: take_terminal(tty.fileno()),
        )
        status = gdb.wait()
        os.tcsetpgrp(tty.fileno(), os.getpgrp())
    return status


def take_terminal(tty):
    """In the child, before gdb starts."""
    os.setpgid(0, 0)
    os.tcsetpgrp(tty, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def main():
    parser = argparse.ArgumentParser(description="Opens gdb for the tour of docs/gdb-tour.md.")
    parser.add_argument("expression", help="the program built from src/examples/expression.c")
    parser.add_argument("program", help="microgpt")
    options = parser.parse_args()
    if shutil.which("gdb") is None:
        return "gdb-tour: there is no gdb here; on Debian, `apt-get install gdb`"
    env = dict(
        os.environ,
        MICROGPT_EXPRESSION=os.path.abspath(options.expression),
        MICROGPT_PROGRAM=os.path.abspath(options.program),
    )
    command = ["gdb", "-q", "-x", str(HERE / "microgpt-gdb.py"), "-x", str(HERE / "tour.py")]
    command += ["-ex", "python print(WELCOME)", "-ex", "tour expression"]
    try:
        return run_in_foreground(command, env)
    except OSError as error:
        return "gdb-tour: needs a terminal (%s: %s)" % (error.filename, error.strerror)


if __name__ == "__main__":
    sys.exit(main())
