"""Tests src/debugger/microgpt_lldb.py in lldb itself: meson test --suite lldb.

The tour's commands that begin with mg, and print with a Value, must print in lldb what they print in gdb
according to the tour. Exit codes: 0 passed, 1 failed, 77 skipped, with the reason.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from test_gdb import MARK, SKIP, Failure, compare, find_blocks, parse_steps

class Lldb:
    def __init__(self, options, work):
        self.root = Path(options.source_root).resolve()
        self.scripts = self.root / "src" / "debugger"
        sys.path.insert(0, str(self.scripts))
        from lldb_python import lldb_environment

        self.work = work
        self.env = lldb_environment(
            dict(
                os.environ,
                LC_ALL="C",
                MICROGPT_EXPRESSION=os.path.abspath(options.expression),
                MICROGPT_PROGRAM=os.path.abspath(options.program),
            )
        )

    def session(self, commands, errors=False):
        """The output of each command; whether some of them end with an error."""
        lines = ["settings set term-width 80"]
        for name in ("microgpt_lldb.py", "tour_lldb.py"):
            lines.append('command script import "%s"' % (self.scripts / name))
        for command in commands:
            lines += ["script print('%s')" % MARK, command]
        # Commands of -o end at the first error, and the program may read some from standard input.
        words = ["lldb", "--no-lldbinit"]
        if not errors:
            words.append("--batch")
            for line in lines:
                words += ["-o", line]
        typed = "".join(line + "\n" for line in lines) + "quit\n" if errors else ""
        run = subprocess.run(
            words,
            cwd=self.work,
            env=self.env,
            input=typed.encode("utf-8"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = run.stdout.decode("utf-8", "replace")
        # Each command as it was typed, and lldb's message about a process that is replaced by another.
        text = re.sub(r"^(\(lldb\) |Process \d+ exited).*\n", "", text, flags=re.MULTILINE)
        outputs = text.split(MARK + "\n")[1:]
        if len(outputs) != len(commands):
            raise Failure("lldb has ended early:\n" + text)
        return [output.rstrip("\n") for output in outputs]


# Commands that are different in lldb, or print something else; the program does the same.
OTHERWISE = {
    "break value_mul": "mg short breakpoint set --name value_mul",
    "next": "next",
    "finish": "finish",
    "up": "up",
    "print local_grads": "p local_grads",
    "ptype Value": 'script print(lldb.target.FindFirstType("Value").GetCanonicalType())',
    "watch -location a->grad": "mg short watchpoint set variable a->grad",
    "print *g->topo@5": "parray 5 g->topo",
}


def lldb_command(command):
    """The command for lldb in place of the tour's command for gdb; None if there is none."""
    if re.match(r"(tour|mg (?!check))\b", command) or command == "continue":
        return command
    match = re.fullmatch(r"print (\*?\w+)", command)
    if match and command not in OTHERWISE:
        return "p " + match.group(1)
    return OTHERWISE.get(command)


def common_part(command, step, output):
    """(output of gdb, output of lldb), without what only one of them prints."""
    expected = "\n".join(step.expected)
    if step.command in OTHERWISE or (command == "continue" and "contribution" not in expected):
        return "", ""
    if command.startswith("p "):
        return re.sub(r"^\$\d+ = ", "", expected), re.sub(r"^\(.*\) \$\d+ = (0x\w+ )?", "", output)
    if command == "continue":
        expected = expected.replace("Continuing.\n", "")
        return expected, "\n".join(output.splitlines()[: len(expected.splitlines())])
    number = r"^(break|watch)point \d+"
    return re.sub(number, "watchpoint", expected), re.sub(number, "watchpoint", output)


def check_width(commands, outputs):
    """The lines that would wrap in a window of 80 columns, those with the commands among them."""
    pairs = zip(commands, outputs)
    lines = [(command, line) for command, text in pairs for line in text.splitlines()]
    lines += [(command, "(lldb) " + command) for command in commands]
    wide = "%s: more than 80 columns: %s"
    return [wide % pair for pair in lines if len(pair[1].expandtabs()) > 80]


def test_tour(lldb):
    """Every command of the tour prints the same in lldb as in gdb, and nothing wraps at 80 columns."""
    page = (lldb.root / "docs" / "gdb-tour.md").read_text(encoding="utf-8")
    table = page.partition("## In lldb")[2]
    for command, instead in OTHERWISE.items():
        if command != instead and not ("`%s`" % command in table and "`%s`" % instead in table):
            raise Failure("the table on lldb does not have %s: %s" % (command, instead))
    lines = page.splitlines()
    steps = []
    for language, start, end in find_blocks(lines):
        if language == "gdb":
            steps += parse_steps(lines[start:end], start + 1)
    steps = [(lldb_command(step.command), step) for step in steps]
    steps = [(command, step) for command, step in steps if command is not None]
    commands = [command for command, _ in steps]
    *outputs, help_text = lldb.session([*commands, "help mg"])
    differences = check_width([*commands, "help mg"], [*outputs, help_text])
    n_same = 0
    for (command, step), output in zip(steps, outputs):
        expected, output = common_part(command, step, output)
        step.expected = expected.splitlines()
        found = compare("gdb-tour.md", step, output)
        differences += found
        n_same += not found and bool(expected)
    if differences:
        raise Failure("\n".join(differences))
    print("%d answers are those of gdb" % n_same)


def check(outputs, wanted):
    for command, output in outputs.items():
        if command in wanted and not re.search(wanted[command], output, re.MULTILINE):
            raise Failure("%s: %s is missing in:\n%s" % (command, wanted[command], output))


def test_children(lldb):
    """A Value can be expanded; a command that is not possible prints a message."""
    wanted = {
        "mg node a": r"error: There is no program",
        "tour expression": r"^The graph of loss = ",
        "script print(lldb.frame.FindVariable('c').GetNumChildren())": r"^5$",
        "script print([c.GetName() for c in lldb.frame.FindVariable('c').children])": (
            r"\['data', 'grad', 'child a, local gradient -3', 'child b, local gradient 2', "
            r"'parent d, local gradient 1'\]"
        ),
        "script print(lldb.frame.FindVariable('c').GetChildAtIndex(2).GetSummary())": r"<a=2>",
        "script print(lldb.frame.FindVariable('c').GetChildAtIndex(0).GetValue())": r"^-6$",
        "mg node (Value *)42": r"error: \(Value \*\)42 points to no node of the graph",
        "mg node nonsense": r"error: nonsense is neither a valid expression here nor the path",
        "mg nonsense": r"error: The mg commands are dot, edge",
        "mg short nonsense": r"error: 'nonsense' is not a valid command\.",
        "mg short": r"error: mg short needs a command of lldb\.",
        "mg short breakpoint set --name value_mul": (
            r"^Breakpoint \d+: where = expression`value_mul \+ \d+ at value\.c:\d+:\d+$"
        ),
        "mg dot a 1 'a b.dot'": r"%s/a b.dot: 3 nodes$" % re.escape(lldb.work),
        "mg show &d 1": r"^  0  d  data -4  grad 0$",
        "mg step --forward": r"error: The program has ended\.",
        "mg step": r"error: The program is not running",
    }
    check(dict(zip(wanted, lldb.session(list(wanted), errors=True))), wanted)


def test_watch(lldb):
    """A watch is for the node with the same path in each training step, and for no other node."""
    steps = {
        "tour model": r"^Backward: \[1/59615\] loss\.$",
        "mg watch loss.sum": r"^watchpoint 1: watching loss\.sum\.grad$",
        "breakpoint delete -f": r"^All breakpoints removed",
        "continue": r"^loss\.sum\.grad, contribution 1 of 1, from loss:\n  0 \+ 0\.142857 \* 1 = 0\.142857$",
        # The third document is longer: pos7.embed[7] is where loss.sum was.
        "continue ": r"^loss\.sum\.grad, contribution 1 of 1, from loss:\n  0 \+ 0\.142857 \* 1",
        "continue  ": r"^loss\.sum\.grad, contribution 1 of 1, from loss:\n  0 \+ 0\.125 \* 1 = 0\.125$",
        "mg where": r"^Training: step 3 of 1000",
        # The documents of steps 4 to 9 have no position 7.
        "watchpoint delete -f": r"",
        "mg watch pos7.loss": r"^watchpoint \d+: watching pos7\.loss\.grad$",
        "continue   ": r"^pos7\.loss\.grad, contribution 1 of 1, from loss\.sum",
        "continue    ": r"^pos7\.loss\.grad, contribution 1 of 1, from loss\.sum",
        "mg where ": r"^Training: step 10 of",
    }
    check(dict(zip(steps, lldb.session(list(steps)))), steps)


TESTS = {"tour": test_tour, "children": test_children, "watch": test_watch}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source-root", default=".")
    parser.add_argument("--debug-build", default="true", help="whether the programs are")
    parser.add_argument("name", choices=list(TESTS))
    parser.add_argument("expression")
    parser.add_argument("program")
    options = parser.parse_args()
    if shutil.which("lldb") is None:
        print("skipped: there is no lldb here")
        return SKIP
    if options.debug_build != "true":
        print("skipped: the lesson is for a debug build")
        return SKIP
    with tempfile.TemporaryDirectory() as work:
        lldb = Lldb(options, os.path.realpath(work))
        try:
            TESTS[options.name](lldb)
        except Failure as failure:
            print(failure)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
