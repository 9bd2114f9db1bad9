"""Backpropagation, seen from gdb: pretty-printers for Values, and the command mg.

Load it with `gdb -x src/debugger/microgpt-gdb.py build/microgpt`; `help mg` says what there is, and
docs/gdb-tour.md is the lesson. Needs gdb 12 or newer, built with Python.

The program is only looked at: its memory is read, never written. Just `mg check` makes it compute
something, on a copy of the model.

From top to bottom: reading memory, the graph (nodes, names, order, parents), finding the graph,
printers, what V means, the commands that read, the commands that run the program.
"""

import bisect
import functools
import re
import struct

import gdb
import gdb.printing
import gdb.types

NO_SCOPE = 0xFFFFFFFF  # as in value.h
MAX_DEPTH = 8  # as in node_path.c
MAX_PATH = 159  # NODE_PATH_BYTES without the end

BUILD_HINT = "build it with `meson setup build && meson compile -C build`, a debug build"


def number(x, exact=False):
    """A double for people, or to the bit as `microgpt nodes` writes it."""
    return x.hex() if exact else "%.6g" % x


def bits(x):
    """Tells 0.0 from -0.0, and nan from nothing."""
    return struct.pack("<d", x)


def plural(n, thing):
    return "%d %s%s" % (n, thing, "" if n == 1 else "s")


# ---- Reading the program's memory ---------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def struct_reader(type_name, *fields):
    """A struct.Struct for some fields of a C type, which gdb knows the places of."""
    by_name = {f.name: f for f in gdb.lookup_type(type_name).strip_typedefs().fields()}
    big_endian = "big" in gdb.execute("show endian", to_string=True)
    code = ">" if big_endian else "<"
    place = 0
    for name in fields:
        field = by_name[name]
        offset = field.bitpos // 8
        field_type = field.type.strip_typedefs()
        count = 1
        if field_type.code == gdb.TYPE_CODE_ARRAY:
            count = field_type.range()[1] + 1
            field_type = field_type.target().strip_typedefs()
        is_float = field_type.code == gdb.TYPE_CODE_FLT
        signed = field_type.code == gdb.TYPE_CODE_INT and not str(field_type).startswith("unsigned")
        letter = "d" if is_float else "bhiq"[field_type.sizeof.bit_length() - 1]
        letter = letter if is_float or signed else letter.upper()
        code += "%dx%d%s" % (offset - place, count, letter)
        place = offset + count * field_type.sizeof
    return struct.Struct(code + "%dx" % (gdb.lookup_type(type_name).sizeof - place))


def read_memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size)) if size > 0 else b""


def struct_name(gdb_type):
    """The struct that a type is, or points to: `Value` for const Value *. Otherwise None."""
    gdb_type = gdb_type.strip_typedefs()
    if gdb_type.code == gdb.TYPE_CODE_PTR:
        gdb_type = gdb_type.target().strip_typedefs()
    return gdb_type.unqualified().name if gdb_type.code == gdb.TYPE_CODE_STRUCT else None


def struct_address(value):
    """Where the struct is that a gdb.Value is, or points to."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        return int(value)
    if value.address is None:
        raise gdb.GdbError("This Value is in no memory: give a pointer to it.")
    return int(value.address)


def struct_at(type_name, address):
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer()).dereference()


# ---- The graph ----------------------------------------------------------------------------------


class Node:
    """One Value, as it was when the program stopped."""

    def __init__(self, node_id, record, ids):
        data, grad, child0, child1, local0, local1, op, n_children, _ = record
        self.id = node_id
        self.data = data
        self.grad = grad
        # A node that is just being made may hold anything: its children must come before it.
        children = (child0, child1)[:n_children] if n_children <= 2 else ()
        children = tuple(ids.get(child, node_id) for child in children)
        self.children = children if all(child < node_id for child in children) else ()
        self.local_grads = (local0, local1)[: len(self.children)]
        self.op = op


# Where these stand in a record, which is a Value as struct_reader() unpacks it.
RECORD = ("data", "grad", "children", "local_grads", "op", "n_children", "visited")
DATA = 0
GRAD = 1
CHILDREN = slice(2, 4)
OP = 6
N_CHILDREN = 7
VISITED = 8


class Edge:
    """One contribution to a gradient: a parent, which of its children, and what that adds."""

    def __init__(self, parent, index):
        self.parent = parent
        self.index = index
        self.local_grad = parent.local_grads[index]
        self.contribution = self.local_grad * parent.grad
        self.is_done = False  # of the edge that the program stands at: whether that is added

    def is_same(self, other):
        return self.parent.id == other.parent.id and self.index == other.index


@functools.lru_cache(maxsize=4)
def node_addresses(chunks, node_size):
    """The address of each node, and node ids by address."""
    addresses = []
    for start, used in chunks:
        addresses += range(start, start + used, node_size)
    return addresses, {address: node_id for node_id, address in enumerate(addresses)}


class Names:
    """The paths of a graph's nodes, by the rules of node_path.c."""

    def __init__(self, scopes, ops):
        self.scopes = scopes  # [(name, first_node, parent, index, n_columns, is_part)]
        self.ops = ops  # the operation of each node
        self.starts = [scope[1] for scope in scopes]
        self.paths_of_scope = {}

    def scope_path(self, scope_id):
        parts = []
        while scope_id < len(self.scopes) and len(parts) < MAX_DEPTH:
            name, _, parent, index, _, is_part = self.scopes[scope_id]
            if index >= 0 and is_part:
                name += str(index)
            elif index >= 0 and "[]" in name:
                name = name.replace("[]", "[%d]" % index, 1)
            elif index >= 0:
                name += "[%d]" % index
            parts.append(name)
            scope_id = parent
        return ".".join(reversed(parts))

    def name_scope(self, scope_id):
        """The paths of all nodes made in a scope; -1: of those before the first scope."""
        last = scope_id + 1 == len(self.scopes)
        first = self.starts[scope_id] if scope_id >= 0 else 0
        end = len(self.ops) if last else min(self.starts[scope_id + 1], len(self.ops))
        base, n_columns, is_thing = "", 0, False
        if scope_id >= 0:
            base = self.scope_path(scope_id)
            _, _, _, _, n_columns, is_part = self.scopes[scope_id]
            is_thing = not is_part and n_columns == 0
        if n_columns > 0:
            n = end - first
            return ["%s[%d,%d]" % (base, i // n_columns, i % n_columns) for i in range(n)]
        # A thing's own name is its last node's; the others are called by their operation.
        ops = self.ops[first : end - 1] if is_thing else self.ops[first:end]
        totals = {op: ops.count(op) for op in set(ops)}
        counts = dict.fromkeys(totals, 0)
        paths = []
        for op in ops:
            path = base + "." + op if base else op
            paths.append("%s[%d]" % (path, counts[op]) if totals[op] > 1 else path)
            counts[op] += 1
        if is_thing and end > first:
            paths.append(base)
        return paths

    def path(self, node_id):
        scope_id = bisect.bisect_right(self.starts, node_id) - 1
        if scope_id not in self.paths_of_scope:
            self.paths_of_scope[scope_id] = self.name_scope(scope_id)
        first = self.starts[scope_id] if scope_id >= 0 else 0
        return self.paths_of_scope[scope_id][node_id - first][:MAX_PATH]

    @functools.cached_property
    def paths(self):
        return [self.path(node_id) for node_id in range(len(self.ops))]

    @functools.cached_property
    def ids(self):
        return {path: node_id for node_id, path in enumerate(self.paths)}


@functools.lru_cache(maxsize=4)
def names_of(scopes_memory, op_bytes):
    """The Names of a graph. While backward passes through it, they are the same at each stop."""
    literals = {0: ""}
    scopes = []
    reader = struct_reader("Scope", *SCOPE)
    for address, *rest in reader.iter_unpack(scopes_memory):
        if address not in literals:
            pointer = gdb.Value(address).cast(gdb.lookup_type("char").pointer())
            literals[address] = pointer.string("utf-8", "replace")
        scopes.append((literals[address], *rest))
    op_names = {}
    for name, op in gdb.types.make_enum_dict(gdb.lookup_type("ValueOp").strip_typedefs()).items():
        op_names[op] = "const" if name == "OP_LEAF" else name[len("OP_") :].lower()
    return Names(scopes, [op_names.get(op, "op%d" % op) for op in op_bytes])


SCOPE = ("name", "first_node", "parent", "index", "n_columns", "is_part")


class GraphView:
    """A Graph of the program. Reads what it is asked for, once; dropped when the program runs on.

    Raises ValueError where the memory does not look like a Graph.
    """

    def __init__(self, address):
        self.address = address
        g = struct_at("Graph", address)
        # graph_init() leaves this mark; memory that is no Graph hardly has it.
        no_memory = float(g["no_memory"]["data"])
        self.node_size = gdb.lookup_type("Value").sizeof
        self.chunks = tuple(self.read_chunks(g["arena"]))
        self.n_nodes = sum(size for _, size in self.chunks) // self.node_size
        self.n_scopes = int(g["n_scopes"])
        self.n_topo = int(g["n_topo"])
        self.scopes_address = int(g["scopes"])
        self.topo_address = int(g["topo"])
        if no_memory == no_memory or self.n_scopes > NO_SCOPE or self.n_topo > self.n_nodes:
            raise ValueError("not a graph")

    def read_chunks(self, arena):
        """(address, bytes in use), in order of creation."""
        current = int(arena["current"])
        chunk = arena["first"]
        for _ in range(10000 if current != 0 else 0):
            is_current = int(chunk) == current
            start = int(chunk["memory"])
            before = int(chunk["before"])
            if is_current:
                used = int(arena["next"]) - start
            else:
                used = int(chunk["next"]["before"]) - before
            if used < 0 or used > int(chunk["size"]) or used % self.node_size != 0:
                raise ValueError("not an arena of Values")
            yield start, used
            if is_current:
                break
            chunk = chunk["next"]

    @property
    def addresses(self):
        """The address of each node."""
        return node_addresses(self.chunks, self.node_size)[0]

    @property
    def ids(self):
        """Node ids by address."""
        return node_addresses(self.chunks, self.node_size)[1]

    @functools.cached_property
    def records(self):
        """All nodes, unpacked but not yet looked at."""
        memory = b"".join(read_memory(start, used) for start, used in self.chunks)
        return list(struct_reader("Value", *RECORD).iter_unpack(memory))

    def node(self, node_id):
        return Node(node_id, self.records[node_id], self.ids)

    @functools.cached_property
    def topo(self):
        """Node ids, children before parents; empty until graph_build_topo() has been there."""
        memory = read_memory(self.topo_address, self.n_topo * struct.calcsize("P"))
        ids = self.ids
        return [ids[address] for (address,) in struct.iter_unpack("P", memory)]

    @functools.cached_property
    def places(self):
        """Where in topo a node is: {id: place}."""
        return {node_id: place for place, node_id in enumerate(self.topo)}

    @functools.cached_property
    def parents(self):
        """[(parent's id, which of its children)] by child's id, in order of creation."""
        parents = {}
        ids = self.ids
        for parent, record in enumerate(self.records):
            for index, address in enumerate(record[CHILDREN][: record[N_CHILDREN]]):
                child = ids.get(address, parent)
                if child < parent:
                    parents.setdefault(child, []).append((parent, index))
        return parents

    def visit_order(self, node_id):
        """When backward comes to the node, counted from 1; None where the loss does not need it."""
        place = self.places.get(node_id)
        return None if place is None else self.n_topo - place

    def edges_into(self, node_id):
        """What makes up the node's gradient, in the order in which backward adds it."""
        edges = [edge for edge in self.parents.get(node_id, ()) if edge[0] in self.places]
        edges.sort(key=lambda edge: (-self.places[edge[0]], edge[1]))
        return [Edge(self.node(parent), index) for parent, index in edges]

    @functools.cached_property
    def names(self):
        scope_size = gdb.lookup_type("Scope").sizeof
        memory = read_memory(self.scopes_address, self.n_scopes * scope_size)
        return names_of(memory, bytes(record[OP] for record in self.records))

    def path(self, node_id):
        return self.names.path(node_id)

    # -- how far backward is --

    @functools.cached_property
    def current_edge(self):
        """The edge that the program stands at, in edge_backward(), or None."""
        frame = find_frame("edge_backward")
        node_id = self.ids.get(variable(frame, "v")) if frame is not None else None
        if node_id not in self.places:
            return None
        edge = Edge(self.node(node_id), variable(frame, "i"))
        edge.is_done = gdb.find_pc_line(frame.pc()).line == end_of_edge()[1]
        return edge

    @functools.cached_property
    def next_place(self):
        """The place in topo of the node that backward is at, or comes to next; -1: it is done.

        A node is marked as visited from graph_build_topo() until backward has passed it.
        """
        for place in range(self.n_topo - 1, -1, -1):
            if self.records[self.topo[place]][VISITED]:
                return place
        return -1

    def backward_state(self):
        """`none`, `ready` (the order is there), `running` or `done`."""
        if self.n_topo == 0:
            return "none"
        if self.next_place < 0:
            return "done"
        frame = find_frame("graph_backward")
        is_in_loop = frame is not None and variable(frame, "n_left") is not None
        return "ready" if self.next_place == self.n_topo - 1 and not is_in_loop else "running"

    def n_added(self, node, edges):
        """How many of the edges into a node backward has added to its gradient.

        In the middle of the line that adds, and between the edges of a node, only the gradient
        tells.
        """
        here = self.current_edge

        def is_added(edge):
            place = self.places[edge.parent.id]
            if here is not None and here.parent.id == edge.parent.id:
                return edge.index < here.index + here.is_done
            return place > self.next_place

        def may_be_added(edge):
            if here is None:
                return self.places[edge.parent.id] >= self.next_place
            return is_added(edge) or edge.is_same(here)

        n_sure = sum(map(is_added, edges))
        total = 0.0
        for n, edge in enumerate(edges + [None]):
            if n >= n_sure and bits(total) == bits(node.grad):
                return n
            if edge is None or not may_be_added(edge):
                break
            total += edge.contribution
        return n_sure

    # -- in words --

    def op_name(self, node):
        return self.names.ops[node.id]

    def kind(self, node):
        """The operation, for people."""
        return self.op_name(node) if node.children else "leaf"

    def formula(self, node):
        """What the node is made of, by the paths of its children."""
        children = [self.path(child) for child in node.children]
        op = self.op_name(node)
        if not children:
            return "leaf"
        if op in ("add", "mul") and len(children) == 2:
            return "%s %s %s" % (children[0], "+" if op == "add" else "*", children[1])
        if op == "pow":
            return "%s ** %s" % (children[0], self._exponent(node))
        return "%s(%s)" % (op, ", ".join(children))

    def _exponent(self, node):
        """Not kept in the node; but a**c has the local gradient c * a**c / a."""
        base = self.node(node.children[0]).data
        try:
            return number(node.local_grads[0] * base / node.data)
        except ZeroDivisionError:
            return "c"

    def line(self, node):
        return "%s: %s, data %s, grad %s" % (
            self.path(node.id),
            self.formula(node),
            number(node.data),
            number(node.grad),
        )


@functools.lru_cache(maxsize=1)
def end_of_edge():
    """(file, line) of the end of edge_backward(): there the addition is done."""
    function = gdb.lookup_static_symbol("edge_backward").value()
    block = gdb.block_for_pc(int(function.address))
    place = gdb.find_pc_line(block.end - 1)
    return place.symtab.fullname(), place.line


# ---- Finding the graph --------------------------------------------------------------------------


def frames():
    """From the innermost outwards; none where there is no process."""
    try:
        frame = gdb.newest_frame()
    except gdb.error:
        return
    while frame is not None:
        yield frame
        frame = frame.older()


def find_frame(*functions):
    """The innermost frame of one of the functions, or None."""
    for frame in frames():
        if frame.name() in functions:
            return frame
    return None


def variable(frame, name):
    """A variable of the frame as an int, or None: no such variable, or optimised out."""
    try:
        value = frame.read_var(name)
        return None if value.is_optimized_out else int(value)
    except (ValueError, gdb.error):
        return None


def frame_variables(frame):
    """The frame's arguments and locals, as gdb.Values."""
    try:
        block = frame.block()
    except RuntimeError:  # no debug information here
        return
    while block is not None:
        for symbol in block:
            if symbol.is_argument or symbol.is_variable:
                try:
                    value = symbol.value(frame)
                    if not value.is_optimized_out:
                        yield value
                except gdb.error:
                    pass
        if block.function is not None:
            return
        block = block.superblock


def struct_values(*names):
    """All variables in all frames that are such a struct, or point to one: (name, struct)."""
    for frame in frames():
        for value in frame_variables(frame):
            name = struct_name(value.type)
            if name in names:
                try:
                    is_pointer = value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR
                    struct_value = value.dereference() if is_pointer else value
                    struct_value.fetch_lazy()
                    yield name, struct_value
                except gdb.error:  # a pointer that is not set yet
                    pass


def inner_structs(name, value):
    """The struct and those that it leads to, down to the Graph: (name, struct)."""
    yield name, value
    for field in value.type.strip_typedefs().fields():
        field_name = struct_name(field.type)
        if field_name in ("Graph", "ScalarGpt", "Engine", "Trainer"):
            inner = value[field]
            if inner.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
                inner = inner.dereference()
            yield from inner_structs(field_name, inner)


def makes_no_graph(engine):
    """Whether it is the tensor engine, and set up."""
    return str(engine["kind"]) == "ENGINE_TENSOR" and int(engine["tensor"]) != 0


class Context:
    """What is known while the program stands still. A new one is made when it has moved."""

    last_graph = None  # the address of the graph that was found last, in any context

    def __init__(self):
        self.views = {}

    def view(self, address):
        if address not in self.views:
            try:
                self.views[address] = GraphView(address)
            except (ValueError, gdb.error):
                self.views[address] = None
        return self.views[address]

    def find(self, wanted):
        """The innermost struct of that name that a variable of a frame is or leads to, or None."""
        for name, value in struct_values("Graph", "ScalarGpt", "Engine", "Trainer", "Session"):
            try:
                for inner_name, inner in inner_structs(name, value):
                    if inner_name == wanted and self.is_alive(inner_name, inner):
                        return inner
            except gdb.error:  # not set yet, somewhere on the way
                pass
        return None

    def is_alive(self, name, value):
        """Whether the struct is set up: a variable exists before anything is in it."""
        if name == "Graph":
            return self.view(int(value.address)) is not None
        if name == "ScalarGpt":
            return self.view(int(value["graph"].address)) is not None
        if name == "Trainer":
            return int(value["step"]) <= int(value["num_steps"]) and self.is_alive(
                "Engine", value["engine"].dereference()
            )
        if name == "Engine" and makes_no_graph(value):
            return True
        return any(
            self.is_alive(*inner) for inner in inner_structs(name, value) if inner[0] == "ScalarGpt"
        )

    @functools.cached_property
    def graph(self):
        """The graph that the innermost frame knows; or the last one found, while it is a graph."""
        found = self.find("Graph")
        address = int(found.address) if found is not None else Context.last_graph
        view = self.view(address) if address is not None else None
        Context.last_graph = view.address if view is not None else None
        return view

    @functools.cached_property
    def gpt(self):
        return self.find("ScalarGpt")

    @functools.cached_property
    def trainer(self):
        return self.find("Trainer")

    @functools.cached_property
    def is_without_graph(self):
        engine = self.find("Engine")
        return engine is not None and makes_no_graph(engine)

    @functools.cached_property
    def n_params(self):
        """How many of the graph's first nodes are parameters; 0 where it belongs to no model."""
        gpt = self.gpt
        if gpt is None or self.graph is None or int(gpt["graph"].address) != self.graph.address:
            return 0
        return int(gpt["model"]["n_params"])


context = Context()


def forget(_event=None):
    global context
    context = Context()


def forget_all(_event=None):
    """Another program, or the same one anew."""
    Context.last_graph = None
    for cache in (struct_reader, node_addresses, names_of, line_of_node, end_of_edge):
        cache.cache_clear()
    forget()


# ---- What is there, and what is not: plain sentences --------------------------------------------


def has_symbols():
    try:
        gdb.lookup_type("Value").strip_typedefs().fields()
        gdb.lookup_type("Graph")
        return True
    except gdb.error:
        return False


def is_optimised():
    """Whether the file with the Value class was compiled with optimisation, as far as is known."""
    symbol = gdb.lookup_global_symbol("graph_backward")
    producer = getattr(symbol.symtab, "producer", None) if symbol is not None else None
    if producer is not None and re.search(r" -O([1-9sz]|fast)?( |$)", producer):
        return True
    return symbol is not None and gdb.lookup_static_symbol("edge_backward") is None


def connection_type():
    """`native`, `core` ...; None: there is no process."""
    inferior = gdb.selected_inferior()
    if inferior.pid == 0 or not inferior.threads():
        return None
    return inferior.connection.type if inferior.connection is not None else "native"


def need_symbols():
    if has_symbols():
        return
    if gdb.current_progspace().filename is None:
        raise gdb.GdbError("There is no program: give gdb one, as in `gdb build/microgpt`.")
    raise gdb.GdbError(
        "This program has no debug symbols of microgpt (a release build, or another program): %s."
        % BUILD_HINT
    )


def need_process():
    need_symbols()
    if connection_type() is None:
        raise gdb.GdbError("The program is not running: `start` it, or load a core dump.")


def need_live_process(what):
    need_process()
    if connection_type() == "core":
        raise gdb.GdbError("This is a core dump, it can only be read: %s needs a process." % what)


def need_edges():
    """For the commands that stop at edges: they must be functions still."""
    if is_optimised():
        raise gdb.GdbError(
            "This is an optimised build: the compiler has merged the functions that backward stops "
            "in. To step through it, %s." % BUILD_HINT
        )


def need_scalar_engine():
    if context.graph is None and context.is_without_graph:
        raise gdb.GdbError("The tensor engine makes no graph: run with --engine scalar.")


def need_graph():
    """The GraphView to work with."""
    need_process()
    view = context.graph
    if view is not None and view.n_nodes > 0:
        return view
    if view is not None:
        raise gdb.GdbError("The graph has no nodes yet: let the program run a little further.")
    need_scalar_engine()
    if is_optimised():
        raise gdb.GdbError(
            "No graph can be found: this is an optimised build, where variables are optimised out. "
            "To look at the graph, %s." % BUILD_HINT
        )
    raise gdb.GdbError(
        "There is no graph yet, as far as the variables of the stack show: let the program run "
        "further, for example with `break graph_backward` and `continue`."
    )


# ---- Printers -----------------------------------------------------------------------------------


class ValuePrinter:
    """A Value on one line, with the paths of its children."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            view = context.graph
            node_id = view.ids.get(int(self.value.address)) if view is not None else None
            if node_id is not None:
                return view.line(view.node(node_id))
        except gdb.error:
            pass
        return self.plain()

    def plain(self):
        """For a Value that is in no graph that we know of."""
        try:
            text = "data %s, grad %s" % (
                number(float(self.value["data"])),
                number(float(self.value["grad"])),
            )
            return "%s, %s, in no graph that is known here" % (self.value["op"], text)
        except gdb.error:
            return "a Value that cannot be read"


class ValuePointerPrinter:
    """A pointer to a Value: the path in angle brackets."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            address = int(self.value)
            if address == 0:
                return "NULL"
            view = context.graph
            node_id = view.ids.get(address) if view is not None else None
            return "<%s>" % view.path(node_id) if node_id is not None else "%#x (no node)" % address
        except gdb.error:
            return "a pointer that cannot be read"


class Printers(gdb.printing.PrettyPrinter):
    """Chooses the printer by type. gdb's own collection looks at structs only, not at pointers."""

    def __init__(self):
        subprinters = [gdb.printing.SubPrettyPrinter(name) for name in ("Value", "Value *")]
        super().__init__("microgpt", subprinters)

    def __call__(self, value):
        if struct_name(value.type) != "Value":
            return None
        is_pointer = value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR
        if not self.subprinters[is_pointer].enabled:
            return None
        return ValuePointerPrinter(value) if is_pointer else ValuePrinter(value)


# ---- What V means -------------------------------------------------------------------------------


def evaluate(text):
    """The gdb.Value of an expression and, where that is a Value, its address; or None."""
    try:
        value = gdb.parse_and_eval(text)
        is_value = struct_name(value.type) == "Value"
        return value, struct_address(value) if is_value else None
    except (gdb.error, RuntimeError):
        return None, None


def find_node(text):
    """The node that V stands for: an expression of type Value or Value *, or else a path."""
    view = need_graph()
    if not text:
        raise gdb.GdbError(
            "Which node? An expression, as `v->children[0]`, or a path, as `layer0.attn_wq[3,7]`."
        )
    value, address = evaluate(text)
    node_id = view.ids.get(address, view.names.ids.get(text))
    if node_id is not None:
        return view.node(node_id)
    if address is not None:
        what = "is NULL" if address == 0 else "is at no node of the graph"
        raise gdb.GdbError("%s %s: perhaps it is not set yet." % (text, what))
    if value is not None:
        raise gdb.GdbError(
            "%s is of type `%s`, not a Value, and no node has that path." % (text, value.type)
        )
    raise gdb.GdbError(
        "%s is neither an expression here nor the path of a node: `mg find` looks for paths." % text
    )


class NodeFunction(gdb.Function):
    """$node("PATH"): the Value * of that path, for use in expressions.

    print *$node("pos2.loss")
    break edge_backward if v == $node("pos2.loss")"""

    def __init__(self):
        super().__init__("node")

    def invoke(self, path):
        if path.type.strip_typedefs().code != gdb.TYPE_CODE_ARRAY:
            raise gdb.GdbError('$node takes a path in quotes, as $node("pos2.loss").')
        node = find_node(path.string())
        address = gdb.Value(context.graph.addresses[node.id])
        return address.cast(gdb.lookup_type("Value").pointer())


# ---- Commands that read -------------------------------------------------------------------------


class Command(gdb.Command):
    """One subcommand of mg. Whatever goes wrong, it says so in a sentence."""

    name = ""
    completion = gdb.COMPLETE_EXPRESSION

    def __init__(self):
        super().__init__("mg " + self.name, gdb.COMMAND_USER, self.completion)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        try:
            self.run(argument.strip())
        except (gdb.error, ValueError, KeyError, IndexError) as error:
            if isinstance(error, gdb.GdbError):
                raise
            raise gdb.GdbError("The graph cannot be read here: %s." % str(error).rstrip("."))

    def run(self, argument):
        raise NotImplementedError


class MgCommand(gdb.Command):
    """Look at the graph of Values: who a node is, and where its gradient comes from.

V is a C expression of type Value or Value * (v, v->children[0], gpt->loss), or the path of a
node (loss, pos2.loss, layer0.attn_wq[3,7]). An expression goes first. $node("PATH") is the
Value * of a path, for use in any expression."""

    def __init__(self):
        super().__init__("mg", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)


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


def print_lines(lines):
    print("\n".join(lines))


def align(rows, right):
    """Rows of texts as lines: columns as wide as needed, those in right aligned to the right."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def backward_words(view, node):
    """What backward has done with the node so far."""
    state = view.backward_state()
    order = view.visit_order(node.id)
    if state == "none":
        return "backward has not begun"
    if order is None:
        return "the loss does not depend on it"
    if state == "ready":
        return "backward has not begun, it comes here as node %d of %d" % (order, view.n_topo)
    place = view.places[node.id]
    if place > view.next_place:
        return "backward was here, as node %d of %d" % (order, view.n_topo)
    if place == view.next_place:
        return "backward is here, at node %d of %d" % (order, view.n_topo)
    return "backward comes here later, as node %d of %d" % (order, view.n_topo)


def parent_rows(view, node):
    rows = []
    for parent_id, index in view.parents.get(node.id, ()):
        parent = view.node(parent_id)
        note = "" if not view.n_topo or parent_id in view.places else "not part of the loss"
        rows.append(
            (
                view.path(parent_id),
                "local gradient " + number(parent.local_grads[index]),
                "grad " + number(parent.grad),
                note,
            )
        )
    return rows


class NodeCommand(Command):
    """Everything about one node: mg node V [--exact]

Its operation, data and gradient; its children, with the local gradient of each; its parents,
which are the nodes made of it. With --exact, all numbers to the last bit."""

    name = "node"

    def run(self, argument):
        argument, exact = split_flags(argument, "--exact")
        node = find_node(argument)
        view = context.graph
        lines = [
            "%s: %s" % (view.path(node.id), view.formula(node)),
            "  data %s, grad %s" % (number(node.data, exact), number(node.grad, exact)),
            "  node %d of %d; %s" % (node.id, view.n_nodes, backward_words(view, node)),
        ]
        if node.children:
            lines.append("children:")
            rows = [
                (
                    view.path(child),
                    "data " + number(view.node(child).data, exact),
                    "local gradient " + number(local_grad, exact),
                )
                for child, local_grad in zip(node.children, node.local_grads)
            ]
            lines += align(rows, ())
        rows = parent_rows(view, node)
        lines.append("parents:" if rows else "no parents")
        print_lines(lines + (align(rows, ()) if rows else []))


class ParentsCommand(Command):
    """The nodes that a node was used for: mg parents V

In order of creation, each with its local gradient: how much it grows when V grows."""

    name = "parents"

    def run(self, argument):
        node = find_node(argument)
        view = context.graph
        rows = parent_rows(view, node)
        print("%s has %s" % (view.path(node.id), plural(len(rows), "parent")))
        if rows:
            print_lines(align(rows, ()))


class TreeCommand(Command):
    """The expression below a node, as a tree: mg tree V [DEPTH]

Children under their parents, down to DEPTH (3). `...` stands for what is further below; a node
that was already shown is not opened again."""

    name = "tree"

    def run(self, argument):
        argument, depth = split_count(argument, 3)
        node = find_node(argument)
        self.view = context.graph
        self.opened = set()
        self.print_node(node, "", "", depth)

    def print_node(self, node, first, rest, depth):
        again = node.id in self.opened and node.children
        below = " ..." if node.children and depth == 0 else ""
        print(
            "%s%s  %s  data %s  grad %s%s"
            % (
                first,
                self.view.path(node.id),
                self.view.kind(node),
                number(node.data),
                number(node.grad),
                "  (see above)" if again else below,
            )
        )
        if again or depth == 0:
            return
        self.opened.add(node.id)
        for index, child in enumerate(node.children):
            is_last = index + 1 == len(node.children)
            self.print_node(
                self.view.node(child),
                rest + ("`-- " if is_last else "|-- "),
                rest + ("    " if is_last else "|   "),
                depth - 1,
            )


class FindCommand(Command):
    """Looks for nodes by path: mg find PATTERN [N]

In PATTERN * stands for any text and ? for any one character: mg find pos2.*.softmax*.
Prints the first N (20) in order of creation."""

    name = "find"
    completion = gdb.COMPLETE_NONE

    def run(self, argument):
        view = need_graph()
        pattern, limit = split_count(argument, 20)
        if not pattern:
            raise gdb.GdbError("Which path? For example `mg find pos2.loss*`.")
        ids = matching_ids(view, pattern)
        print("%s of %d" % (plural(len(ids), "node"), view.n_nodes))
        for node_id in ids[:limit]:
            print("  " + view.line(view.node(node_id)))
        if len(ids) > limit:
            print("  ... %d more" % (len(ids) - limit))


def matching_ids(view, pattern):
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    matches = re.compile(expression).fullmatch
    return [node_id for node_id, path in enumerate(view.names.paths) if matches(path)]


class TopCommand(Command):
    """The largest gradients: mg top [N] [PATTERN]

The N (10) nodes with the largest gradients, of those whose path fits PATTERN. Without a
PATTERN: of the model's parameters; of all nodes where there is no model."""

    name = "top"
    completion = gdb.COMPLETE_NONE

    def run(self, argument):
        view = need_graph()
        match = re.match(r"(\d+)(?:\s+|$)", argument)
        limit = int(match.group(1)) if match else 10
        pattern = argument[match.end() :] if match else argument
        if pattern:
            ids = matching_ids(view, pattern)
        else:
            ids = range(context.n_params or view.n_nodes)
        ids = [node_id for node_id in ids if view.records[node_id][GRAD] != 0]
        ids.sort(key=lambda node_id: -abs(view.records[node_id][GRAD]))
        if not ids:
            raise gdb.GdbError("No such node has a gradient other than 0.")
        rows = [
            (
                "grad " + number(view.node(node_id).grad),
                "data " + number(view.node(node_id).data),
                view.path(node_id),
            )
            for node_id in ids[:limit]
        ]
        print_lines(align(rows, ()))


class WhyCommand(Command):
    """Where a gradient comes from: mg why V [--exact]; mg why V --chain

Each parent of V adds `local gradient * the parent's gradient`. These are the contributions, in
the order in which backward adds them, with the running total, and at the end whether the total
is V.grad bit for bit. With --exact the numbers are to the last bit, as `microgpt nodes` writes
them.

With --chain: from V to the parent that contributes most, from there again, and so on to the loss.
The product of the local gradients on the way is the chain rule along this one path."""

    name = "why"

    def run(self, argument):
        argument, exact, chain = split_flags(argument, "--exact", "--chain")
        node = find_node(argument)
        view = context.graph
        path = view.path(node.id)
        if view.backward_state() == "none":
            raise gdb.GdbError(
                "Backward has not begun, so no gradient has been added to %s: `mg step` goes there."
                % path
            )
        if node.id not in view.places:
            print("%s.grad is %s: the loss does not depend on it." % (path, number(node.grad)))
        elif node.id == view.topo[-1]:
            print(
                "%s.grad is %s: this is where backward starts, and d%s/d%s is 1."
                % (path, number(node.grad), path, path)
            )
        elif chain:
            self.print_chain(view, node)
        else:
            self.print_sum(view, node, exact)

    def print_sum(self, view, node, exact):
        path = view.path(node.id)
        edges = view.edges_into(node.id)
        n_added = view.n_added(node, edges)
        rows = [("parent", "local gradient", "*", "parent's grad", "=", "contribution", "total")]
        total = 0.0
        for n, edge in enumerate(edges):
            row = [view.path(edge.parent.id), number(edge.local_grad, exact)]
            if n < n_added:
                total += edge.contribution
                row += ["*", number(edge.parent.grad, exact), "="]
                row += [number(edge.contribution, exact), number(total, exact)]
            else:
                row += ["", "still to come", "", "", ""]
            rows.append(tuple(row))
        print(
            "%s.grad is the sum of %s, in this order:" % (path, plural(len(edges), "contribution"))
        )
        print_lines(align(rows, (1, 2, 3, 4, 5, 6)))
        so_far = "" if n_added == len(edges) else " so far"
        if bits(total) == bits(node.grad):
            print("The total%s is %s.grad, bit for bit." % (so_far, path))
        else:
            print(
                "The total%s is NOT %s.grad, which is %s: the gradient was not 0 when backward "
                "began,\nor someone has changed it since."
                % (so_far, path, number(node.grad, exact))
            )

    def print_chain(self, view, node):
        path = view.path(node.id)
        links = self.largest_links(view, node)
        if not links:
            raise gdb.GdbError("Backward has not come from the loss to %s yet." % path)
        product = 1.0
        for link in links:
            product *= link.local_grad
        factors = [number(link.local_grad) for link in links if not self.is_sum(view, link)]
        root = view.path(view.topo[-1])
        print("d%s/d%s, always by the largest contribution:" % (root, path))
        print_lines(align(self.chain_rows(view, links), ()))
        if len(factors) > 1:
            print("= " + " * ".join(factors))
        print("= " + number(product))
        if bits(product) == bits(node.grad):
            print("That is all of %s.grad." % path)
        elif node.grad != 0:
            share = 100 * product / node.grad
            print(
                "%s.grad is %s. This path is %.3g %% of it; the other paths make up the difference."
                % (path, number(node.grad), share)
            )

    def is_sum(self, view, link):
        return link.local_grad == 1 and view.op_name(link.parent) == "add"

    def chain_rows(self, view, links):
        """A line for each factor; a run of sums, which pass the gradient on as it is, is one."""
        n_sums = 0
        for link, following in zip(links, links[1:] + [None]):
            note = view.op_name(link.parent)
            if self.is_sum(view, link):
                n_sums += 1
                if following is not None and self.is_sum(view, following):
                    continue
                note = "add" if n_sums == 1 else "through %d adds" % n_sums
                n_sums = 0
            yield ("* " + number(link.local_grad), view.path(link.parent.id), note)

    def largest_links(self, view, node):
        links = []
        root = view.topo[-1]
        while node.id != root:
            edges = view.edges_into(node.id)
            edges = edges[: view.n_added(node, edges)]
            if not edges:
                return []
            link = max(edges, key=lambda edge: abs(edge.contribution))
            links.append(link)
            node = link.parent
        return links


class DotCommand(Command):
    """Writes a node's neighbourhood for Graphviz: mg dot V [DEPTH] FILE

The nodes below V, and those made of it, up to DEPTH (2) edges away. Then
`dot -Tsvg FILE > picture.svg`."""

    name = "dot"
    completion = gdb.COMPLETE_NONE

    def run(self, argument):
        match = re.fullmatch(r"(.*\S)\s+(\S+)", argument)
        if match is None:
            raise gdb.GdbError("Which node, and which file? mg dot V [DEPTH] FILE")
        target, depth = split_count(match.group(1), 2)
        file_name = match.group(2)
        node = find_node(target)
        view = context.graph
        ids = self.neighbourhood(view, node.id, depth)
        try:
            with open(file_name, "w", encoding="utf-8") as file:
                file.write("\n".join(self.dot_lines(view, node.id, ids)) + "\n")
        except OSError as error:
            raise gdb.GdbError("%s: %s" % (file_name, error.strerror))
        print("%s: %s" % (file_name, plural(len(ids), "node")))

    def neighbourhood(self, view, node_id, depth):
        """The ids of the nodes at most depth edges below the node, or above it."""

        def reach(neighbours):
            reached = {node_id}
            edge_of_it = {node_id}
            for _ in range(depth):
                edge_of_it = {n for near in edge_of_it for n in neighbours(near)} - reached
                reached |= edge_of_it
            return reached

        below = reach(lambda n: view.node(n).children)
        above = reach(lambda n: [parent for parent, _ in view.parents.get(n, ())])
        return sorted(below | above)

    def dot_lines(self, view, node_id, ids):
        yield "digraph {"
        yield "    rankdir=LR"
        yield "    node [shape=box]"
        for n in ids:
            node = view.node(n)
            label = (view.path(n), view.kind(node), number(node.data), number(node.grad))
            style = ", style=bold" if n == node_id else ""
            yield '    n%d [label="%s\\n%s\\ndata %s\\ngrad %s"%s]' % (n, *label, style)
        known = set(ids)
        for n in ids:
            node = view.node(n)
            for child, local_grad in zip(node.children, node.local_grads):
                if child in known:
                    yield '    n%d -> n%d [label="%s"]' % (child, n, number(local_grad))
        yield "}"


# ---- Where the program is, in words -------------------------------------------------------------


def place_words(path):
    """pos2.layer0.attn.head3 in words, and what is left of the path: the thing in that place."""
    words = []
    parts = path.split(".")
    while parts:
        match = re.fullmatch(r"(pos|layer|head)(\d+)|(attn)|(mlp)", parts[0])
        if match is None:
            break
        if match.group(1):
            name = "position" if match.group(1) == "pos" else match.group(1)
            words.append("%s %s" % (name, match.group(2)))
        else:
            words.append("attention" if match.group(3) else "MLP")
        parts.pop(0)
    return ", ".join(words), ".".join(parts)


def document_text(trainer):
    dataset = trainer["dataset"]
    doc = dataset["docs"][int(trainer["step"]) % int(dataset["n_docs"])]
    text = read_memory(int(doc["text"]), min(int(doc["size"]), 60)).decode("utf-8", "replace")
    return text + ("..." if int(doc["size"]) > 60 else "")


def token_text(trainer, token_id):
    tokenizer = trainer["tokenizer"]
    if token_id == int(tokenizer["bos"]):
        return "BOS"
    return '"%s"' % chr(int(tokenizer["uchars"][token_id]))


class WhereCommand(Command):
    """Where in the model and in training the program stands, in words: mg where"""

    name = "where"
    completion = gdb.COMPLETE_NONE

    def run(self, argument):
        need_process()
        lines = []
        trainer = context.trainer
        sampling = find_frame("sampler_next") is not None
        if sampling:
            lines.append(self.sample_line())
        elif trainer is not None and int(trainer["step"]) < int(trainer["num_steps"]):
            lines.append(
                'Training: step %d of %d, document "%s".'
                % (int(trainer["step"]) + 1, int(trainer["num_steps"]), document_text(trainer))
            )
        phase = self.phase_line(sampling)
        if phase:
            lines.append(phase)
        lines.append(self.function_line())
        print_lines(lines)

    def sample_line(self):
        frame = find_frame("samples_print")
        sample_id = variable(frame, "sample_id") if frame is not None else None
        if sample_id is None:
            return "Sampling: making up a name."
        return "Sampling: name %d." % (sample_id + 1)

    def phase_line(self, sampling):
        adam = find_frame("adam_step")
        if adam is not None:
            return self.update_line(adam)
        view = context.graph
        if view is None and context.is_without_graph:
            return "The tensor engine computes here, without a graph."
        if view is None or view.n_nodes == 0:
            return "There is no graph yet."
        if find_frame("graph_build_topo") is not None:
            return "Backward: putting the nodes in order, children before parents."
        if find_frame("graph_backward") is not None:
            return self.backward_line(view)
        if find_frame("scalar_gpt_forward", "scalar_gpt_probs") is not None:
            return self.forward_line(view)
        if sampling:
            return None
        if view.backward_state() == "done":
            return "Backward is done: all %d nodes have their gradients." % view.n_topo
        return "The graph has %s; backward has not begun." % plural(view.n_nodes, "node")

    def update_line(self, frame):
        i = variable(frame, "i")
        n_params = context.n_params
        view = context.graph
        if i is None or view is None or not 0 <= i < n_params:
            return "Update: Adam changes the parameters."
        return "Update: Adam at parameter %d of %d, %s." % (i, n_params, view.path(i))

    def backward_line(self, view):
        place = view.next_place
        if place < 0:
            return "Backward is done: all %d nodes have their gradients." % view.n_topo
        node = view.node(view.topo[place])
        words, _ = place_words(view.path(node.id))
        line = "Backward: node %d of %d, %s" % (
            view.n_topo - place,
            view.n_topo,
            view.path(node.id),
        )
        line += " (%s)" % words if words else ""
        edge = view.current_edge
        if edge is None:
            return line + "."
        child = view.path(node.children[edge.index])
        place = "Its edge %d of %d, to %s" % (edge.index + 1, len(node.children), child)
        return line + ".\n" + place + (", is done." if edge.is_done else ".")

    def forward_line(self, view):
        """By the scope that was opened last: that is what is being made now."""
        if view.n_topo > 0:  # still the graph of the document before
            return "Forward: it begins."
        path = view.names.scope_path(view.n_scopes - 1) if view.n_scopes else ""
        words, thing = place_words(path)
        trainer = context.trainer
        match = re.match(r"pos(\d+)\b", path)
        frame = find_frame("scalar_gpt_forward")
        if match and trainer is not None and frame is not None:
            pos_id = int(match.group(1))
            of = "position %d" % pos_id
            tokens = [token_text(trainer, int(trainer["tokens"][pos_id + n])) for n in (0, 1)]
            words = words.replace(of, "%s (%s, then %s)" % (of, *tokens), 1)
        if words and match:
            return "Forward: " + words + (", making %s." % thing if thing else ".")
        is_loss = path.startswith("loss")
        return "Forward: " + ("the whole document, making %s." % path if is_loss else "it begins.")

    def function_line(self):
        names = []
        for frame in frames():
            if frame.name() is None:
                continue
            names.append(frame.name())
            if len(names) == 1:
                symtab = frame.find_sal().symtab
                file_name = symtab.filename.split("/")[-1] if symtab is not None else "no source"
            if len(names) == 4:
                break
        if not names:
            return "The program stands where no function is known."
        line = "The program stands in %s (%s)" % (names[0], file_name)
        return line + (", called by " + ", ".join(names[1:]) if names[1:] else "") + "."


# ---- Commands that run the program --------------------------------------------------------------


class Stop(gdb.Breakpoint):
    """A breakpoint of our own, which says nothing when it is met."""

    def __init__(self, function, condition=None):
        super().__init__(function, internal=True)
        self.silent = True
        if condition is not None:
            self.condition = condition

    @property
    def reached(self):
        return self.hit_count > 0


def continue_to(*stops):
    """Lets the program run to one of the stops, which are then deleted. Returns that one.

    Where something else has stopped the program, says what, and raises.
    """
    try:
        text = gdb.execute("continue", to_string=True)
        for stop in stops:
            if stop.reached:
                return stop
    finally:
        for stop in stops:
            if stop.is_valid():
                stop.delete()
    if connection_type() is None:
        raise gdb.GdbError("The program has ended.")
    if text.strip():
        print(text.strip())
    raise gdb.GdbError("Something else has stopped the program.")


class End(gdb.FinishBreakpoint):
    """Where graph_backward() returns to."""

    def __init__(self):
        super().__init__(find_frame("graph_backward"), internal=True)
        self.silent = True
        self.reached = False  # gdb deletes it then, and its hit_count with it

    def stop(self):
        self.reached = True
        return True


def begin_backward():
    """Lets the program run to the beginning of graph_backward()."""
    continue_to(Stop("graph_backward"))
    forget()


def in_backward():
    return find_frame("graph_backward") is not None


SLOW_HINT = "There is no hardware watchpoint to be had: this takes seconds."
SLOW_NODES = 2000


class PlaceRead(gdb.Breakpoint):
    """Stops when graph_backward() reads one place in topo, which it does once for each node."""

    def __init__(self, view, place):
        address = view.topo_address + place * struct.calcsize("P")
        expression = "*(Value **)%d" % address
        super().__init__(expression, gdb.BP_WATCHPOINT, gdb.WP_READ, internal=True)
        self.silent = True

    @property
    def reached(self):
        return self.hit_count > 0


class NodeStop(gdb.Breakpoint):
    """Stops where graph_backward() has taken a node from topo: the one given, or the next one."""

    def __init__(self, address=None):
        file_name, line = line_of_node()
        super().__init__(source=file_name, line=line, internal=True)
        self.silent = True
        self.address = address
        self.reached = False

    def stop(self):
        v = variable(gdb.newest_frame(), "v")
        self.reached = self.address is None or v == self.address
        return self.reached


@functools.lru_cache(maxsize=1)
def line_of_node():
    """(file, line) of the statement of graph_backward() that follows the assignment of v."""
    function = gdb.lookup_global_symbol("graph_backward")
    block = gdb.block_for_pc(int(function.value().address))
    lines = [item for item in function.symtab.linetable() if block.start <= item.pc < block.end]
    lines.sort(key=lambda item: item.pc)
    while not has_variable(gdb.block_for_pc(lines[0].pc), "v"):
        lines.pop(0)
    following = next(item.line for item in lines if item.line > lines[0].line)
    return function.symtab.fullname(), following


def has_variable(block, name):
    return any(symbol.is_variable and symbol.name == name for symbol in block)


def run_to_place(view, place):
    """Lets backward run until it is at the node at that place in topo. Returns False where it
    came to its end instead."""
    node = view.node(view.topo[place])
    if not is_at_place(view, place) and not run_to_node(view, place):
        return False
    if node.children:
        continue_to(Stop("edge_backward"))
    forget()
    return True


def is_at_place(view, place):
    """Whether graph_backward() has its `v` from that place, and has not come to an edge yet."""
    frame = find_frame("graph_backward")
    if frame is None or find_frame("edge_backward") is not None:
        return False
    address = view.addresses[view.topo[place]]
    return variable(frame, "n_left") == place + 1 and variable(frame, "v") == address


def run_to_node(view, place):
    """Runs until graph_backward() has taken the node from topo. Returns False where it came to its
    end instead."""
    try:
        stop = PlaceRead(view, place)
        if continue_to(stop, End()) is not stop:
            return False
        stop = NodeStop()
    except gdb.GdbError:
        raise
    except gdb.error:
        if view.next_place - place > SLOW_NODES:
            print(SLOW_HINT)
        stop = NodeStop(view.addresses[view.topo[place]])
    return continue_to(stop, End()) is stop


def next_places(view):
    """The places in topo that backward comes to from here, without leaves: they pass nothing on."""
    for place in range(view.next_place, -1, -1):
        if view.node(view.topo[place]).children:
            yield place


def gradients_before(view, node):
    """The gradients of a node's children, before each of its edges adds to them."""
    here = view.current_edge
    n_done = 0
    if here is not None and here.parent.id == node.id:
        n_done = here.index + here.is_done
    now = {child: view.node(child).grad for child in node.children}
    before = []
    for index, child in enumerate(node.children):
        edge = Edge(node, index)
        if index < n_done:
            before.append(sum_before(view.edges_into(child), edge))
        else:
            before.append(now[child])
            now[child] += edge.contribution
    return before


def sum_before(edges, edge):
    """What the edges into a node add up to before one of them."""
    total = 0.0
    for other in edges:
        if other.is_same(edge):
            break
        total += other.contribution
    return total


def changes(view, node, new_view):
    """What a node has given to its children: a line for each edge."""
    after = {child: new_view.node(child).grad for child in node.children}
    lines = []
    before = gradients_before(view, node)
    for index, child in enumerate(node.children):
        is_last = child not in node.children[index + 1 :]
        edge = Edge(node, index)
        total = after[child] if is_last else before[index] + edge.contribution
        lines.append("    %s.grad: %s" % (view.path(child), sum_words(before[index], edge, total)))
    return lines


def sum_words(before, edge, after):
    """What an edge has added, or just the gradient where that has another origin."""
    if bits(before + edge.contribution) != bits(after):
        return number(after)
    numbers = (before, edge.local_grad, edge.parent.grad, after)
    return "%s + %s * %s = %s" % tuple(map(number, numbers))


def print_next(view):
    node = view.node(view.topo[view.next_place])
    print("next [%d/%d] %s" % (view.visit_order(node.id), view.n_topo, view.line(node)))


def print_end(view):
    print("backward is done: all %d nodes have their gradients" % view.n_topo)


def prepare_to_run(what):
    need_live_process(what)
    need_edges()
    need_scalar_engine()


class StepCommand(Command):
    """Runs backward to its next node: mg step [N]; mg step --until V

Stops before the node gives anything to its children, and prints what the one before it has
given. Leaves have no children and are passed over. With N: N nodes on. With --until: when
backward comes to V; its gradient is complete then. Before backward, goes to its beginning."""

    name = "step"

    def run(self, argument):
        prepare_to_run("mg step")
        match = re.fullmatch(r"--until\s+(.*)", argument)
        if match:
            self.step_until(match.group(1))
        elif re.fullmatch(r"\d*", argument) and argument != "0":
            self.step(int(argument or 1))
        else:
            raise gdb.GdbError("mg step takes a number of nodes, or --until V.")

    def step(self, n):
        if not in_backward():
            begin_backward()
        if need_graph().backward_state() == "ready":
            self.go(0)  # to the root
            n -= 1
        if n > 1:
            self.go(n - 1)
        view = need_graph()
        places = list(next_places(view)) if in_backward() else []
        if n > 0 and places:
            self.go(1)
            node = view.node(view.topo[places[0]])
            print("[%d/%d] %s" % (view.visit_order(node.id), view.n_topo, view.line(node)))
            print_lines(changes(view, node, need_graph()))
        if in_backward():
            print_next(need_graph())
        else:
            print_end(need_graph())

    def go(self, n):
        """Runs n nodes on, or to the end of backward."""
        view = need_graph()
        places = list(next_places(view)) if in_backward() else []
        if n < len(places):
            run_to_place(view, places[n])
        elif in_backward():
            continue_to(End())
            forget()

    def step_until(self, text):
        if not in_backward():
            begin_backward()
        node = find_node(text)
        view = context.graph
        path = view.path(node.id)
        if node.id not in view.places:
            raise gdb.GdbError("The loss does not depend on %s: backward never comes there." % path)
        if view.places[node.id] > view.next_place:
            raise gdb.GdbError("Backward has passed %s already." % path)
        if not node.children and node.id >= context.n_params and context.n_params > 0:
            raise gdb.GdbError("%s is a constant: backward has nothing to do there." % path)
        if view.places[node.id] < view.next_place or find_frame("edge_backward") is None:
            if not run_to_place(view, view.places[node.id]):
                print_end(need_graph())
                return
        print_next(need_graph())


class EdgeCommand(Command):
    """Runs backward to its next edge: mg edge

Stops before `v->children[i]->grad += v->local_grads[i] * v->grad`, in edge_backward(), and
prints what the edge before it has added."""

    name = "edge"
    completion = gdb.COMPLETE_NONE

    def run(self, argument):
        prepare_to_run("mg edge")
        if not in_backward():
            begin_backward()
        view = need_graph()
        edge = view.current_edge
        stop = Stop("edge_backward")
        reached = continue_to(stop, End()) is stop
        forget()
        new_view = need_graph()
        if edge is not None:
            self.print_done(view, edge, new_view)
        if not reached:
            print_end(new_view)
            return
        following = new_view.current_edge
        print(
            "next, edge %d of %d of %s, to %s: local gradient %s * grad %s"
            % (
                following.index + 1,
                len(following.parent.children),
                new_view.path(following.parent.id),
                new_view.path(following.parent.children[following.index]),
                number(following.local_grad),
                number(following.parent.grad),
            )
        )

    def print_done(self, view, edge, new_view):
        child = edge.parent.children[edge.index]
        before = gradients_before(view, edge.parent)[edge.index]
        after = new_view.node(child).grad
        print("done, %s.grad: %s" % (view.path(child), sum_words(before, edge, after)))


class Watch(gdb.Breakpoint):
    """Stops when edge_backward() has added something to one node's gradient.

    A hardware watchpoint on the gradient, or where there is none, a breakpoint with a condition.
    Either stands where plain gdb would: at the end of edge_backward(), after the addition.
    """

    all = []
    n_made = 0
    max_hardware = 3  # most processors have four; one is for mg step

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
            file_name, line = end_of_edge()
            super().__init__(source=file_name, line=line)
            self.set_condition()
        self.silent = True
        Watch.all.append(self)

    def init_hardware(self):
        gdb.set_convenience_variable(self.variable, self.pointer())
        try:
            super().__init__("$%s->grad" % self.variable, gdb.BP_WATCHPOINT, gdb.WP_ACCESS)
        except gdb.error:
            return False
        return True

    def pointer(self):
        return gdb.Value(self.address).cast(gdb.lookup_type("Value").pointer())

    def set_condition(self):
        self.condition = "v->children[i] == (Value *)%d" % self.address

    def find(self):
        """Looks for the node of the path in the graph as it is now. Its address is 0 if there is
        none: no edge leads there, and no gradient is there."""
        view = Context().graph
        node_id = view.names.ids.get(self.path) if view is not None else None
        self.address = view.addresses[node_id] if node_id is not None else 0

    def aim(self):
        """At the node that the path means now."""
        before = self.address
        self.find()
        if self.address == before or not self.enabled:
            return
        if not self.is_hardware:
            self.set_condition()
            return
        gdb.set_convenience_variable(self.variable, self.pointer())
        self.enabled = False
        self.enabled = True  # so that gdb evaluates the expression again

    def stop(self):
        """Of a watchpoint there are many: each time that the gradient is read or written."""
        frame = gdb.newest_frame()
        if frame.name() != "edge_backward":
            return False
        if gdb.find_pc_line(frame.pc()).line != end_of_edge()[1]:
            return False
        child = frame.read_var("v")["children"][int(frame.read_var("i"))]
        self.is_met = int(child) == self.address
        return self.is_met

    def print_stop(self):
        view = need_graph()
        edge = view.current_edge
        node = view.node(edge.parent.children[edge.index])
        edges = view.edges_into(node.id)
        n = [other.is_same(edge) for other in edges].index(True)
        print(
            "%s.grad, contribution %d of %d, from %s:\n  %s"
            % (
                self.path,
                n + 1,
                len(edges),
                view.path(edge.parent.id),
                sum_words(sum_before(edges, edge), edge, node.grad),
            )
        )

    @staticmethod
    def on_stop(_event):
        for watch in Watch.all:
            if watch.is_met:
                watch.is_met = False
                watch.print_stop()

    @staticmethod
    def on_delete(breakpoint):
        for watch in [watch for watch in Watch.all if watch is breakpoint]:
            Watch.all.remove(watch)


class WatchAim(gdb.Breakpoint):
    """Aims the watches at the beginning of each backward, when the order is there."""

    made = None

    def __init__(self):
        super().__init__("graph_backward", internal=True)
        self.silent = True

    def stop(self):
        for watch in Watch.all:
            watch.aim()
        return False


class WatchCommand(Command):
    """Stops at each contribution to one gradient: mg watch V

A breakpoint: `continue` goes on to the next contribution, and shows what has been added.
It is kept from one training step to the next, for the node of the same path. `delete` ends it."""

    name = "watch"

    def run(self, argument):
        prepare_to_run("mg watch")
        node = find_node(argument)
        path = context.graph.path(node.id)
        if WatchAim.made is None:
            WatchAim.made = WatchAim()
        # By way of gdb.execute(), so that gdb does not announce it with an address.
        gdb.execute("python Watch(%r)" % path, to_string=True)
        watch = Watch.all[-1]
        print("breakpoint %d: watching %s.grad" % (watch.number, path))
        if not watch.is_hardware:
            print(SLOW_HINT)


class CheckCommand(Command):
    """Compares a gradient with a measurement: mg check V

Lets the program compute the loss with the parameter V a little larger, and a little smaller
(trainer_loss_at, on a copy of the model). The difference of the two losses over the difference
of the parameter is what the gradient should be."""

    name = "check"
    delta = 1e-5

    def run(self, argument):
        need_live_process("mg check")
        node = find_node(argument)
        view = context.graph
        path = view.path(node.id)
        trainer = context.trainer
        self.need_parameter(view, trainer, node, path)
        edges = view.edges_into(node.id)
        if view.backward_state() == "none":
            raise gdb.GdbError("Backward has not begun: %s has no gradient to check." % path)
        if view.n_added(node, edges) < len(edges):
            raise gdb.GdbError(
                "%s.grad is not complete: backward must have passed it (`mg step --until %s`)."
                % (path, path)
            )
        plus = self.loss_at(trainer, node.id, self.delta)
        minus = self.loss_at(trainer, node.id, -self.delta)
        slope = (plus - minus) / (2 * self.delta)
        rows = [
            ("loss with %s + %g" % (path, self.delta), "%.12f" % plus),
            ("loss with %s - %g" % (path, self.delta), "%.12f" % minus),
            ("their difference / %g" % (2 * self.delta), "%.5g" % slope),
            (path + ".grad", "%.5g" % node.grad),
        ]
        print_lines(align(rows, ()))
        if abs(slope - node.grad) <= 1e-8 + 1e-5 * abs(node.grad):
            print("They agree.")
        else:
            print("They differ: perhaps a relu has switched between the two losses.")

    def need_parameter(self, view, trainer, node, path):
        if trainer is None or context.n_params == 0:
            raise gdb.GdbError(
                "mg check needs a model in training: there is no Trainer among the variables."
            )
        if node.id >= context.n_params:
            raise gdb.GdbError(
                "%s is no parameter: only parameters can be moved, the rest is computed." % path
            )
        size = 8 * context.n_params
        data = read_memory(int(trainer["model"]["data"]), size)
        leaves = b"".join(bits(record[DATA]) for record in view.records[: context.n_params])
        if data != leaves:
            raise gdb.GdbError(
                "The parameters have changed since this graph was made: check before the update."
            )

    def loss_at(self, trainer, param_id, delta):
        """Calls the program. None of the reader's breakpoints must stop it there."""
        enabled = [b for b in gdb.breakpoints() if b.enabled]
        unwind = gdb.parameter("unwindonsignal")
        try:
            for breakpoint in enabled:
                breakpoint.enabled = False
            gdb.execute("set unwindonsignal on")
            call = "trainer_loss_at((Trainer *)%d, %d, %r)"
            loss = float(gdb.parse_and_eval(call % (int(trainer.address), param_id, delta)))
        except gdb.error as error:
            raise gdb.GdbError("The program cannot compute the loss here: %s" % error)
        finally:
            for breakpoint in enabled:
                breakpoint.enabled = True
            gdb.execute("set unwindonsignal %s" % ("on" if unwind else "off"))
        return loss


SKIPPED = (
    "make_node|graph_(init|free|new_nodes?|name|name_matrix|enter|leave|reserve_topo|n_nodes)",
    "arena_.*",
    "pow|exp|log|malloc|calloc|realloc|free|memcpy|memset",
    "_.*",  # as the C library calls its own functions, where its symbols are installed
)


def skip_what_is_no_lesson():
    """`step` passes over memory, names and the C library; `info skip` lists this."""
    for pattern in SKIPPED:
        gdb.execute("skip -rfunction ^(%s)$" % pattern, to_string=True)


def load():
    skip_what_is_no_lesson()
    gdb.printing.register_pretty_printer(None, Printers(), replace=True)
    MgCommand()
    for command in (
        *(NodeCommand, TreeCommand, ParentsCommand, FindCommand, TopCommand, WhyCommand),
        *(StepCommand, EdgeCommand, WatchCommand, WhereCommand, CheckCommand, DotCommand),
    ):
        command()
    NodeFunction()
    gdb.events.cont.connect(forget)
    gdb.events.memory_changed.connect(forget)
    gdb.events.inferior_call.connect(forget)
    gdb.events.stop.connect(forget)
    gdb.events.stop.connect(Watch.on_stop)
    gdb.events.breakpoint_deleted.connect(Watch.on_delete)
    gdb.events.exited.connect(forget_all)
    gdb.events.new_objfile.connect(forget_all)


load()
