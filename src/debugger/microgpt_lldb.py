"""Backpropagation, seen from lldb: summaries and children of Values, and the command mg.

Load it with `command script import src/debugger/microgpt_lldb.py`; `help mg` lists its commands,
and docs/gdb-tour.md is a tour of them. It needs lldb 14 or newer.

The files mg_*.py read the graph and write the answers, as in gdb. The program's memory is read,
never written.
"""

import contextlib
import os
import re
import shlex
import struct
import sys

import lldb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mg_debugger  # noqa: E402, in this file's folder
import mg_graph  # noqa: E402
from mg_answers import READING_COMMANDS  # noqa: E402
from mg_debugger import Command, Expression, fold, prepare_to_run  # noqa: E402
from mg_graph import Field, Problem, Unreadable, number  # noqa: E402
from mg_steps import RUNNING_COMMANDS, watch_words  # noqa: E402

sys.path.pop(0)

SIGNED = (
    lldb.eBasicTypeChar,
    lldb.eBasicTypeSignedChar,
    lldb.eBasicTypeShort,
    lldb.eBasicTypeInt,
    lldb.eBasicTypeLong,
    lldb.eBasicTypeLongLong,
)


# ---- The program in lldb ------------------------------------------------------------------------


def the_target():
    return lldb.debugger.GetSelectedTarget()


def the_process():
    return the_target().GetProcess()


def the_thread():
    return the_process().GetSelectedThread()


def struct_name(sb_type):
    """The struct that a type is, or points to: `Value` for const Value *. Otherwise None."""
    sb_type = sb_type.GetCanonicalType()
    if sb_type.IsPointerType():
        sb_type = sb_type.GetPointeeType().GetCanonicalType()
    is_struct = sb_type.GetTypeClass() == lldb.eTypeClassStruct
    return sb_type.GetUnqualifiedType().GetName() if is_struct else None


def struct_address(value):
    """The address of the struct that an SBValue is, or points to; None if it is not in memory."""
    value = value.GetNonSyntheticValue()
    if value.GetType().GetCanonicalType().IsPointerType():
        return value.GetValueAsUnsigned()
    address = value.GetLoadAddress()
    return None if address == lldb.LLDB_INVALID_ADDRESS else address


class LldbFrame(mg_graph.Frame):
    def __init__(self, frame):
        self.frame = frame
        self.name = frame.GetFunctionName()

    @property
    def file_name(self):
        return self.frame.GetLineEntry().GetFileSpec().GetFilename() or "no source"

    def variable(self, name):
        value = self.frame.FindVariable(name).GetNonSyntheticValue()
        if not value.IsValid() or value.GetError().Fail():
            return None
        if value.GetType().GetCanonicalType().GetBasicType() in SIGNED:
            return value.GetValueAsSigned()
        return value.GetValueAsUnsigned()

    def structs(self):
        for value in self.frame.GetVariables(True, True, False, True):
            name = struct_name(value.GetType())
            address = struct_address(value) if name is not None else None
            if address is not None:
                yield name, address

    def is_at_start(self):
        start = self.frame.GetFunction().GetStartAddress().GetLineEntry()
        return self.frame.GetLineEntry().GetLine() == start.GetLine()

    def is_at_end(self):
        return self.frame.GetLineEntry().GetLine() == last_line(self.frame.GetFunction())


def last_line(function):
    end = the_target().ResolveFileAddress(function.GetEndAddress().GetFileAddress() - 1)
    return end.GetLineEntry().GetLine()


class LldbProgram(mg_graph.Program):
    def read_piece(self, address, size):
        error = lldb.SBError()
        memory = the_process().ReadMemory(address, size, error)
        if error.Fail() or memory is None or len(memory) != size:
            raise Unreadable("cannot access memory at address %#x" % address)
        return memory

    def find_type(self, type_name):
        for sb_type in the_target().FindTypes(type_name):
            sb_type = sb_type.GetCanonicalType()
            is_enum = sb_type.GetTypeClass() == lldb.eTypeClassEnumeration
            if is_enum or sb_type.GetNumberOfFields() > 0:
                return sb_type
        raise Unreadable("no type %s" % type_name)

    def find_fields(self, type_name):
        sb_type = self.find_type(type_name)
        members = [sb_type.GetFieldAtIndex(i) for i in range(sb_type.GetNumberOfFields())]
        fields = {member.GetName(): self.field_of(member) for member in members}
        return fields, sb_type.GetByteSize()

    def field_of(self, member):
        sb_type = member.GetType().GetCanonicalType()
        count = 1
        if sb_type.IsArrayType():
            item_type = sb_type.GetArrayElementType().GetCanonicalType()
            count = sb_type.GetByteSize() // item_type.GetByteSize()
            sb_type = item_type
        kind = "u"
        if sb_type.IsPointerType():
            kind = "p"
        elif sb_type.GetTypeClass() == lldb.eTypeClassStruct:
            kind = "s"
        elif sb_type.GetBasicType() in (lldb.eBasicTypeDouble, lldb.eBasicTypeFloat):
            kind = "f"
        elif sb_type.GetBasicType() in SIGNED:
            kind = "i"
        size = sb_type.GetByteSize()
        return Field(member.GetOffsetInBytes(), size, count, kind, struct_name(sb_type))

    @property
    def is_big_endian(self):
        return the_target().GetByteOrder() == lldb.eByteOrderBig

    def enum_names(self, type_name):
        members = self.find_type(type_name).GetEnumMembers()
        members = [members.GetTypeEnumMemberAtIndex(i) for i in range(members.GetSize())]
        return {member.GetValueAsUnsigned(): member.GetName() for member in members}

    def frames(self):
        thread = the_thread()
        for index in range(thread.GetNumFrames() if thread.IsValid() else 0):
            frame = LldbFrame(thread.GetFrameAtIndex(index))
            yield frame
            if frame.name == "main":  # its callers are in the C library
                return


def end_of_function(name):
    """The address at which the last line of a function begins."""
    function = find_function(name)
    line = last_line(function)
    address = function.GetStartAddress()
    while address.GetLineEntry().GetLine() != line:
        address.OffsetAddress(1)
    return address.GetLoadAddress(the_target())


def find_function(name):
    """An SBFunction, or None."""
    for context in the_target().FindFunctions(name, lldb.eFunctionNameTypeFull):
        if context.GetFunction().IsValid():
            return context.GetFunction()
    return None


def line_of_node():
    """(file, line) of the statement of graph_backward() that follows the assignment of v."""
    function = find_function("graph_backward")
    block = find_block(function.GetBlock(), "v")
    address = block.GetRangeStartAddress(0)
    entry = address.GetLineEntry()
    while address.GetLineEntry().GetLine() <= entry.GetLine():
        address.OffsetAddress(1)
    return entry.GetFileSpec(), address.GetLineEntry().GetLine()


def find_block(block, name):
    """The block, or the nested block, that has the variable."""
    while block.IsValid():
        variables = block.GetVariables(the_target(), False, True, False)
        if any(value.GetName() == name for value in variables):
            return block
        inner = find_block(block.GetFirstChild(), name)
        if inner is not None:
            return inner
        block = block.GetSibling()
    return None


# ---- Stops --------------------------------------------------------------------------------------


NEAR_NODES = 100  # so far, a breakpoint with a condition is as quick as a watchpoint


def stop_at_function(name):
    return the_target().BreakpointCreateByName(name)


def stop_at_end(function):
    """The address that the function returns to."""
    index = [frame.name for frame in debugger.program.frames()].index(function)
    return the_target().BreakpointCreateByAddress(the_thread().GetFrameAtIndex(index + 1).GetPC())


def is_reached(stop):
    thread = the_thread()
    kind = lldb.eStopReasonBreakpoint
    if isinstance(stop, lldb.SBWatchpoint):
        kind = lldb.eStopReasonWatchpoint
    if thread.GetStopReason() != kind:
        return False
    step = 2 if kind == lldb.eStopReasonBreakpoint else 1  # of a breakpoint: its id and location
    ids = range(0, thread.GetStopReasonDataCount(), step)
    return any(thread.GetStopReasonDataAtIndex(index) == stop.GetID() for index in ids)


@contextlib.contextmanager
def quiet(is_wanted):
    """lldb reports each watchpoint that is reached, with a number that is an address here."""
    if not is_wanted:
        yield
        return
    output = lldb.debugger.GetOutputFileHandle()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        lldb.debugger.SetOutputFileHandle(nowhere, False)
        try:
            yield
        finally:
            lldb.debugger.SetOutputFileHandle(output, False)


def continue_to(*stops):
    """Runs the program to one of the stops, and deletes all of them. Returns the one it reached."""
    was_async = lldb.debugger.GetAsync()
    lldb.debugger.SetAsync(False)
    try:
        with quiet(any(isinstance(stop, lldb.SBWatchpoint) for stop in stops)):
            error = the_process().Continue()
        if error.Fail():
            raise Problem("The program cannot run: %s." % error.GetCString())
        found = next((stop for stop in stops if is_reached(stop)), None)
    finally:
        lldb.debugger.SetAsync(was_async)
        for stop in stops:
            if isinstance(stop, lldb.SBWatchpoint):
                the_target().DeleteWatchpoint(stop.GetID())
            else:
                the_target().BreakpointDelete(stop.GetID())
        debugger.forget()
    if found is not None:
        return found
    if debugger.connection() is None:
        raise Problem("The program has ended.")
    raise Problem("The program has stopped for another reason.")


# ---- The debugger -------------------------------------------------------------------------------


class Lldb(mg_debugger.Debugger):
    def __init__(self):
        self.program = LldbProgram()
        self.lines = []
        self.stop_id = None
        self.executable = None
        self.forget()

    def forget(self):
        self.context = mg_graph.Context(self.program)

    def look(self):
        """Discards what the program may have changed since the last command."""
        executable = str(the_target().GetExecutable())
        stop_id = (the_process().GetProcessID(), the_process().GetStopID(True))
        if executable != self.executable or stop_id[0] != (self.stop_id or stop_id)[0]:
            mg_graph.Context.last_graph = None
            mg_graph.forget_caches()
            self.program.forget_types()
            WatchCommand.absent = []
        if (executable, stop_id) != (self.executable, self.stop_id):
            self.forget()
        self.executable, self.stop_id = executable, stop_id

    def say(self, text):
        self.lines.append(text)

    def width(self):
        return lldb.debugger.GetTerminalWidth()

    def split_words(self, text):
        return shlex.split(text)

    def evaluate(self, text):
        frame = the_thread().GetSelectedFrame()
        value = frame.GetValueForVariablePath(text, lldb.eNoDynamicValues)
        if not value.IsValid() or value.GetError().Fail():
            options = lldb.SBExpressionOptions()
            options.SetSuppressPersistentResult(True)
            value = frame.EvaluateExpression(text, options)
        if not value.IsValid() or value.GetError().Fail():
            return None
        value = value.GetNonSyntheticValue()
        sb_type = value.GetType()
        result = Expression(sb_type.GetName())
        if struct_name(sb_type) == "Value":
            result.node = struct_address(value)
        self.find_vector(value, sb_type.GetCanonicalType(), result)
        return result

    def find_vector(self, value, sb_type, result):
        is_array = sb_type.IsArrayType()
        item = sb_type.GetArrayElementType() if is_array else sb_type.GetPointeeType()
        item = item.GetCanonicalType()
        if not item.IsPointerType() or struct_name(item) != "Value":
            return
        if is_array:
            result.vector = value.GetLoadAddress()
            result.n_items = sb_type.GetByteSize() // item.GetByteSize()
        else:
            result.vector = value.GetValueAsUnsigned()

    def has_program(self):
        return the_target().IsValid() and the_target().GetExecutable().IsValid()

    def has_symbols(self):
        try:
            self.program.find_type("Value")
            self.program.find_type("Graph")
            return True
        except Unreadable:
            return False

    def is_optimised(self):
        function = find_function("graph_backward")
        if function is None:
            return False
        return function.GetIsOptimized() or find_function("edge_backward") is None

    def connection(self):
        process = the_process()
        if not process.IsValid() or process.GetState() != lldb.eStateStopped:
            return None
        return "core" if "core" in (process.GetPluginName() or "") else "process"

    def run_to_function(self, name):
        continue_to(stop_at_function(name))

    def run_to_node(self, view, place):
        if view.next_place - place > NEAR_NODES:
            error = lldb.SBError()
            size = struct.calcsize("P")
            address = view.topo_address + place * size
            stop = the_target().WatchAddress(address, size, True, False, error)
            if error.Success() and continue_to(stop, stop_at_end("graph_backward")) is not stop:
                return False
            if error.Fail() and view.next_place - place > mg_debugger.SLOW_NODES:
                self.say(mg_debugger.SLOW_HINT)
        file, line = line_of_node()
        stop = the_target().BreakpointCreateByLocation(file, line)
        stop.SetCondition("n_left == %d" % (place + 1))
        return continue_to(stop, stop_at_end("graph_backward")) is stop

    def run_to_edge(self):
        stop = stop_at_function("edge_backward")
        return continue_to(stop, stop_at_end("graph_backward")) is stop

    def run_to_end(self):
        continue_to(stop_at_end("graph_backward"))

    def run_to_made_node(self):
        continue_to(stop_at_function("make_node"))
        continue_to(stop_at_end("make_node"))


debugger = Lldb()


# ---- Summaries and children ---------------------------------------------------------------------


def find_shown(value):
    """(the graph, the node) of an SBValue that is a Value or points to one, or None."""
    debugger.look()
    view = debugger.context.graph
    node_id = view.ids.get(struct_address(value)) if view is not None else None
    return (view, view.node(node_id)) if node_id is not None else None


def value_summary(value, _internal_dict):
    """A Value on one line, with the paths of its children; a pointer to one by its path."""
    try:
        found = find_shown(value)
        if struct_name(value.GetType()) is None:  # a pointer to pointers
            return ""
        if value.GetType().GetCanonicalType().IsPointerType():
            address = struct_address(value)
            if address == 0:
                return "NULL"
            if found is None:
                return "%#x (no node)" % address
            return "<%s=%s>" % (found[0].path(found[1].id), number(found[1].data))
        if found is not None:
            return found[0].line(found[1])
        address = struct_address(value)
        numbers = (debugger.program.get("Value", address, name) for name in ("data", "grad"))
        numbers = tuple(map(number, numbers))
        return "data %s, grad %s, in no known graph" % numbers
    except (Unreadable, ValueError):
        return "a Value that cannot be read"


def graph_summary(value, _internal_dict):
    """Shows a Graph as its size, as it has no name."""
    debugger.look()
    view = debugger.context.view(struct_address(value))
    return "<%d nodes>" % view.n_nodes if view is not None else "no graph"


class ValueChildren:
    """The children in an editor: data, grad, children and parents with their local gradients."""

    def __init__(self, value, _internal_dict):
        self.value = value
        self.items = []

    def update(self):
        try:
            self.items = self.find_items()
        except (Unreadable, ValueError):
            self.items = []
        return False

    def find_items(self):
        found = find_shown(self.value)
        if found is None:
            return []
        view, node = found
        items = [("data", "double", node.data), ("grad", "double", node.grad)]
        for name, node_id in view.relatives(node):
            items.append((name, "node", view.addresses[node_id]))
        return items

    def has_children(self):
        return True

    def num_children(self):
        return len(self.items)

    def get_child_index(self, name):
        names = [item[0] for item in self.items]
        return names.index(name) if name in names else -1

    def get_child_at_index(self, index):
        if not 0 <= index < len(self.items):
            return None
        name, kind, content = self.items[index]
        target = self.value.GetTarget()
        order, size = target.GetByteOrder(), target.GetAddressByteSize()
        if kind == "double":
            data = lldb.SBData.CreateDataFromDoubleArray(order, size, [content])
            sb_type = target.GetBasicType(lldb.eBasicTypeDouble)
        else:
            data = lldb.SBData.CreateDataFromUInt64Array(order, size, [content])
            sb_type = debugger.program.find_type("Value").GetPointerType()
        return self.value.CreateValueFromData(name, data, sb_type)


# ---- Commands -----------------------------------------------------------------------------------


class WatchCommand(Command):
    """Stop at each contribution to one gradient.
Usage: mg watch V

Sets a watchpoint: `continue` runs to the next contribution and shows it. In
each training step, another watchpoint is set for the node with this path.
`watchpoint delete` deletes it."""

    name = "watch"
    watched = {}  # paths by the watchpoint's id
    absent = []  # the paths of no node of this training step

    def run(self, argument):
        prepare_to_run(debugger, "mg watch")
        node = self.find_node(argument)
        path = self.view.path(node.id)
        watch_id = watch_gradient(self.view, path)
        if watch_id is None:
            raise Problem("No hardware watchpoint is left: `watchpoint delete` frees one.")
        stop_at_each_backward()
        self.say("watchpoint %d: watching %s.grad" % (watch_id, path))


def watch_gradient(view, path):
    """Sets a watchpoint. Returns its id, or None if the processor has no more of them."""
    node_address = view.addresses[view.names.ids[path]]
    address = node_address + debugger.program.field("Value", "grad")[0]
    error = lldb.SBError()
    double = the_target().GetBasicType(lldb.eBasicTypeDouble)
    place = lldb.SBAddress(address, the_target())
    grad = the_target().CreateValueFromAddress("grad", place, double)
    watchpoint = grad.Watch(True, True, True, error)
    if error.Fail():
        return None
    # The gradient is read, and then written: after that the program is at the function's end.
    watchpoint.SetCondition("$pc == %#x" % end_of_function("edge_backward"))
    WatchCommand.watched[watchpoint.GetID()] = path
    lldb.debugger.HandleCommand(
        "watchpoint command add -F microgpt_lldb.on_watch %d" % watchpoint.GetID()
    )
    return watchpoint.GetID()


def on_watch(_frame, watchpoint, _internal_dict):
    """Prints what was added, if the watchpoint's condition is true."""
    debugger.look()
    debugger.forget()
    view = debugger.context.graph
    path = WatchCommand.watched.get(watchpoint.GetID())
    if view is not None and view.current_edge is not None:
        for line in watch_words(view, path).splitlines():
            print(fold(line, debugger.width()))
        sys.stdout.flush()


def stop_at_each_backward():
    """Lets lldb call on_backward(). The breakpoint is not listed, and `breakpoint delete` keeps it."""
    name = lldb.SBBreakpointName(the_target(), "mg_watch")
    name.SetAllowList(False)
    name.SetAllowDelete(False)
    made = lldb.SBBreakpointList(the_target())
    the_target().FindBreakpointsByName("mg_watch", made)
    if made.GetSize() == 0:
        stop = stop_at_function("graph_backward")
        stop.AddName("mg_watch")
        stop.SetScriptCallbackFunction("microgpt_lldb.on_backward")


def on_backward(_frame, _location, _internal_dict):
    """Sets the watchpoints again: in each training step, other nodes have their paths."""
    debugger.look()
    debugger.forget()
    view = debugger.context.graph
    target = the_target()
    ids = [target.GetWatchpointAtIndex(i).GetID() for i in range(target.GetNumWatchpoints())]
    ids = [watch_id for watch_id in ids if watch_id in WatchCommand.watched]
    paths = WatchCommand.absent + [WatchCommand.watched[watch_id] for watch_id in ids]
    for watch_id in ids:
        target.DeleteWatchpoint(watch_id)
    WatchCommand.absent = [path for path in paths if path not in view.names.ids]
    for path in paths:
        if path in view.names.ids:
            watch_gradient(view, path)
    return False


class ShortCommand(Command):
    """Run a command of lldb, and show its answer without addresses and folders.
Usage: mg short COMMAND

Long lines are folded: `mg short breakpoint set --name value_mul`."""

    name = "short"

    def run(self, argument):
        if argument == "":  # lldb would repeat the command before, which is this one
            raise Problem("mg short needs a command of lldb.")
        result = lldb.SBCommandReturnObject()
        lldb.debugger.GetCommandInterpreter().HandleCommand(argument, result)
        output = re.sub(r",? addr(ess)? = 0x[0-9a-f]+", "", result.GetOutput() or "")
        for line in re.sub(r"'/[^']*/", "'", output).splitlines():
            self.say(line)
        if not result.Succeeded():
            raise Problem(result.GetError().strip().replace("error: ", "", 1))


COMMANDS = (*READING_COMMANDS, *RUNNING_COMMANDS, WatchCommand, ShortCommand)

HELP = """\
Look at the graph of Values: the nodes, and where their gradients come from.

In the commands, V is a C expression of type Value or Value * (v,
v->children[0], gpt->loss) or the path of a node (loss, pos2.loss,
layer0.attn_wq[3,7]). If it can be both, it is the expression.

"""


class Mg:
    """A Command as a command of lldb."""

    def __init__(self, _debugger, _internal_dict):
        self.commands = {command.name: command(debugger) for command in COMMANDS}

    def __call__(self, _debugger, argument, _execution_context, result):
        name, _, rest = argument.strip().partition(" ")
        debugger.lines = []
        debugger.look()
        try:
            if name not in self.commands:
                raise Problem("The mg commands are %s." % ", ".join(sorted(self.commands)))
            mg_debugger.run_command(self.commands[name], rest)
        except Problem as problem:
            # lldb writes `error: ` in front.
            result.SetError(fold(str(problem), debugger.width() - len("error: ")))
        for line in debugger.lines:
            result.AppendMessage(line)

    def get_short_help(self):
        return HELP.splitlines()[0]

    def get_long_help(self):
        return HELP + "\n\n".join("mg %s\n%s" % (c.name, c.__doc__) for c in COMMANDS)


# `step` skips memory, names and the C library.
STEP_AVOID = (
    "^(std::.*|_.*|make_node|arena_.*|pow|exp|log|malloc|calloc|realloc|free|memcpy|memset|"
    "graph_(init|free|new_nodes?|name|name_matrix|enter|leave|reserve_topo|n_nodes))$"
)


def __lldb_init_module(lldb_debugger, _internal_dict):
    for line in (
        "command script add -c microgpt_lldb.Mg mg",
        "type summary add -w microgpt -F microgpt_lldb.value_summary Value",
        "type summary add -w microgpt -F microgpt_lldb.graph_summary Graph",
        "type synthetic add -w microgpt -l microgpt_lldb.ValueChildren Value",
        "type category enable microgpt",
        "settings append target.env-vars TERM=dumb",  # no progress line amid lldb's output
        "settings set target.process.thread.step-avoid-regexp %s" % STEP_AVOID,
    ):
        lldb_debugger.HandleCommand(line)
