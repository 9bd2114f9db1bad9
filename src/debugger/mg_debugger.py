"""The base of all mg commands: the interface of a debugger, lines of text, the meaning of V.

Knows no debugger, as mg_graph.py. gdb and lldb each have a Debugger of their own.
"""

import re
import textwrap

from mg_graph import Problem, Unreadable, printable

BUILD_HINT = "make a debug build with `meson setup build && meson compile -C build`"
SLOW_HINT = "No hardware watchpoint is available, so this takes some seconds."
SLOW_NODES = 2000  # to pass fewer, a breakpoint with a condition takes no noticeable time
NO_NODE = (
    "Which node? An expression such as `v->children[0]`, or a path such as `layer0.attn_wq[3,7]`."
)


class Expression:
    """The value of an expression in the debugger's language."""

    def __init__(self, type_text, node=None, vector=None, n_items=None):
        self.type_text = type_text
        self.node = node  # the address of a Value, if it is one or points to one
        self.vector = vector  # the address of pointers to Values, if it is or points to such
        self.n_items = n_items  # how many of them, if the type says so


class Debugger:
    """The interface that gdb and lldb implement differently."""

    context = None  # a mg_graph.Context, made anew when the program has moved
    program = None

    def say(self, text):
        """Prints lines as they are."""
        raise NotImplementedError

    def width(self):
        """Columns of the window; 0: no limit."""
        raise NotImplementedError

    def split_words(self, text):
        """Splits arguments as the debugger does for its own commands, with quotes."""
        raise NotImplementedError

    def evaluate(self, text):
        """Returns an Expression, or None if the text is not one."""
        raise NotImplementedError

    def has_program(self):
        raise NotImplementedError

    def has_symbols(self):
        raise NotImplementedError

    def is_optimised(self):
        """Whether the Value class was compiled with optimisation, as far as is known."""
        raise NotImplementedError

    def connection(self):
        """Returns `process`, `core`, or None if there is neither."""
        raise NotImplementedError

    def run_to_function(self, name):
        """Runs the program to the beginning of a function."""
        raise NotImplementedError

    def run_to_node(self, view, place):
        """Lets backward run until graph_backward() has taken the node at that place from topo.
        Returns False if it reached its end instead."""
        raise NotImplementedError

    def run_to_edge(self):
        """Lets backward run to its next edge. Returns False if it reached its end instead."""
        raise NotImplementedError

    def run_to_end(self):
        """Runs the program until graph_backward() has returned."""
        raise NotImplementedError

    def run_to_made_node(self):
        """Runs the program until one more node is made."""
        raise NotImplementedError

    # -- the same in both --

    def ask(self, question):
        """Reads a line that the user types."""
        try:
            line = input(question).strip()
        except (EOFError, KeyboardInterrupt):
            line = ""
        if line == "":
            raise Problem("No number was entered.")
        return line

    def run_to_place(self, view, place):
        """Runs backward up to the node at that index of topo, before its first edge.
        Returns False if it reached its end instead."""
        node = view.node(view.topo[place])
        if not view.is_at_place(place) and not self.run_to_node(view, place):
            return False
        if node.children:
            self.run_to_function("edge_backward")
        return True


# ---- Lines and tables ---------------------------------------------------------------------------


def plural(n, thing):
    return "%d %s%s" % (n, thing, "" if n == 1 else "s")


def fold(line, width, indent=None):
    """Breaks the line at blanks into pieces of that width, if possible."""
    if width <= 0 or len(line) <= width:
        return line
    if indent is None:
        indent = " " * (len(line) - len(line.lstrip()) + 4)
    start = len(line) - len(line.lstrip())
    # A node's numbers stay together.
    text = re.sub(r"data (\S+), grad (\S+)", "data\0\\1,\0grad\0\\2", line.lstrip())
    text = textwrap.fill(
        text,
        width,
        initial_indent=line[:start],
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return text.replace("\0", " ")


def columns(rows, right, first):
    """Rows of texts as lines: columns as wide as needed, those in right aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append(first + "  ".join(cells).rstrip())
    return lines


def align(rows, right, width):
    """A table. If it is too wide for the window, its first column is on separate lines."""
    rows = list(rows)
    lines = columns(rows, right, "  ")
    if width <= 0 or max(map(len, lines)) <= width:
        return lines
    rest = columns([row[1:] for row in rows], [column - 1 for column in right], " " * 6)
    lines = []
    for row, line in zip(rows, rest):
        if len(line) > width:
            line = fold(" " * 6 + " ".join(cell for cell in row[1:] if cell), width)
        lines += ["  " + row[0]] + (line.splitlines() if line.strip() else [])
    return lines


# ---- Sentences about what a program has, and what is missing ------------------------------------


def need_symbols(debugger):
    if debugger.has_symbols():
        return
    if not debugger.has_program():
        raise Problem("There is no program: load one, for example with `file build/microgpt`.")
    raise Problem(
        "This program has no debug symbols of microgpt: it is a release build or another program. "
        "To look at the graph, %s."
        % BUILD_HINT
    )


def need_process(debugger):
    need_symbols(debugger)
    if debugger.connection() is None:
        raise Problem("The program is not running: `run` it, or load a core dump.")


def need_live_process(debugger, what):
    need_process(debugger)
    if debugger.connection() == "core":
        raise Problem("This is a core dump, which can only be read: %s needs a process." % what)


def need_scalar_engine(debugger):
    if debugger.context.graph is None and debugger.context.is_without_graph:
        raise Problem("The tensor engine makes no graph: run with --engine scalar.")


def need_functions(debugger):
    """Checks that the functions in which commands stop were not inlined."""
    if debugger.is_optimised():
        raise Problem(
            "This is an optimised build: the compiler has merged the functions that mg stops in. "
            "To step through it, %s." % BUILD_HINT
        )


def prepare_to_run(debugger, what):
    need_live_process(debugger, what)
    need_functions(debugger)
    need_scalar_engine(debugger)


def need_graph(debugger):
    """The GraphView to work with."""
    need_process(debugger)
    view = debugger.context.graph
    if view is not None and view.n_nodes > 0:
        return view
    if view is not None:
        raise Problem("The graph has no nodes yet: let the program run a little further.")
    need_scalar_engine(debugger)
    if debugger.is_optimised():
        raise Problem(
            "No graph can be found: this is an optimised build, where variables are optimised out. "
            "To look at the graph, %s." % BUILD_HINT
        )
    raise Problem(
        "No variable on the stack leads to a graph yet: let the program run further, for example "
        "with `break graph_backward` and `continue`."
    )


# ---- The meaning of V ---------------------------------------------------------------------------


def find_node(debugger, text):
    """The node that V means: an expression of type Value or Value *, or a path."""
    view = need_graph(debugger)
    if not text:
        raise Problem(NO_NODE)
    value = debugger.evaluate(text)
    address = value.node if value is not None else None
    node_id = view.ids.get(address, view.names.find(text))
    if node_id is not None:
        return view.node(node_id)
    text = printable(text)
    if address is not None:
        what = "is NULL" if address == 0 else "points to no node of the graph"
        raise Problem("%s %s: perhaps it is not set yet." % (text, what))
    if value is not None:
        raise Problem(
            "%s has the type `%s`, not Value, and no node has that path." % (text, value.type_text)
        )
    raise Problem(
        "%s is neither a valid expression here nor the path of a node; `mg find` searches paths."
        % text
    )


def matching_ids(view, pattern):
    """The nodes whose path matches; a pattern without * and ? may be anywhere in the path."""
    if not re.search(r"[*?]", pattern):
        pattern = re.sub(r"\[(\d+)\]\[(\d+)\]", r"[\1,\2]", pattern)
        if pattern in view.names.ids:
            return [view.names.ids[pattern]]
        return [node_id for node_id, path in enumerate(view.names.paths) if pattern in path]
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    matches = re.compile(expression).fullmatch
    return [node_id for node_id, path in enumerate(view.names.paths) if matches(path)]


def complete_path(view, text):
    """The paths that begin with the text, up to their next dot or bracket."""
    found = set()
    for path in view.names.paths:
        if path.startswith(text):
            end = re.compile(r"[.\[\]]").search(path, len(text))
            found.add(path if end is None else path[: end.end()])
    return sorted(found)


def split_flags(argument, *flags):
    """The argument without the flags, and which of them were in it."""
    words = argument.split()
    found = [flag in words for flag in flags]
    rest = " ".join(word for word in words if word not in flags)
    return (rest, *found)


def split_count(argument, default):
    """`V 3` is V and 3."""
    match = re.fullmatch(r"(.*\S)\s+(\d+)", argument)
    return (match.group(1), int(match.group(2))) if match else (argument, default)


# ---- Commands -----------------------------------------------------------------------------------


class Command:
    """One subcommand of mg. Its documentation is the help text."""

    name = ""
    takes_node = True

    def __init__(self, debugger):
        self.debugger = debugger

    def say(self, line, indent=None):
        self.debugger.say(fold(line, self.debugger.width(), indent))

    def say_table(self, rows, right=()):
        for line in align(rows, right, self.debugger.width()):
            self.debugger.say(line)

    def find_node(self, text):
        return find_node(self.debugger, text)

    @property
    def view(self):
        return need_graph(self.debugger)

    @property
    def context(self):
        return self.debugger.context

    def run(self, argument):
        raise NotImplementedError


def place_in_backward(view, node_id):
    """[3/5]: the same count as that of mg step."""
    return "[%d/%d]" % (view.visit_order(node_id), view.n_topo)


def run_command(command, argument):
    """Runs a Command; every failure is a Problem, whose text is a sentence."""
    try:
        command.run(argument.strip())
    except (Unreadable, ValueError, KeyError, IndexError, OverflowError, MemoryError) as error:
        raise Problem("The graph cannot be read here: %s." % str(error).rstrip("."))
