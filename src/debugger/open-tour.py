"""Opens gdb or lldb for the tour of docs/gdb-tour.md: `meson compile -C build gdb-tour`.

Meson starts this without a standard input, and Ctrl-C would end Ninja and Meson around it. So the
debugger gets the terminal for itself, as a shell would give it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from lldb_python import lldb_environment

HERE = Path(__file__).resolve().parent


def run_in_foreground(command, env):
    """Runs the command as the terminal's foreground job, and returns its exit status."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it comes when a background job takes over
    with open("/dev/tty", "r+b", buffering=0) as tty:
        debugger = subprocess.Popen(
            command,
            env=env,
            stdin=tty,
            stdout=tty,
            stderr=tty,
            preexec_fn=lambda: take_terminal(tty.fileno()),
        )
        status = debugger.wait()
        os.tcsetpgrp(tty.fileno(), os.getpgrp())
    return status


def take_terminal(tty):
    """In the child, before the debugger starts."""
    os.setpgid(0, 0)
    os.tcsetpgrp(tty, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def gdb_command():
    command = ["gdb", "-q", "-x", str(HERE / "microgpt-gdb.py"), "-x", str(HERE / "tour_gdb.py")]
    return command + ["-ex", "python print(WELCOME)", "-ex", "tour start"]


def lldb_command():
    command = ["lldb"]
    for name in ("microgpt_lldb.py", "tour_lldb.py"):
        command += ["-o", 'command script import "%s"' % (HERE / name)]
    return command + ["-o", "script print(tour_lldb.WELCOME)", "-o", "tour start"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("debugger", choices=["gdb", "lldb"])
    parser.add_argument("expression", help="the program built from src/examples/expression.c")
    parser.add_argument("program", help="microgpt")
    options = parser.parse_args()
    if shutil.which(options.debugger) is None:
        return "%s-tour: there is no %s here; on Debian, `apt-get install %s`" % (
            (options.debugger,) * 3
        )
    env = dict(
        os.environ,
        MICROGPT_EXPRESSION=os.path.abspath(options.expression),
        MICROGPT_PROGRAM=os.path.abspath(options.program),
    )
    command = gdb_command() if options.debugger == "gdb" else lldb_command()
    if options.debugger == "lldb":
        env = lldb_environment(env)
    try:
        return run_in_foreground(command, env)
    except OSError as error:
        return "%s-tour: needs a terminal (%s: %s)" % (
            options.debugger,
            error.filename,
            error.strerror,
        )


if __name__ == "__main__":
    sys.exit(main())
