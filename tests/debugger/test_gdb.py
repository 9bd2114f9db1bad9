"""Tests src/debugger/microgpt-gdb.py and docs/gdb-tour.md in gdb itself: meson test --suite gdb.

A transcript (tests/debugger/*.txt) is a list of commands with the output that each must have. So is the
tour: its ```gdb blocks, one after the other, are one session. `--update` writes the current output of gdb
into the transcript or the tour, for the author to check.

Exit codes: 0 passed, 1 failed, 77 skipped, with the reason.
"""

import argparse
import ast
import difflib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SKIP = 77
PROMPT = "(gdb) "
MARK = "\x01"  # stands before each command's output

# Run in gdb. Adds two commands for the transcripts, which print nothing, since gdb would print addresses and
# line numbers. goto FUNCTION [if CONDITION] runs the program (from its start, if necessary) up to a function;
# silent-break PLACE sets a breakpoint.
DRIVER = r"""
import json, os, gdb

class Goto(gdb.Command):
    def __init__(self):
        super().__init__("goto", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        function, _, condition = argument.partition(" if ")
        stop = Stop(function)
        if condition:
            stop.condition = condition
        if gdb.selected_inferior().pid == 0:
            gdb.execute("run %s >/dev/null" % gdb.parameter("args"), to_string=True)
        else:
            gdb.execute("continue", to_string=True)
        stop.delete()

class SilentBreak(gdb.Command):
    def __init__(self):
        super().__init__("silent-break", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        gdb.execute("break " + argument, to_string=True)
        gdb.breakpoints()[-1].silent = True

try:
    from mg_gdb import Stop, debugger, forget
    Goto()
    SilentBreak()
except ImportError:
    pass
for command in json.loads(os.environ["MG_COMMANDS"]):
    gdb.write("\x01\n")
    gdb.flush()
    try:
        gdb.execute(command, "MG_FROM_TTY" in os.environ)
    except gdb.error as error:
        gdb.write(str(error) + "\n")
    gdb.flush()
"""

SETTINGS = (
    "set width 0",
    "set height 0",
    "set confirm off",
    "set style enabled off",
    "set filename-display basename",
    "set auto-load libthread-db off",
    "set print thread-events off",
    "set debuginfod enabled off",
    "set debug-file-directory /nonexistent",  # not every system has the symbols of its C library
)


class Failure(Exception):
    """A line for the log."""


class Skip(Exception):
    """The reason."""


class Setup:
    """Where everything is."""

    def __init__(self, options):
        self.gdb = options.gdb
        self.root = Path(options.source_root).resolve()
        self.programs = {}
        for path in options.programs:
            self.programs[Path(path).name] = str(Path(path).resolve())
        self.script = self.root / "src" / "debugger" / "microgpt-gdb.py"
        self.tour_script = self.root / "src" / "debugger" / "tour_gdb.py"
        self.tour = self.root / "docs" / "gdb-tour.md"
        self.transcripts = self.root / "tests" / "debugger"
        self.update = options.update
        self.is_debug = options.debug_build == "true"
        self.sanitize = options.sanitize
        self.work = None  # a directory for this test

    def run_gdb(self, arguments, scripts=(), commands=(), environment=()):
        """Runs gdb without a terminal; returns what it prints, errors included."""
        command = [self.gdb, "-batch", "-nx"]
        for setting in SETTINGS:
            command += ["-iex", setting]
        for script in scripts:
            command += ["-x", str(script)]
        for line in commands:
            command += ["-ex", line]
        env = dict(os.environ, LC_ALL="C", **dict(environment))
        # The leak checker of a build with the address sanitizer does not work in a debugger.
        env["ASAN_OPTIONS"] = "detect_leaks=0:" + env.get("ASAN_OPTIONS", "")
        run = subprocess.run(
            command + list(arguments),
            cwd=self.work,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = run.stdout.decode("utf-8", "replace")
        noise = "warning: Error disabling address space randomization: .*\n"
        text = re.sub(noise, "", text).replace(self.work, "WORK")
        # How gdb 16 says it.
        end = "Reached end of recorded history; stopping.\nFollowing forward .* added to history."
        text = re.sub(end, "No more reverse-execution history.", text)
        return re.sub(r"\(process \d+\)", "(process PID)", text)

    def session(self, arguments, commands, scripts=None, environment=()):
        """The output of each command, of one gdb."""
        driver = Path(self.work) / "driver.py"
        driver.write_text(DRIVER, encoding="utf-8")
        environment = dict(environment, MG_COMMANDS=json.dumps(commands))
        scripts = [self.script] if scripts is None else scripts
        text = self.run_gdb(arguments, [*scripts, driver], environment=environment)
        outputs = text.split(MARK + "\n")[1:]
        if len(outputs) != len(commands):
            raise Failure("gdb has ended early:\n" + text)
        return [output.rstrip("\n") for output in outputs]

    def program(self, name):
        return self.programs[name]


def check_gdb(setup):
    """Skips if gdb, its Python, or the permission to trace a process is missing."""
    try:
        text = setup.run_gdb([], commands=["python print('python', gdb.VERSION)"])
    except OSError:
        raise Skip("there is no gdb here")
    match = re.search(r"^python (\d+)", text, re.MULTILINE)
    if match is None:
        raise Skip("this gdb has no Python")
    if int(match.group(1)) < 12:
        raise Skip("gdb %s is older than 12" % match.group(1))
    commands = ["break main", "run >/dev/null", "python print('at', gdb.newest_frame().name())"]
    text = setup.run_gdb([setup.program("expression")], commands=commands)
    if "at main" not in text:
        raise Skip("gdb cannot run a program here: " + text.strip().replace("\n", "; "))


def need_debug_build(setup):
    if not setup.is_debug:
        raise Skip("the lesson is for a debug build; see the test gdb release")


# ---- Transcripts --------------------------------------------------------------------------------


class Step:
    """A command of a transcript, and what it is expected to print."""

    def __init__(self, command, line_number):
        self.command = command
        self.line_number = line_number
        self.expected = []


def parse_steps(lines, first_line_number):
    """[Step] of lines that begin with a command."""
    steps = []
    for line_number, line in enumerate(lines, first_line_number):
        if line.startswith(PROMPT):
            steps.append(Step(line[len(PROMPT) :], line_number))
        elif steps:
            steps[-1].expected.append(line)
        elif line.strip():
            raise Failure("line %d: output without a command" % line_number)
    return steps


def without_line_numbers(text):
    """Hides line numbers, since a change of a source file may only move lines."""
    return re.sub(r"^\d+\t|:\d+$|line \d+\.$", "LINE", text, flags=re.MULTILINE)


def compare(name, step, output, same=str):
    """The lines of a difference, or none."""
    expected = "\n".join(step.expected).rstrip("\n")
    if same(output) == same(expected):
        return []
    title = "%s:%d: %s" % (name, step.line_number, step.command)
    lines = difflib.unified_diff(
        expected.splitlines(), output.splitlines(), "expected", "gdb says", lineterm=""
    )
    return [title, *lines]


def read_transcript(path):
    """[(comment lines, what the session is of, [Step])]"""
    sessions = []
    comments = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for line_number, line in enumerate(lines, 1):
        if line.startswith("# session: "):
            sessions.append((comments, line[len("# session: ") :], line_number + 1, []))
            comments = []
        elif line.startswith("#"):
            comments.append(line)
        elif sessions:
            sessions[-1][3].append(line)
    return [(c, what, parse_steps(body, number)) for c, what, number, body in sessions]


def session_arguments(setup, what):
    """`none`, a program, or `core of PROGRAM`."""
    if what == "none":
        return []
    if what == "microgpt":
        return ["--args", setup.program(what), "--engine", "scalar"]
    if not what.startswith("core of "):
        return [setup.program(what)]
    if setup.sanitize != "none":
        raise Skip("the address sanitizer makes core dumps of terabytes")
    program = setup.program(what[len("core of ") :])
    core = os.path.join(setup.work, "core")
    setup.session(
        session_arguments(setup, "microgpt"),
        [
            "goto graph_backward",
            "mg step --until pos2.loss",
            "mg edge",
            "generate-core-file " + core,
        ],
    )
    if not os.path.exists(core):
        raise Skip("gdb cannot write a core dump here")
    return [program, core]


def test_transcript(setup, name):
    path = setup.transcripts / (name + ".txt")
    differences = []
    lines = []
    for comments, what, steps in read_transcript(path):
        commands = [step.command for step in steps]
        outputs = setup.session(session_arguments(setup, what), commands)
        lines += comments + ["# session: " + what]
        for step, output in zip(steps, outputs):
            differences += compare(path.name, step, output)
            lines += [PROMPT + step.command] + ([output] if output else [])
        lines.append("")
    if setup.update:
        path.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
    elif differences:
        raise Failure("\n".join(differences))


def command_names(setup):
    """The words that may follow mg."""
    sources = [path.read_text(encoding="utf-8") for path in setup.script.parent.glob("mg_*.py")]
    return sorted(re.findall(r'^    name = "(\w+)"$', "\n".join(sources), re.MULTILINE))


def test_width(setup):
    """In a window of 80 columns no line of an answer is longer, whatever is asked."""
    n_lines = 0
    for name, session in (("expression", 0), ("model", 0), ("errors", 3)):
        _, what, steps = read_transcript(setup.transcripts / (name + ".txt"))[session]
        commands = [step.command for step in steps]
        if name == "errors":
            commands += ["info skip", "help mg"] + ["help mg " + n for n in command_names(setup)]
        outputs = setup.session(session_arguments(setup, what), ["set width 80", *commands])
        for command, output in zip(["", *commands], outputs):
            n_lines += len(output.splitlines())
            wide = [line for line in output.splitlines() if len(line) > 80]
            if wide and re.match("mg|help|info", command):
                raise Failure("%s:\n%s" % (command, "\n".join(wide)))
    print("%d lines" % n_lines)


# ---- The tour -----------------------------------------------------------------------------------


def test_tour(setup):
    """The ```gdb blocks are what gdb prints; the ```c blocks are in the sources."""
    lines = setup.tour.read_text(encoding="utf-8").splitlines()
    blocks = find_blocks(lines)
    for language, start, end in blocks:
        if language == "c":
            check_source(setup, lines[start:end], start)
    gdb_blocks = [(start, end) for language, start, end in blocks if language == "gdb"]
    steps_of = {start: parse_steps(lines[start:end], start + 1) for start, end in gdb_blocks}
    steps = [step for start, _ in gdb_blocks for step in steps_of[start]]
    outputs = setup.session(
        [],
        ["set width 80", *(step.command for step in steps)],
        scripts=[setup.script, setup.tour_script],
        environment={
            "MG_FROM_TTY": "1",
            "MICROGPT_EXPRESSION": setup.program("expression"),
            "MICROGPT_PROGRAM": setup.program("microgpt"),
        },
    )
    output_of = dict(zip(map(id, steps), (output.strip("\n") for output in outputs[1:])))
    wide = [line for output in outputs for line in output.splitlines() if len(line) > 80]
    if wide:
        raise Failure("wider than 80 columns:\n" + "\n".join(wide))
    differences = []
    for step in steps:
        differences += compare(
            setup.tour.name, step, output_of[id(step)], same=without_line_numbers
        )
    if setup.update:
        for start, end in reversed(gdb_blocks):
            block = []
            for step in steps_of[start]:
                output = output_of[id(step)]
                block += [PROMPT + step.command] + (output.splitlines() if output else [])
            lines[start:end] = block
        setup.tour.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif differences:
        raise Failure("\n".join(differences))


def find_blocks(lines):
    """[(language, first line, line after the last)] of the fenced blocks, counted from 0."""
    blocks = []
    language = None
    for i, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if language is None:
            language, start = line[3:].strip(), i + 1
        else:
            blocks.append((language, start, i))
            language = None
    return blocks


def check_source(setup, block, line_number):
    sources = list((setup.root / "src" / "autograd").glob("*.c"))
    sources.append(setup.root / "src" / "examples" / "expression.c")
    sources.append(setup.root / "include" / "microgpt" / "value.h")
    wanted = "\n".join(block)
    if not any(wanted in source.read_text(encoding="utf-8") for source in sources):
        raise Failure("%s:%d: this code is in no source:\n%s" % (setup.tour, line_number, wanted))


# ---- Against the node dump ----------------------------------------------------------------------


class Dump:
    """The output of `microgpt nodes --names`, and what follows from it by the rules of microgpt.py."""

    def __init__(self, text):
        self.data, self.grad, self.children, self.local_grads = [], [], [], []
        self.ops, self.paths = [], []
        for line in text.splitlines()[1:]:  # the first one describes the dump
            match = re.fullmatch(r"\d+ (\S+) (\S+) \[(.*)\] \[(.*)\] (\S+) (\S+)", line)
            self.data.append(match.group(1))
            self.grad.append(match.group(2))
            self.children.append([int(child) for child in match.group(3).split()])
            self.local_grads.append([float.fromhex(x) for x in match.group(4).split()])
            self.ops.append(match.group(5))
            self.paths.append(match.group(6))
        self.order = self.build_order()

    def build_order(self):
        """The order of backward: a depth-first post-order from the root, reversed."""
        order = []
        seen = set()
        stack = [(len(self.children) - 1, False)]
        while stack:
            node, is_done = stack.pop()
            if is_done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(child, False) for child in reversed(self.children[node])]
        return order[::-1]

    def edges(self):
        """All edges (parent, index), in the order in which backward takes them."""
        return [(node, i) for node in self.order for i in range(len(self.children[node]))]

    def explain(self, node):
        """The rows of `mg why --exact`: path, local gradient, parent's grad, product, total."""
        total = 0.0
        rows = []
        for parent, i in self.edges_into[node]:
            local_grad = self.local_grads[parent][i]
            parent_grad = float.fromhex(self.grad[parent])
            contribution = local_grad * parent_grad
            total += contribution
            numbers = (local_grad, parent_grad, contribution, total)
            rows.append([self.paths[parent], *(number.hex() for number in numbers)])
        return rows

    @property
    def edges_into(self):
        if not hasattr(self, "_edges_into"):
            self._edges_into = {node: [] for node in range(len(self.paths))}
            for parent, i in self.edges():
                self._edges_into[self.children[parent][i]].append((parent, i))
        return self._edges_into


# Run in gdb, at the end of step 1's backward: everything that the script has read.
READ_ALL = """python
import json, mg_gdb
view = mg_gdb.debugger.context.graph
nodes = [view.node(i) for i in range(view.n_nodes)]
rows = [[n.data.hex(), n.grad.hex(), n.children, n.local_grads, view.path(n.id)] for n in nodes]
with open("all.json", "w") as file:
    json.dump({"rows": rows, "topo": view.topo}, file)
"""


def read_dump(setup):
    dump_file = os.path.join(setup.work, "nodes.txt")
    command = [setup.program("microgpt"), "nodes", "--step", "1", "--names"]
    subprocess.run(command + ["--output", dump_file], check=True)
    return Dump(Path(dump_file).read_text(encoding="utf-8"))


def test_nodes(setup):
    """All nodes, names and the order of backward, as gdb sees them; `mg why` of 200 parameters."""
    dump = read_dump(setup)
    n_params = next(i for i, children in enumerate(dump.children) if children)
    chosen = random.Random(1).sample(range(n_params), 200)
    script = os.path.join(setup.work, "read_all.py")
    Path(script).write_text(READ_ALL.split("\n", 1)[1], encoding="utf-8")
    whys = ["mg why %s --exact" % dump.paths[node] for node in chosen]
    outputs = setup.session(
        session_arguments(setup, "microgpt"),
        ["goto scalar_gpt_store_grads", "source " + script, *whys],
    )
    all_file = Path(setup.work, "all.json")
    if not all_file.exists():
        raise Failure("gdb did not write %s:\n%s" % (all_file.name, "\n".join(outputs[:2])))
    seen = json.loads(all_file.read_text(encoding="utf-8"))
    if len(seen["rows"]) != len(dump.paths):
        raise Failure("gdb sees %d nodes of %d" % (len(seen["rows"]), len(dump.paths)))
    for node, row in enumerate(seen["rows"]):
        path = dump.paths[node]
        numbers = [float.fromhex(dump.data[node]).hex(), float.fromhex(dump.grad[node]).hex()]
        expected = [*numbers, dump.children[node], dump.local_grads[node], path]
        if row != expected:
            raise Failure("node %d is %s, expected %s" % (node, row, expected))
    if seen["topo"][::-1] != dump.order:
        raise Failure("the order of backward is not that of microgpt.py")
    n_rows = sum(check_why(dump, node, output) for node, output in zip(chosen, outputs[2:]))
    print("%d nodes and names, %d contributions" % (len(dump.paths), n_rows))


def check_why(dump, node, output):
    """Compares what `mg why --exact` says; returns the number of contributions."""
    path = dump.paths[node]
    expected = dump.explain(node)
    if not expected:
        if output != "%s.grad is 0: the loss does not depend on it." % path:
            raise Failure("mg why %s:\n%s" % (path, output))
        return 0
    _, _, *rows, last = output.splitlines()
    rows = [[word for word in row.split() if word not in "*="] for row in rows]
    if rows != expected or last != "The total equals %s.grad, bit for bit." % path:
        raise Failure("mg why %s:\n%s\nexpected %s" % (path, output, expected))
    if float.fromhex(expected[-1][-1]) != float.fromhex(dump.grad[node]):
        raise Failure("the contributions to %s are not its gradient" % path)
    return len(expected)


def test_progress(setup):
    """In the middle of backward, `mg why` knows what has been added and what has not."""
    dump = read_dump(setup)
    place_of = {edge: place for place, edge in enumerate(dump.edges())}
    generator = random.Random(2)
    inner = [node for node in dump.order if dump.children[node]]
    stops = sorted(generator.sample(range(1, len(inner)), 12))
    commands = ["goto graph_backward"]
    asked = []
    for stop in stops:
        node = inner[stop]
        commands.append("mg step --until " + dump.paths[node])
        for i in range(len(dump.children[node])):
            for parent in inner[stop - 1 : stop + 2]:
                for child in dump.children[parent]:
                    asked.append((len(commands), child, place_of[(node, i)]))
                    commands.append("mg why %s --all" % dump.paths[child])
            commands.append("mg edge")
    outputs = setup.session(session_arguments(setup, "microgpt"), commands)
    for command_id, child, place in asked:
        output = outputs[command_id]
        n_to_come = sum(place_of[edge] >= place for edge in dump.edges_into[child])
        if output.count("not added yet") != n_to_come or "NOT" in output:
            raise Failure(
                "%s with %d contributions to come:\n%s" % (commands[command_id], n_to_come, output)
            )
    print("%d stops, asked %d times" % (len(stops), len(asked)))


# Run in gdb, on a program that names nodes: compares its names with those of the script.
COMPARE_NAMES = """
from mg_gdb import debugger
from mg_graph import GraphView
def variable(frame, name):
    return int(frame.read_var(name))
gdb.execute("run >/dev/null", to_string=True)
n_equal = 0
while n_equal < 60 and gdb.selected_inferior().pid != 0:
    frame = gdb.newest_frame()
    view = GraphView(debugger.program, variable(frame, "g"))
    name = view.path(variable(frame, "node_id"))
    address = variable(frame, "path_text")
    gdb.execute("finish", to_string=True)
    expected = bytes(gdb.selected_inferior().read_memory(address, 160)).split(bytes(1))[0].decode()
    if name != expected:
        print("node_path() says", expected, "and the script", name)
        break
    n_equal += 1
    gdb.execute("continue", to_string=True)
print(n_equal, "names")
"""


def test_names(setup):
    """The script's names are node_path()'s, for all the odd graphs of its unit test."""
    script = os.path.join(setup.work, "compare_names.py")
    Path(script).write_text(COMPARE_NAMES, encoding="utf-8")
    outputs = setup.session(
        [setup.program("test_node_path")],
        ["silent-break node_path", "source " + script],
        environment={"CK_FORK": "no"},
    )
    lines = outputs[1].splitlines()
    if lines[-1] != "60 names":
        raise Failure("\n".join(lines[-2:]))
    print(lines[-1])


# Run in gdb: how long a command takes.
TIMER = """
import time
class Timed(gdb.Command):
    def __init__(self):
        super().__init__("timed", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        start, cpu_start = time.monotonic(), time.process_time()
        gdb.execute(argument, to_string=True)
        seconds, cpu_seconds = time.monotonic() - start, time.process_time() - cpu_start
        print("%.2f s (of gdb's own %.2f s)  %s" % (seconds, cpu_seconds, argument))
Timed()
"""


def test_speed(setup):
    """Prints how long the commands take. The machine may be busy, so there is no limit."""
    script = os.path.join(setup.work, "timer.py")
    Path(script).write_text(TIMER, encoding="utf-8")
    asked = ["mg why layer0.attn_wq[3,7]", "mg parents layer0.attn_wq[3,7]", "mg find pos2.*"]
    commands = ["source " + script]
    for first in asked:
        commands += ["kill", "goto scalar_gpt_store_grads", "timed " + first]
        commands += ["timed " + again for again in asked]
    commands += ["kill", "goto graph_backward", "timed mg step", "timed mg step"]
    commands += ["timed mg step 20000", "timed mg step --until pos0.loss"]
    commands += ["timed mg watch layer0.attn_wq[3,7]", "timed continue", "timed continue"]
    commands += ["delete", "goto scalar_gpt_store_grads", "timed mg check layer0.attn_wq[3,7]"]
    outputs = setup.session(session_arguments(setup, "microgpt"), commands)
    lines = [line for output in outputs for line in output.splitlines() if "gdb's own" in line]
    if len(lines) != 20:
        raise Failure("\n".join(outputs))
    print("\n".join(lines))


# ---- No wrong numbers -----------------------------------------------------------------------------

# Run in gdb: at every kind of stop compares what mg says with what plain gdb says.
COMPARE_NUMBERS = """
import re
from mg_gdb import debugger
NAMES = "a b c d loss".split()
stops = {}

def ask(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as error:
        return str(error)

def compare(kind):
    for name in NAMES:
        plain = gdb.parse_and_eval('$node("%s")' % name)
        grad = "%.6g" % float(plain["grad"])
        told = ask("mg node " + name)
        if "grad %s\\n" % grad not in told:
            print("WRONG", kind, name, grad, told)
        why = ask("mg why " + name)
        totals = re.findall(r"  =  .*?(\\S+)$", why, re.MULTILINE)[1:] or ["0"]
        is_sum = "is the sum of" in why
        if "NOT" in why or (is_sum and float(totals[-1]) != float(grad)):
            print("WRONG", kind, name, grad, why)
    view = debugger.context.graph
    edge = view.current_edge
    if edge is not None:
        frame = next(f for f in debugger.program.frames() if f.name == "edge_backward").frame
        child = frame.read_var("v")["children"][int(frame.read_var("i"))]
        if int(child) != view.addresses[edge.child]:
            print("WRONG", kind, "edge")
    stops[kind] = stops.get(kind, 0) + 1

def start():
    gdb.execute("delete")
    if gdb.selected_inferior().pid != 0:
        gdb.execute("kill", to_string=True)
    gdb.Breakpoint("value_backward", temporary=True)
    gdb.execute("run >/dev/null", to_string=True)

def run(kind, command, skip=1):
    start()
    n = 0
    while ask("python print(gdb.newest_frame().name())").strip() != "main":
        try:
            gdb.execute(command, to_string=True)
        except gdb.error:
            return
        n += 1
        if n % skip == 0:
            compare(kind)

def run_breakpoint(kind, command):
    start()
    ask(command)
    while True:
        told = ask("continue")
        if gdb.selected_inferior().pid == 0 or "backward" not in gdb.newest_frame().name():
            break
        compare(kind)
        added = re.search(r"= (\\S+)$", told)
        if added and added.group(1) != "%.6g" % float(gdb.parse_and_eval("v->children[i]->grad")):
            print("WRONG", kind, told)

run("step", "step")
run("next", "next")
run("stepi", "stepi", 5)
run("mg step", "mg step")
run("mg edge", "mg edge")
for name in NAMES:
    run_breakpoint("mg watch", "mg watch " + name)
    run_breakpoint("watch", 'watch -location $node("%s")->grad' % name)
    run_breakpoint("awatch", 'awatch -location $node("%s")->grad' % name)
run_breakpoint("break", "break edge_backward")
run_breakpoint("rwatch", 'rwatch -location $node("a")->data')
print("stops:", stops)
"""


def test_numbers(setup):
    """After every kind of stop, mg says the same as plain print."""
    script = os.path.join(setup.work, "compare_numbers.py")
    Path(script).write_text(COMPARE_NUMBERS, encoding="utf-8")
    text = setup.run_gdb([setup.program("expression")], [setup.script, script])
    match = re.search(r"^stops: (.*)$", text, re.MULTILINE)
    if match is None or "WRONG" in text:
        wrong = [line for line in text.splitlines() if "WRONG" in line]
        raise Failure("\n".join(wrong) + text[-3000:])
    print(match.group(1))


# ---- As editors see it --------------------------------------------------------------------------

def test_editor(setup):
    """Through gdb's machine interface, which editors use, a Value can be expanded.

    Begins with the commands of .vscode/launch.json."""
    launch = json.loads((setup.root / ".vscode" / "launch.json").read_text(encoding="utf-8"))
    five_nodes, model = launch["configurations"]
    if not model["program"].endswith("/build/microgpt"):
        raise Failure("launch.json: %s is not the program" % model["program"])
    commands = [
        command["text"].replace("${workspaceFolder}", str(setup.root))
        for command in five_nodes["setupCommands"]
    ]
    commands += [
        "-exec-run",
        "-stack-select-frame 3",
        "-var-create the_c * c",
        "-var-list-children --all-values the_c",
        "-var-create a_value * *a",
        "-var-list-children --all-values a_value",
        "-stack-list-variables --simple-values",
        "-gdb-exit",
    ]
    gdb = subprocess.Popen(
        [setup.gdb, "-nx", "-q", "-i=mi", setup.program("expression")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=setup.work,
        universal_newlines=True,
    )
    text = ""
    try:
        for command in commands:
            gdb.stdin.write(command + "\n")
            gdb.stdin.flush()
            until = "*stopped" if command == "-exec-run" else "^"
            while True:
                line = gdb.stdout.readline()
                text += line
                if not line or line.startswith(until):
                    break
    finally:
        gdb.kill()
        gdb.wait()
    wanted = [
        'exp="data of c: a * b",numchild="0",value="-6"',
        'exp="grad",numchild="0",value="0"',
        'exp="child a, local gradient -3",',
        'exp="child b, local gradient 2",',
        'exp="parent d, local gradient 1",',
        'exp="data of a: leaf",numchild="0",value="2"',
        'exp="parent c, local gradient -3",',
        '{name="loss",type="Value *",value="<loss=16>"}',
    ]
    missing = [words for words in wanted if words not in text]
    if missing:
        raise Failure("%s is missing:\n%s" % (missing[0], text))


def test_versions(setup):
    """An old gdb or Python can read the file that gdb loads, and prints a message."""
    for path in sorted(setup.script.parent.glob("m*.py")):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 6))
    for pretend, wanted in (
        ("gdb.VERSION = '11.2'", "microgpt's commands need gdb 12 or newer; this is gdb 11.2."),
        (
            "import sys; sys.version_info = (3, 6, 15)",
            "microgpt's commands need a gdb with Python 3.8 or newer; this one has 3.6.",
        ),
    ):
        script = Path(setup.work) / "pretend.py"
        script.write_text("import gdb\n%s\n" % pretend, encoding="utf-8")
        text = setup.run_gdb([], [script, setup.script], ["mg where"])
        if text.strip() != wanted + '\nUndefined command: "mg".  Try "help".':
            raise Failure(text)


# ---- Whatever the reader has set, and whatever is in memory --------------------------------------

READER_SETTINGS = (
    *("radix 16", "radix 8", "input-radix 16", "output-radix 16"),
    *("language ada", "language rust", "language fortran", "language pascal", "language modula-2"),
    *("language go", "language d", "language asm", "language minimal", "language c++"),
    *("print pretty on", "print elements 1", "print address off", "print frame-arguments none"),
    *("print symbol off", "max-value-size 16", "backtrace limit 1", "case-sensitive off"),
)


def test_settings(setup):
    """The reader's settings do not change an answer."""
    commands = ["goto value_backward", "mg node $node(\"d\")", "mg step 2", "mg watch a"]
    commands += ["continue", "mg where", "mg why a", "mg find *", "mg edge", "mg step --until b", "mg top 2"]
    program = setup.program("expression")
    expected = setup.session([program], commands)
    if "mg" in "".join(expected):
        raise Failure("\n".join(expected))
    for reader_setting in READER_SETTINGS:
        name, value = reader_setting.rsplit(" ", 1)
        parameter = "output-radix" if name == "radix" else name
        show = "python print(gdb.parameter(%r))" % parameter
        # goto is a command of this test, which supports only C.
        session = [commands[0], "set " + reader_setting, *commands[1:], show]
        *outputs, kept = setup.session([program], session)
        del outputs[1]
        for command, before, after in zip(commands, expected, outputs):
            if "$node" in command and name == "language":
                continue  # that is C
            if after != before:
                raise Failure("after set %s, %s:\n%s" % (reader_setting, command, after))
        if kept not in (value, {"on": "True", "off": "False"}.get(value)):
            raise Failure("mg has changed the reader's %s to %s" % (reader_setting, kept))
    model = ["goto scalar_gpt_store_grads", "mg check layer0.attn_wq[3,7]", "mg step 1"]
    expected = setup.session(session_arguments(setup, "microgpt"), model)
    for reader_setting in ("input-radix 16", "language ada", "language rust"):
        outputs = setup.session(
            session_arguments(setup, "microgpt"), [model[0], "set " + reader_setting, *model[1:]]
        )
        if outputs[2:] != expected[1:] or "They agree." not in outputs[2]:
            raise Failure("after set %s:\n%s" % (reader_setting, "\n".join(outputs)))
    print("%d settings" % len(READER_SETTINGS))


def test_files(setup):
    """Names of files with blanks, quotes and ~ are understood as gdb understands them."""
    home = Path(setup.work) / "home of a reader"
    (home / "a b").mkdir(parents=True)
    wanted = [
        ('mg dot loss 1 "%s/a b/x.dot"' % home, home / "a b" / "x.dot"),
        ("mg dot loss '%s/a b/y \"quoted\".dot'" % home, home / "a b" / 'y "quoted".dot'),
        ("mg dot loss 1 ~/z.dot", home / "z.dot"),
        ("mg dot loss %s/a\\ b/w.dot" % str(home).replace(" ", "\\ "), home / "a b" / "w.dot"),
        ("mg dot loss 2", None),
        ("mg dot loss ./2", Path(setup.work) / "2"),
        ("mg dot loss a b/x.dot", None),
    ]
    outputs = setup.session(
        [setup.program("expression")],
        ["goto graph_backward", *(command for command, _ in wanted)],
        environment={"HOME": str(home)},
    )
    for (command, path), output in zip(wanted, outputs[1:]):
        shown = str(path).replace(setup.work, "WORK")
        if path is not None and (not path.exists() or not output.startswith(shown + ": ")):
            raise Failure("%s: %s" % (command, output))
        if path is None and not re.match("The file is missing|loss a is neither", output):
            raise Failure("%s: %s" % (command, output))


# Run in gdb: writes over the graph.
SPOIL = """
import gdb, struct
def spoil(address, data):
    gdb.selected_inferior().write_memory(int(address), data)
g = gdb.parse_and_eval("*(Graph *)$graph")
"""

# What is overwritten, and the commands after that.
SPOILED = {
    "4 thousand million scopes": "spoil(g['n_scopes'].address, struct.pack('<Q', 4000000000))",
    "and room for them": """spoil(g['n_scopes'].address, struct.pack('<Q', 4000000000))
spoil(g['scopes_capacity'].address, struct.pack('<Q', 5000000000))""",
    "scopes that are nowhere": "spoil(g['scopes'].address, struct.pack('<Q', 8))",
    "names that are nowhere": """for i in range(5):
    spoil(g['scopes'][i]['name'].address, struct.pack('<Q', 8 * i + 1))""",
    "names that do not end": """for i in range(5):
    spoil(g['scopes'][i]['name'].address, struct.pack('<Q', int(g['arena']['first'])))""",
    "scopes in any order": """for i in range(5):
    spoil(g['scopes'][i]['first_node'].address, struct.pack('<Q', 1000 - 7 * i))""",
    "parts in a ring": """for i in range(5):
    spoil(g['scopes'][i]['parent'].address, struct.pack('<I', i))""",
    "a chunk of 2**60 bytes": """first = g['arena']['first'].dereference()
spoil(first['size'].address, struct.pack('<Q', 2**60))
spoil(g['arena']['next'].address, struct.pack('<Q', int(first['memory']) + 56 * 2**54))""",
    "chunks in a ring": """first = g['arena']['first']
spoil(first['next'].address, struct.pack('<Q', int(first)))
spoil(g['arena']['current'].address, struct.pack('<Q', 16))""",
    "an order of nothing": "spoil(g['topo'].address, struct.pack('<Q', 8))",
    "an order of what is no node": "spoil(g['topo'][2].address, struct.pack('<Q', 8))",
    "nodes full of ones": """first = g['arena']['first'].dereference()
spoil(first['memory'], b'\\xff' * 280)""",
}


def test_spoiled(setup):
    """Memory may contain anything: mg prints a message, and gdb does not crash."""
    script = Path(setup.work) / "spoil.py"
    asked = ["mg where", "mg node $graph_root", "mg tree loss 5000", "mg find *", "mg why a"]
    asked += ["mg top", "mg parents a", "mg outline", "mg step", "print *(Value *)$graph_root", "mg step 3"]
    for name, spoil in SPOILED.items():
        script.write_text(SPOIL + spoil, encoding="utf-8")
        commands = ["goto graph_backward", "set variable $graph = (long)g"]
        commands += ["set variable $graph_root = g->topo[4]", "source %s" % script]
        commands += [*asked, "print 6 * 7"]
        outputs = setup.session([setup.program("expression")], commands)
        text = "\n".join(outputs)
        if "Traceback" in text or "Python Exception" in text or not outputs[-1].endswith(" = 42"):
            raise Failure("%s:\n%s" % (name, text))
    print("%d ways to spoil a graph" % len(SPOILED))


def test_deep(setup):
    """A tree as deep as the graph."""
    outputs = setup.session(
        session_arguments(setup, "microgpt"), ["goto graph_backward", "mg tree loss 5000"]
    )
    n_lines = len(outputs[1].splitlines())
    if n_lines < 59615 or "Error" in outputs[1]:
        raise Failure("%d lines:\n%s" % (n_lines, outputs[1][-300:]))
    print("%d lines" % n_lines)


# ---- Loading ------------------------------------------------------------------------------------


def test_plain(setup):
    """Without the script, gdb prints nodes and their children, and stops at the edges."""
    text = setup.run_gdb(
        [setup.program("expression")],
        commands=[
            "break edge_backward",
            "run",
            "print *v",
            "print *v->children[i]",
            "print v->local_grads[i] * v->grad",
            "print v->children[i]->op",
            "next",
            "print *v->children[i]",
        ],
    )
    wanted = ["$1 = {data = 16, grad = 1, ", "$2 = {data = -4, grad = 0, ", "$3 = -8\n"]
    wanted += ["$4 = OP_ADD\n", "$5 = {data = -4, grad = -8, "]
    wanted += ["v->children[i]->grad += v->local_grads[i] * v->grad;"]
    missing = [words for words in wanted if words not in text]
    if missing:
        raise Failure("%s is missing:\n%s" % (missing[0], text))


# How often a function is called while the first graph, that of step 1, is made.
CALLED = {"value_mul": 26538, "value_add": 26726}


def test_operators(setup):
    """Every product is made by value_mul(), and every sum by value_add()."""
    functions = list(CALLED)
    commands = []
    for number, function in enumerate(functions, 1):
        commands += ["break " + function, "ignore %d 1000000" % number]
    commands += [
        "run nodes --step 1 --output /dev/null",
        "info breakpoints",
    ]
    text = setup.run_gdb([setup.program("microgpt")], commands=commands)
    hits = dict(zip(functions, map(int, re.findall(r"already hit (\d+) times", text))))
    if hits != CALLED:
        raise Failure("gdb has counted %s, expected %s:\n%s" % (hits, CALLED, text))
    ops = read_dump(setup).ops
    made = {function: ops.count(function[len("value_") :]) for function in functions}
    if made != CALLED:
        raise Failure("the graph has %s, made by %s" % (made, CALLED))


# Run in gdb: steps from a function to the first edge.
COUNT_STEPS = """
def count_steps(function):
    gdb.Breakpoint(function, temporary=True)
    gdb.execute("run >/dev/null", to_string=True)
    n = 0
    names = set()
    while gdb.newest_frame().name() != "edge_backward":
        gdb.execute("step", to_string=True)
        names.add(gdb.newest_frame().name())
        n += 1
    print("\\n%d steps from %s by way of %s" % (n, function, " ".join(sorted(names))))
    gdb.execute("kill")
for function in ("value_backward", "main"):
    count_steps(function)
"""

MAX_STEPS = {"value_backward": 80, "main": 130}


def test_steps(setup):
    """With the script's skip list, `step` stops only in functions that a learner wants to see."""
    script = os.path.join(setup.work, "count_steps.py")
    Path(script).write_text(COUNT_STEPS, encoding="utf-8")
    text = setup.run_gdb([setup.program("expression")], [setup.script, script])
    steps = re.findall(r"^(\d+) steps from (\w+) by way of (.*)$", text, re.MULTILINE)
    print("\n".join("%s from %s: %s" % line for line in steps))
    if {function for _, function, _ in steps} != set(MAX_STEPS):
        raise Failure(text)
    for n, function, names in steps:
        if int(n) > MAX_STEPS[function]:
            raise Failure("%s steps from %s, more than %d" % (n, function, MAX_STEPS[function]))
        wanted = ["graph_build_topo"]
        if function == "main":
            wanted += ["value_add", "value_leaf", "value_mul", "value_pow"]
        if not set(wanted) <= set(names.split()):
            raise Failure("step passes over %s: %s" % (wanted, names))


def run_in_terminal(setup, words, typed=b""):
    """What gdb prints in a terminal in which this has been typed."""
    reader, writer = os.openpty()
    os.write(reader, typed)
    gdb = subprocess.Popen(
        [setup.gdb, "-nx", "-batch", *words],
        stdin=writer,
        stdout=writer,
        stderr=writer,
        cwd=setup.work,
        env=dict(os.environ, TERM="xterm"),
    )
    os.close(writer)
    text = b""
    while True:
        try:
            piece = os.read(reader, 65536)
        except OSError:  # the terminal is closed
            piece = b""
        if not piece:
            break
        text += piece
    os.close(reader)
    gdb.wait()
    return text.decode("utf-8", "replace")


def test_terminal(setup):
    """In a terminal as well, the progress line is never in gdb's output. Guesses are typed there."""
    load = ["-x", str(setup.script)]
    for scripts, wanted in ((load, False), ([], True)):
        command = [*scripts, "-ex", "run --engine scalar --num-steps 30", setup.program("microgpt")]
        text = run_in_terminal(setup, command)
        if "sample 20" not in text or (" left" in text) is not wanted:
            raise Failure("%s:\n%s" % (command, text))
    answers = {
        b" -8 \n": "d.grad is -8: your guess is exact.",
        b"\n": "No number was entered.",
        b"x\n": "x is not a number.",
    }
    guess = [*load, "-ex", "break graph_backward", "-ex", "run", "-ex", "mg guess d"]
    for typed, answer in answers.items():
        text = run_in_terminal(setup, [*guess, setup.program("expression")], typed)
        if "What will d.grad be? " not in text or answer not in text:
            raise Failure("%r is typed, %s is missing in:\n%s" % (typed, answer, text))


SUBCOMMANDS = "back check dot edge find guess node outline parents show step top tree".split()
SUBCOMMANDS += "watch where why".split()


def test_loading(setup):
    """gdb finds the installed script by the program's name, and the program runs as it does without it."""
    program = setup.program("microgpt")
    directory = Path(setup.work) / "auto-load"
    target = directory / (program + "-gdb.py").lstrip("/")
    target.parent.mkdir(parents=True)
    target.symlink_to(setup.script)
    text = setup.run_gdb(
        [
            *("-iex", "add-auto-load-scripts-directory %s" % directory),
            *("-iex", "add-auto-load-safe-path %s" % setup.script),
            program,
        ],
        commands=["info pretty-printer global microgpt", "help mg", "mg where"],
    )
    wanted = ["microgpt\n    Graph *\n    Value\n    Value *\n"]
    wanted.append("The program is not running: `run` it")
    wanted += ["\nmg %s -- " % name for name in SUBCOMMANDS]
    missing = [repr(words) for words in wanted if words not in text]
    if missing:
        raise Failure("gdb has not loaded the script, %s is missing:\n%s" % (missing[0], text))
    short_run = "--engine scalar --num-steps 3 --num-samples 3"
    plain = subprocess.check_output([program, *short_run.split()])
    output_file = os.path.join(setup.work, "output.txt")
    setup.session(
        [program],
        [
            "set args %s >%s" % (short_run, output_file),
            "break graph_backward",
            "run",
            "mg step 10",
            "mg watch wte[0,0]",
            "continue",
            "delete",
            "break scalar_gpt_store_grads",
            "continue",
            "mg check layer0.attn_wq[3,7]",
            "delete",
            "continue",
        ],
    )
    if Path(output_file).read_bytes() != plain:
        raise Failure("the program prints something else when gdb has looked at it")


TESTS = {
    "tour": test_tour,
    "nodes": test_nodes,
    "names": test_names,
    "progress": test_progress,
    "speed": test_speed,
    "plain": test_plain,
    "operators": test_operators,
    "numbers": test_numbers,
    "width": test_width,
    "editor": test_editor,
    "terminal": test_terminal,
    "versions": test_versions,
    "settings": test_settings,
    "files": test_files,
    "spoiled": test_spoiled,
    "deep": test_deep,
    "steps": test_steps,
    "loading": test_loading,
}


def run_test(setup, name):
    check_gdb(setup)
    if name != "release":
        need_debug_build(setup)
    if name in TESTS:
        TESTS[name](setup)
    else:
        test_transcript(setup, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gdb", default="gdb")
    parser.add_argument("--source-root", default=".")
    parser.add_argument("--debug-build", default="true", help="whether the programs are")
    parser.add_argument("--sanitize", default="none", help="what the programs are built with")
    parser.add_argument("--update", action="store_true", help="write what gdb says now")
    parser.add_argument("name", help="a transcript, or: " + ", ".join(TESTS))
    parser.add_argument("programs", nargs="+", help="the programs to look at")
    options = parser.parse_args()
    setup = Setup(options)
    with tempfile.TemporaryDirectory() as work:
        setup.work = os.path.realpath(work)
        try:
            run_test(setup, options.name)
        except Skip as reason:
            print("skipped: %s" % reason)
            return SKIP
        except Failure as failure:
            print(failure)
            print("If gdb is right, see --help for --update.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
