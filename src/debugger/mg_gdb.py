"""The command mg in gdb: how gdb reads the program, pretty printers, stops, and the commands.

microgpt-gdb.py loads this. The program's memory is read, never written. Only `mg check` lets the
program compute something, on a copy of the model.
"""

import contextlib
import functools
import re
import struct

import gdb
import gdb.printing
import gdb.types
import mg_debugger
import mg_graph
from mg_answers import READING_COMMANDS
from mg_debugger import Command, Expression, fold, need_graph, prepare_to_run
from mg_graph import DATA, Field, Problem, Unreadable, bits, number
from mg_steps import RUNNING_COMMANDS, RunningCommand, watch_words

# ---- gdb's settings -----------------------------------------------------------------------------


@contextlib.contextmanager
def setting(name, value):
    """Evaluates the block with this setting of gdb, and then restores the user's."""
    before = gdb.parameter(name)
    before = "unlimited" if before is None else str(before)
    if before == value or (value == "c" and before == "auto"):
        yield
        return
    gdb.execute("set %s %s" % (name, value), to_string=True)
    try:
        yield
    finally:
        gdb.execute("set %s %s" % (name, before), to_string=True)


def language(name):
    return setting("language", name)


@contextlib.contextmanager
def plain_settings():
    """Sets the language to C, and shows all frames."""
    with language("c"), setting("backtrace limit", "unlimited"):
        yield


# ---- The program in gdb -------------------------------------------------------------------------


def struct_name(gdb_type):
    """The struct that a type is, or points to: `Value` for const Value *. Otherwise None."""
    gdb_type = gdb_type.strip_typedefs()
    if gdb_type.code == gdb.TYPE_CODE_PTR:
        gdb_type = gdb_type.target().strip_typedefs()
    return gdb_type.unqualified().name if gdb_type.code == gdb.TYPE_CODE_STRUCT else None


def is_pointer(value):
    return value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR


def struct_address(value):
    """The address of the struct that a gdb.Value is, or points to; None if it is not in memory."""
    if is_pointer(value):
        return int(value)
    return int(value.address) if value.address is not None else None


def value_pointer(address):
    """The Value * of that address, as a gdb.Value."""
    return gdb.Value(address).cast(gdb.lookup_type("Value").pointer())


class GdbFrame(mg_graph.Frame):
    def __init__(self, frame):
        self.frame = frame
        self.name = frame.name()

    @property
    def file_name(self):
        symtab = self.frame.find_sal().symtab
        return symtab.filename.split("/")[-1] if symtab is not None else "no source"

    def variable(self, name):
        try:
            value = self.frame.read_var(name)
            return None if value.is_optimized_out else int(value)
        except (ValueError, gdb.error):
            return None

    def structs(self):
        for value in self.values():
            name = struct_name(value.type)
            try:
                address = struct_address(value) if name is not None else None
            except gdb.error:
                address = None
            if address is not None:
                yield name, address

    def values(self):
        """The arguments and locals."""
        try:
            block = self.frame.block()
        except RuntimeError:  # no debug information here
            return
        while block is not None:
            for symbol in block:
                if symbol.is_argument or symbol.is_variable:
                    try:
                        value = symbol.value(self.frame)
                        if not value.is_optimized_out:
                            yield value
                    except gdb.error:
                        pass
            if block.function is not None:
                return
            block = block.superblock

    def is_at_start(self):
        start = gdb.find_pc_line(function_address(self.name))
        return gdb.find_pc_line(self.frame.pc()).line == start.line

    def is_at_end(self):
        place = gdb.find_pc_line(self.frame.pc())
        return place.line == last_line(self.name)[1]


@functools.lru_cache(maxsize=None)
def last_line(function_name):
    """(file, line) of the end of a function."""
    block = gdb.block_for_pc(function_address(function_name))
    place = gdb.find_pc_line(block.end - 1)
    return place.symtab.fullname(), place.line


@functools.lru_cache(maxsize=None)
def line_of_node():
    """(file, line) of the statement of graph_backward() that follows the assignment of v."""
    start = function_address("graph_backward")
    block = gdb.block_for_pc(start)
    symtab = gdb.find_pc_line(start).symtab
    lines = [item for item in symtab.linetable() if block.start <= item.pc < block.end]
    lines.sort(key=lambda item: item.pc)
    while not has_variable(gdb.block_for_pc(lines[0].pc), "v"):
        lines.pop(0)
    return symtab.fullname(), next(item.line for item in lines if item.line > lines[0].line)


def function_address(name):
    symbol = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    return int(symbol.value().address)


def has_variable(block, name):
    return any(symbol.is_variable and symbol.name == name for symbol in block)


class GdbProgram(mg_graph.Program):
    def read_piece(self, address, size):
        try:
            return bytes(gdb.selected_inferior().read_memory(address, size))
        except (gdb.error, OverflowError) as error:
            raise Unreadable(str(error))

    def find_fields(self, type_name):
        try:
            gdb_type = gdb.lookup_type(type_name).strip_typedefs()
            fields = {field.name: self.field_of(field) for field in gdb_type.fields()}
        except (gdb.error, TypeError) as error:
            raise Unreadable(str(error))
        return fields, gdb_type.sizeof

    def field_of(self, field):
        field_type = field.type.strip_typedefs()
        count = 1
        if field_type.code == gdb.TYPE_CODE_ARRAY:
            count = field_type.range()[1] + 1
            field_type = field_type.target().strip_typedefs()
        kind = "u"
        if field_type.code == gdb.TYPE_CODE_FLT:
            kind = "f"
        elif field_type.code == gdb.TYPE_CODE_PTR:
            kind = "p"
        elif field_type.code == gdb.TYPE_CODE_STRUCT:
            kind = "s"
        elif field_type.code == gdb.TYPE_CODE_INT and field_type.is_signed:
            kind = "i"
        return Field(field.bitpos // 8, field_type.sizeof, count, kind, struct_name(field_type))

    @property
    def is_big_endian(self):
        return "big" in gdb.execute("show endian", to_string=True)

    def enum_names(self, type_name):
        try:
            gdb_type = gdb.lookup_type(type_name).strip_typedefs()
        except gdb.error as error:
            raise Unreadable(str(error))
        return {value: name for name, value in gdb.types.make_enum_dict(gdb_type).items()}

    def frames(self):
        try:
            frame = gdb.newest_frame()
        except gdb.error:
            return
        while frame is not None:
            yield GdbFrame(frame)
            frame = frame.older()


# ---- Stops --------------------------------------------------------------------------------------


class Stop(gdb.Breakpoint):
    """A breakpoint of this script, which prints nothing when the program reaches it."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, internal=True, **keywords)
        self.silent = True

    @property
    def reached(self):
        return self.hit_count > 0


class End(gdb.FinishBreakpoint):
    """The address that a function returns to."""

    def __init__(self, function):
        super().__init__(debugger.program.find_frame(function).frame, internal=True)
        self.silent = True
        self.reached = False  # gdb deletes it then, and its hit_count with it

    def stop(self):
        self.reached = True
        return True


class FirstEdge(gdb.Breakpoint):
    """Stops at the first edge of one node."""

    def __init__(self, address):
        super().__init__(function="edge_backward", internal=True)
        self.silent = True
        self.address = address
        self.reached = False

    def stop(self):
        frame = GdbFrame(gdb.newest_frame())
        self.reached = frame.variable("v") == self.address and frame.variable("i") == 0
        return self.reached


class PlaceRead(Stop):
    """Stops when graph_backward() reads one place in topo, which it does once for each node."""

    def __init__(self, view, place):
        address = view.topo_address + place * struct.calcsize("P")
        pointer = gdb.Value(address).cast(gdb.lookup_type("Value").pointer().pointer())
        gdb.set_convenience_variable("mg_place", pointer)
        with language("c"):
            super().__init__("*$mg_place", gdb.BP_WATCHPOINT, gdb.WP_READ)


class NodeStop(gdb.Breakpoint):
    """Stops when graph_backward() has read a node from topo: the given one, or the next one."""

    def __init__(self, address=None):
        file_name, line = line_of_node()
        super().__init__(source=file_name, line=line, internal=True)
        self.silent = True
        self.address = address
        self.reached = False

    def stop(self):
        v = GdbFrame(gdb.newest_frame()).variable("v")
        self.reached = self.address is None or v == self.address
        return self.reached


def continue_to(*stops, how="continue"):
    """Runs the program to one of the stops, and deletes all of them. Returns the one it reached.

    If the program has stopped for another reason, prints gdb's words and raises a Problem.
    """
    try:
        text = gdb.execute(how, to_string=True)
        for stop in stops:
            if stop.reached:
                return stop
    finally:
        for stop in stops:
            if stop.is_valid():
                stop.delete()
        forget()
    if debugger.connection() is None:
        raise Problem("The program has ended.")
    if is_recorded():
        end = "begins" if how == "reverse-continue" else "ends"
        raise Problem("The recording %s here, or the program has stopped for another reason." % end)
    if text.strip():
        print(text.strip())
    raise Problem("The program has stopped for another reason.")


# ---- The debugger -------------------------------------------------------------------------------


class Gdb(mg_debugger.Debugger):
    def __init__(self):
        self.program = GdbProgram()
        self.context = mg_graph.Context(self.program)
        self.user_language = "auto"

    def say(self, text):
        print(text)

    def width(self):
        return gdb.parameter("width") or 0

    def split_words(self, text):
        return gdb.string_to_argv(text)

    def evaluate(self, text):
        try:
            value = self.find_value(text)
            if value.type.strip_typedefs().code == gdb.TYPE_CODE_REF:
                value = value.referenced_value()
        except (gdb.error, RuntimeError):
            return None
        result = Expression(str(value.type))
        try:
            if struct_name(value.type) == "Value":
                result.node = struct_address(value)
            self.find_vector(value, result)
        except gdb.error:
            pass
        return result

    def find_value(self, text):
        """Evaluates in the user's language, but in C for Go's: gdb 13 aborts when an expression of Go has
        the name of a C variable. The name of a variable is looked up without a language: in some
        languages, gdb would ask which of several variables is meant."""
        if re.fullmatch(r"[A-Za-z_]\w*", text):
            try:
                return gdb.selected_frame().read_var(text)
            except ValueError:
                pass
        user_language = "c" if self.user_language == "go" else self.user_language
        with setting("multiple-symbols", "cancel"), language(user_language):
            return gdb.parse_and_eval(text)

    def find_vector(self, value, result):
        gdb_type = value.type.strip_typedefs()
        if gdb_type.code not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ARRAY):
            return
        target = gdb_type.target().strip_typedefs()
        if target.code != gdb.TYPE_CODE_PTR or struct_name(target) != "Value":
            return
        if gdb_type.code == gdb.TYPE_CODE_PTR:
            result.vector = int(value)
        elif value.address is not None:
            result.vector = int(value.address)
            result.n_items = gdb_type.range()[1] + 1

    def has_program(self):
        return gdb.current_progspace().filename is not None

    def has_symbols(self):
        try:
            gdb.lookup_type("Value").strip_typedefs().fields()
            gdb.lookup_type("Graph")
            return True
        except (gdb.error, TypeError):
            return False

    def is_optimised(self):
        symbol = gdb.lookup_global_symbol("graph_backward")
        producer = getattr(symbol.symtab, "producer", None) if symbol is not None else None
        if producer is not None and re.search(r" -O([1-9sz]|fast)?( |$)", producer):
            return True
        return symbol is not None and gdb.lookup_static_symbol("edge_backward") is None

    def connection(self):
        inferior = gdb.selected_inferior()
        if inferior.pid == 0 or not inferior.threads():
            return None
        is_core = inferior.connection is not None and inferior.connection.type == "core"
        return "core" if is_core else "process"

    def run_to_function(self, name):
        continue_to(Stop(function=name))

    def run_to_node(self, view, place):
        if is_recorded():  # the recording has what was written, but not what was read
            return continue_to(NodeStop(view.addresses[view.topo[place]]), End("graph_backward"))
        try:
            stop = PlaceRead(view, place)
            if continue_to(stop, End("graph_backward")) is not stop:
                return False
            stop = NodeStop()
        except gdb.error:
            if view.next_place - place > mg_debugger.SLOW_NODES:
                print(mg_debugger.SLOW_HINT)
            stop = NodeStop(view.addresses[view.topo[place]])
        return continue_to(stop, End("graph_backward")) is stop

    def run_to_edge(self):
        stop = Stop(function="edge_backward")
        return continue_to(stop, End("graph_backward")) is stop

    def run_to_end(self):
        continue_to(End("graph_backward"))

    def run_to_made_node(self):
        continue_to(Stop(function="make_node"))
        continue_to(End("make_node"))


debugger = Gdb()


def forget(_event=None):
    debugger.context = mg_graph.Context(debugger.program)


def forget_all(_event=None):
    """Called for another program, and when the same one is run again."""
    mg_graph.Context.last_graph = None
    mg_graph.forget_caches()
    debugger.program.forget_types()
    last_line.cache_clear()
    line_of_node.cache_clear()
    forget()


# ---- Printers -----------------------------------------------------------------------------------


class ValuePrinter:
    """A Value on one line, with the paths of its children; a pointer to one by its path and data.

    Editors get children, too, which they show when the reader opens the node; `print` shows only the
    line. gdb does not say for which of them it asks, but for `print` it begins with display_hint().
    """

    def __init__(self, value):
        self.value = value
        self.is_printed = None  # not known yet

    def display_hint(self):
        if self.is_printed is None:
            self.is_printed = True
        return None

    def to_string(self):
        self.is_printed = bool(self.is_printed)
        try:
            with plain_settings():
                return self.pointer_words() if is_pointer(self.value) else self.words()
        except (gdb.error, Unreadable, ValueError):
            return "a Value that cannot be read"

    def children(self):
        self.is_printed = bool(self.is_printed)
        if self.is_printed:
            return iter(())
        try:
            with plain_settings():
                return iter(list(self.items()))
        except (gdb.error, Unreadable, ValueError):
            return iter(())

    def items(self):
        """The children to show: (name, content)."""
        found = self.node()
        if found is None:
            return
        view, node = found
        yield "data of %s: %s" % (view.path(node.id), view.formula(node)), gdb.Value(node.data)
        yield "grad", gdb.Value(node.grad)
        for name, node_id in view.relatives(node):
            yield name, value_pointer(view.addresses[node_id])

    def node(self):
        """Returns (the graph, the Value's node in it), or None."""
        view = debugger.context.graph
        node_id = view.ids.get(struct_address(self.value)) if view is not None else None
        return (view, view.node(node_id)) if node_id is not None else None

    def words(self):
        found = self.node()
        if found is not None:
            return found[0].line(found[1])
        numbers = (self.value["op"], float(self.value["data"]), float(self.value["grad"]))
        return "%s, data %s, grad %s, in no known graph" % (
            numbers[0],
            number(numbers[1]),
            number(numbers[2]),
        )

    def pointer_words(self):
        address = int(self.value)
        if address == 0:
            return "NULL"
        found = self.node()
        if found is None:
            return "%#x (no node)" % address
        return "<%s=%s>" % (found[0].path(found[1].id), number(found[1].data))


class GraphPointerPrinter:
    """Shows a pointer to a Graph as the graph's size, as it has no name."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        with plain_settings():
            view = debugger.context.view(int(self.value))
        return "%#x (no graph)" % int(self.value) if view is None else "<%d nodes>" % view.n_nodes


class Printers(gdb.printing.PrettyPrinter):
    """Chooses the printer by type. gdb's own collection supports only structs, not pointers."""

    printers = {
        ("Value", False): ValuePrinter,
        ("Value", True): ValuePrinter,
        ("Graph", True): GraphPointerPrinter,
    }

    def __init__(self):
        names = [name + (" *" if is_pointer else "") for name, is_pointer in self.printers]
        super().__init__("microgpt", [gdb.printing.SubPrettyPrinter(name) for name in names])

    def __call__(self, value):
        kind = (struct_name(value.type), is_pointer(value))
        if kind not in self.printers:
            return None
        is_enabled = self.subprinters[list(self.printers).index(kind)].enabled
        return self.printers[kind](value) if is_enabled else None


class NodeFunction(gdb.Function):
    """$node("PATH"): the Value * of that path, for use in expressions.

    print *$node("pos2.loss")
    break edge_backward if v == $node("pos2.loss")"""

    def __init__(self):
        super().__init__("node")

    def invoke(self, path):
        if path.type.strip_typedefs().code != gdb.TYPE_CODE_ARRAY:
            raise gdb.GdbError('$node takes a path in quotes, as $node("pos2.loss").')
        try:
            with plain_settings():
                node = mg_debugger.find_node(debugger, path.string())
                return value_pointer(debugger.context.graph.addresses[node.id])
        except Problem as problem:
            raise gdb.GdbError(str(problem))


# ---- Commands -----------------------------------------------------------------------------------


class MgCommand(gdb.Command):
    """Look at the graph of Values: the nodes, and where their gradients come from.

In the commands, V is a C expression of type Value or Value * (v,
v->children[0], gpt->loss) or the path of a node (loss, pos2.loss,
layer0.attn_wq[3,7]). If it can be both, it is the expression. In expressions
of gdb's own commands, $node("PATH") is the Value * of a path."""

    def __init__(self):
        super().__init__("mg", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)


class Subcommand(gdb.Command):
    """A Command as a command of gdb."""

    def __init__(self, command):
        self.__doc__ = command.__doc__
        self.command = command(debugger)
        super().__init__("mg " + command.name, gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        debugger.user_language = gdb.parameter("language")
        try:
            with plain_settings():
                mg_debugger.run_command(self.command, argument)
        except Problem as problem:
            raise gdb.GdbError(fold(str(problem), debugger.width()))
        except gdb.error as error:
            text = "The graph cannot be read here: %s." % str(error).rstrip(".")
            raise gdb.GdbError(fold(text, debugger.width()))

    def complete(self, text, word):
        if not self.command.takes_node or not text:
            return gdb.COMPLETE_NONE
        start = text.split(" ")[-1]
        try:
            with plain_settings():
                paths = mg_debugger.complete_path(need_graph(debugger), start)
        except (Problem, Unreadable, ValueError, gdb.error):
            return gdb.COMPLETE_NONE
        before = len(start) - len(word or "")
        return [path[before:] for path in paths] or gdb.COMPLETE_EXPRESSION


class Watch(gdb.Breakpoint):
    """Stops when edge_backward() has added something to one node's gradient.

    A hardware watchpoint on the gradient or, if none is left, a breakpoint with a condition. Both
    stop where plain gdb would: at the end of edge_backward(), after the addition.
    """

    all = []
    n_made = 0
    max_hardware = 3  # most processors have four, and mg step needs one

    def __init__(self, path):
        self.path = path
        self.is_met = False
        self.address = 0
        Watch.n_made += 1
        self.variable = "mg_watched_%d" % Watch.n_made
        self.is_hardware = sum(watch.is_hardware for watch in Watch.all) < Watch.max_hardware
        self.find()
        if self.is_hardware:
            self.is_hardware = self.init_hardware()
        if not self.is_hardware:
            file_name, line = last_line("edge_backward")
            super().__init__(source=file_name, line=line)
        self.silent = True
        Watch.all.append(self)

    def init_hardware(self):
        gdb.set_convenience_variable(self.variable, value_pointer(self.address))
        try:
            with language("c"):
                super().__init__("$%s->grad" % self.variable, gdb.BP_WATCHPOINT, gdb.WP_ACCESS)
        except gdb.error:
            return False
        return True

    def find(self):
        """Finds the node of the path in the current graph. Sets the address 0, at which there is no
        gradient, if there is no such node."""
        view = mg_graph.Context(debugger.program).graph
        node_id = view.names.ids.get(self.path) if view is not None else None
        self.address = view.addresses[node_id] if node_id is not None else 0

    def aim(self):
        """Watches the node that now has the path."""
        before = self.address
        self.find()
        if self.address == before or not self.enabled or not self.is_hardware:
            return
        gdb.set_convenience_variable(self.variable, value_pointer(self.address))
        with plain_settings():
            self.enabled = False
            self.enabled = True  # so that gdb evaluates the expression again

    def stop(self):
        """A watchpoint stops many times: whenever the gradient is read or written."""
        frame = GdbFrame(gdb.newest_frame())
        if frame.name != "edge_backward" or not frame.is_at_end():
            return False
        child = frame.frame.read_var("v")["children"][frame.variable("i")]
        self.is_met = int(child) == self.address
        return self.is_met

    @staticmethod
    def on_stop(_event):
        for watch in Watch.all:
            if watch.is_met:
                watch.is_met = False
                with plain_settings():
                    text = watch_words(need_graph(debugger), watch.path)
                for line in text.splitlines():
                    print(fold(line, debugger.width()))

    @staticmethod
    def on_delete(breakpoint):
        for watch in [watch for watch in Watch.all if watch is breakpoint]:
            Watch.all.remove(watch)


class WatchAim(gdb.Breakpoint):
    """Updates the addresses of the watches at the beginning of each backward."""

    made = None

    def __init__(self):
        super().__init__(function="graph_backward", internal=True)
        self.silent = True

    def stop(self):
        with plain_settings():
            for watch in Watch.all:
                watch.aim()
        return False


class WatchCommand(Command):
    """Stop at each contribution to one gradient.
Usage: mg watch V

Sets a breakpoint: `continue` runs to the next contribution and shows it. In
the next training step, the breakpoint is for the node with the same path.
`delete` deletes it."""

    name = "watch"

    def run(self, argument):
        prepare_to_run(debugger, "mg watch")
        path = self.view.path(self.find_node(argument).id)
        if WatchAim.made is None:
            WatchAim.made = WatchAim()
        # With gdb.execute(), so that gdb does not print it with an address.
        gdb.execute("python import mg_gdb; mg_gdb.Watch(%r)" % path, to_string=True)
        watch = Watch.all[-1]
        self.say("breakpoint %d: watching %s.grad" % (watch.number, path))
        if not watch.is_hardware:
            self.say(mg_debugger.SLOW_HINT)


class CheckCommand(Command):
    """Compare a gradient with a measurement.
Usage: mg check V

Lets the program compute the loss twice, with the parameter V a little larger
and a little smaller (trainer_loss_at, on a copy of the model). The difference
of the losses divided by the difference of the parameter should be V.grad."""

    name = "check"
    delta = 1e-5

    def run(self, argument):
        mg_debugger.need_live_process(debugger, "mg check")
        node = self.find_node(argument)
        view = self.view
        path = view.path(node.id)
        self.need_parameter(view, node, path)
        edges = view.edges_into(node.id)
        if view.backward_state() == "none":
            raise Problem("Backward has not begun: %s has no gradient to check." % path)
        if view.n_added(node, edges) < len(edges):
            raise Problem(
                "%s.grad is not complete: run `mg step --until %s` first."
                % (path, path)
            )
        plus = self.loss_at(node.id, self.delta)
        minus = self.loss_at(node.id, -self.delta)
        slope = (plus - minus) / (2 * self.delta)
        self.say_table(
            [
                ("loss with %s + %g" % (path, self.delta), "%.12f" % plus),
                ("loss with %s - %g" % (path, self.delta), "%.12f" % minus),
                ("their difference / %g" % (2 * self.delta), "%.5g" % slope),
                (path + ".grad", "%.5g" % node.grad),
            ]
        )
        if abs(slope - node.grad) <= 1e-8 + 1e-5 * abs(node.grad):
            self.say("They agree.")
        else:
            self.say("They differ: perhaps the input of a relu is close to 0.")

    def need_parameter(self, view, node, path):
        if self.context.trainer is None or self.context.n_params == 0:
            raise Problem(
                "mg check needs a model in training, and no variable on the stack is a Trainer."
            )
        if node.id >= self.context.n_params:
            raise Problem(
                "%s is not a parameter: only parameters can be changed." % path
            )
        model = debugger.program.get("Trainer", self.context.trainer, "model")
        address = debugger.program.get("Model", model, "data")
        data = debugger.program.read(address, 8 * self.context.n_params)
        leaves = b"".join(bits(record[DATA]) for record in view.records[: self.context.n_params])
        if data != leaves:
            raise Problem(
                "The parameters have changed since this graph was made: check before Adam's update."
            )

    def loss_at(self, param_id, delta):
        """Calls a function of the program, with the user's breakpoints disabled."""
        enabled = [b for b in gdb.breakpoints() if b.enabled]
        unwind = gdb.parameter("unwindonsignal")
        trainer = gdb.Value(self.context.trainer).cast(gdb.lookup_type("Trainer").pointer())
        function = gdb.lookup_global_symbol("trainer_loss_at").value()
        try:
            for breakpoint in enabled:
                breakpoint.enabled = False
            gdb.execute("set unwindonsignal on")
            loss = float(function(trainer, gdb.Value(param_id), gdb.Value(delta)))
        except gdb.error as error:
            raise Problem("The program cannot compute the loss here: %s" % error)
        finally:
            for breakpoint in enabled:
                breakpoint.enabled = True
            gdb.execute("set unwindonsignal %s" % ("on" if unwind else "off"))
        return loss


def is_recorded():
    return "No record" not in gdb.execute("info record", to_string=True)


class BackCommand(RunningCommand):
    """Go one step back in time, to the node before this one.
Usage: mg back

Needs a recording: type `record` when backward begins, then `mg step` as often
as you like. gdb can record some thousand nodes, not a whole model, and not
every instruction of new processors; it says so when it meets one."""

    name = "back"
    takes_node = False

    def run(self, argument):
        prepare_to_run(debugger, "mg back")
        if not is_recorded():
            raise Problem(
                "Nothing is recorded. Let backward begin, for example with `break graph_backward` "
                "and `continue`, and type `record`; `mg back` then takes back an `mg step`."
            )
        view = self.view
        here = view.current_edge
        is_inside = here is not None and (here.index > 0 or here.is_done)
        first = view.next_place + (0 if is_inside else 1)
        for place in range(first, view.n_topo):
            node_id = view.topo[place]
            if view.node(node_id).children:
                continue_to(FirstEdge(view.addresses[node_id]), how="reverse-continue")
                self.say_next()
                return
        raise Problem("This is the first node of backward.")


# ---- Loading ------------------------------------------------------------------------------------

SKIPPED = (  # one for each line of `info skip`, which has place for 41 characters in 80 columns
    "make_node|arena_.*",
    "graph_(init|free|name|name_matrix)",
    "graph_(new_nodes?|enter|leave)",
    "graph_(reserve_topo|n_nodes)",
    "pow|exp|log|memcpy|memset",
    "malloc|calloc|realloc|free",
    "_.*",  # internal functions of the C library, if its symbols are installed
)


def skip_functions():
    """Makes `step` skip memory, names and the C library; `info skip` lists these functions."""
    for pattern in SKIPPED:
        gdb.execute("skip -rfunction ^(%s)$" % pattern, to_string=True)


@functools.lru_cache(maxsize=None)
def load():
    """Runs once, even if the script is loaded several times."""
    skip_functions()
    gdb.execute("set environment TERM dumb")  # no progress line in the middle of gdb's output
    gdb.printing.register_pretty_printer(None, Printers(), replace=True)
    MgCommand()
    for command in (*READING_COMMANDS, *RUNNING_COMMANDS, WatchCommand, CheckCommand, BackCommand):
        Subcommand(command)
    NodeFunction()
    gdb.events.cont.connect(forget)
    gdb.events.memory_changed.connect(forget)
    gdb.events.inferior_call.connect(forget)
    gdb.events.stop.connect(forget)
    gdb.events.stop.connect(Watch.on_stop)
    gdb.events.breakpoint_deleted.connect(Watch.on_delete)
    gdb.events.exited.connect(forget_all)
    gdb.events.new_objfile.connect(forget_all)
