"""The graph of Values in a program that a debugger has stopped: nodes, names, order, gradients.

Contains nothing of gdb or lldb: each of them has a Program, which reads memory, types and the
stack. This file reads the graph, and mg_answers.py and mg_steps.py describe it.

Memory is only read, and may contain anything. A ValueError means that it cannot be a graph, an
Unreadable that it cannot be read, and a Problem, whose text is a sentence for the user, that a
command cannot do something.
"""

import bisect
import functools
import re
import struct

MAX_DEPTH = 8  # as in node_path.c
MAX_PATH = 159  # NODE_PATH_BYTES without the end
MAX_NAME = 64  # bytes of a scope's name that are read
MAX_CHUNKS = 10000
READ_BYTES = 1 << 20  # at a time: of what is not there, little is asked for


class Problem(Exception):
    """The reason why a command cannot do something: a sentence."""


class Unreadable(Exception):
    """Memory that cannot be read, or an unknown type."""


def number(x, exact=False):
    """A double in a readable form, or exactly, as `microgpt nodes` writes it."""
    return x.hex() if exact else "%.6g" % x


def bits(x):
    """The bits of a double: 0.0 and -0.0 differ, and NaN equals itself."""
    return struct.pack("<d", x)


def printable(text):
    """Removes characters that would control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


# ---- The interface of a debugger ----------------------------------------------------------------


class Field:
    """A field of a C struct. kind is `f`, `i` or `u` for numbers, `p` for pointers, `s` for a
    struct; target is the name of that struct, or of the one pointed to."""

    def __init__(self, offset, size, count, kind, target=None):
        self.offset = offset
        self.size = size  # of one item, where it is an array of count
        self.count = count
        self.kind = kind
        self.target = target

    def format(self):
        letter = "bhiq"[self.size.bit_length() - 1]
        letter = {"f": "d", "i": letter}.get(self.kind, letter.upper())
        return "%d%s" % (self.count, letter)


class Frame:
    """A function that is being called."""

    name = None  # of the function, or None
    file_name = "no source"

    def variable(self, name):
        """An argument or local as an int, or None: no such variable, or optimised out."""
        raise NotImplementedError

    def structs(self):
        """The arguments and locals that are structs, or point to one: (name, address)."""
        raise NotImplementedError

    def is_at_start(self):
        """Whether the program is at the first line of the function, where its arguments are not
        all set yet."""
        raise NotImplementedError

    def is_at_end(self):
        """Whether the program is at the last line of the function."""
        raise NotImplementedError


class Program:
    """The program in the debugger."""

    is_big_endian = False

    def __init__(self):
        self.forget_types()

    def forget_types(self):
        """Forgets everything about the program."""
        self._fields = {}
        self._readers = {}

    # -- implemented by each debugger --

    def read_piece(self, address, size):
        """Bytes of memory; raises Unreadable."""
        raise NotImplementedError

    def find_fields(self, type_name):
        """({name: Field}, bytes) of a struct; raises Unreadable."""
        raise NotImplementedError

    def enum_names(self, type_name):
        """{number: enumerator}"""
        raise NotImplementedError

    def frames(self):
        """The Frames from the innermost to the outermost; none if there is no process."""
        raise NotImplementedError

    # -- memory --

    def read(self, address, size):
        pieces = []
        while size > 0:
            pieces.append(self.read_piece(address, min(size, READ_BYTES)))
            address += READ_BYTES
            size -= READ_BYTES
        return b"".join(pieces)

    def read_text(self, address, limit=MAX_NAME):
        """A C string, or its beginning."""
        text = b""
        while len(text) < limit:
            # Not beyond the page: the next one may not be mapped.
            piece = self.read_piece(address, min(limit - len(text), 4096 - address % 4096))
            end = piece.find(0)
            text += piece if end < 0 else piece[:end]
            if end >= 0:
                break
            address += len(piece)
        return printable(text.decode("utf-8", "replace"))

    # -- structs --

    def fields(self, type_name):
        if type_name not in self._fields:
            self._fields[type_name] = self.find_fields(type_name)
        return self._fields[type_name][0]

    def sizeof(self, type_name):
        self.fields(type_name)
        return self._fields[type_name][1]

    def field(self, type_name, path):
        """(offset, Field) of a field, which may be in a struct inside, as arena.next."""
        offset = 0
        for name in path.split("."):
            if name not in self.fields(type_name):
                raise Unreadable("this program's %s has no field %s" % (type_name, name))
            field = self.fields(type_name)[name]
            offset += field.offset
            type_name = field.target
        return offset, field

    def reader(self, type_name, *paths):
        """A struct.Struct for some fields of a type, in the order of their offsets."""
        key = (type_name, paths)
        if key not in self._readers:
            code = ">" if self.is_big_endian else "<"
            place = 0
            for path in paths:
                offset, field = self.field(type_name, path)
                code += "%dx%s" % (offset - place, field.format())
                place = offset + field.size * field.count
            code += "%dx" % (self.sizeof(type_name) - place)
            self._readers[key] = struct.Struct(code)
        return self._readers[key]

    def get(self, type_name, address, path):
        """One field of the struct at an address."""
        offset, field = self.field(type_name, path)
        memory = self.read(address + offset, field.size * field.count)
        values = struct.unpack((">" if self.is_big_endian else "<") + field.format(), memory)
        return values[0] if field.count == 1 else values

    def items(self, address, code, count):
        """An array of plain numbers."""
        code = "%s%d%s" % (">" if self.is_big_endian else "<", count, code)
        return struct.unpack(code, self.read(address, struct.calcsize(code)))

    def find_frame(self, *functions):
        """The innermost frame of one of the functions, or None."""
        for frame in self.frames():
            if frame.name in functions:
                return frame
        return None


# ---- Nodes and edges ----------------------------------------------------------------------------


class Node:
    """One Value, as it was when the program stopped."""

    def __init__(self, node_id, record, ids):
        data, grad, child0, child1, local0, local1, op, n_children, _ = record
        self.id = node_id
        self.data = data
        self.grad = grad
        # A node that is just being made may contain anything: its children must come before it.
        children = (child0, child1)[:n_children] if n_children <= 2 else ()
        children = tuple(ids.get(child, node_id) for child in children)
        self.children = children if all(child < node_id for child in children) else ()
        self.local_grads = (local0, local1)[: len(self.children)]
        self.op = op


# The indices of these in a record, which is a Value unpacked from memory.
RECORD = ("data", "grad", "children", "local_grads", "op", "n_children", "visited")
DATA = 0
GRAD = 1
CHILDREN = slice(2, 4)
OP = 6
N_CHILDREN = 7
VISITED = 8

SCOPE = ("name", "first_node", "parent", "index", "n_columns", "is_part")


class Edge:
    """One contribution to a gradient: a parent, which of its children, and what that adds."""

    def __init__(self, parent, index):
        self.parent = parent
        self.index = index
        self.child = parent.children[index]
        self.local_grad = parent.local_grads[index]
        self.contribution = self.local_grad * parent.grad
        self.is_done = False  # of the current edge: whether its contribution has been added

    def is_same(self, other):
        return self.parent.id == other.parent.id and self.index == other.index


@functools.lru_cache(maxsize=4)
def node_addresses(chunks, node_size):
    """The address of each node, and node ids by address."""
    addresses = []
    for start, used in chunks:
        addresses += range(start, start + used, node_size)
    return addresses, {address: node_id for node_id, address in enumerate(addresses)}


def sum_before(edges, edge):
    """The sum of the contributions to a node before one of its edges."""
    total = 0.0
    for other in edges:
        if other.is_same(edge):
            break
        total += other.contribution
    return total


# ---- Names --------------------------------------------------------------------------------------


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
        # The last node has just the name; the others have their operation as well.
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

    def find(self, text):
        """The id of the node with that path; each index may also have its own brackets."""
        if text in self.ids:
            return self.ids[text]
        return self.ids.get(re.sub(r"\[(\d+)\]\[(\d+)\]", r"[\1,\2]", text))


@functools.lru_cache(maxsize=4)
def names_of(program, scopes_memory, op_bytes):
    """The Names of a graph. While backward passes through it, they are the same at each stop."""
    literals = {0: ""}
    scopes = []
    start = 0
    for address, first_node, *rest in program.reader("Scope", *SCOPE).iter_unpack(scopes_memory):
        if address not in literals:
            try:
                literals[address] = program.read_text(address)
            except Unreadable:
                literals[address] = "?"
        start = max(start, first_node)  # they rise, unless something has written over them
        scopes.append((literals[address], start, *rest))
    op_names = {}
    for op, name in program.enum_names("ValueOp").items():
        op_names[op] = "const" if name == "OP_LEAF" else name[len("OP_") :].lower()
    return Names(scopes, [op_names.get(op, "op%d" % op) for op in op_bytes])


def forget_caches():
    for cache in (node_addresses, names_of):
        cache.cache_clear()


# ---- The graph ----------------------------------------------------------------------------------


class GraphView:
    """A Graph of the program. Reads what it is asked for, once; dropped when the program runs on.

    Raises ValueError where the memory does not look like a Graph.
    """

    def __init__(self, program, address):
        self.program = program
        self.address = address
        # graph_init() sets this; memory that is not a Graph hardly contains it.
        no_memory = self.get("no_memory.data")
        self.node_size = program.sizeof("Value")
        self.chunks = tuple(self.read_chunks())
        self.n_nodes = sum(size for _, size in self.chunks) // self.node_size
        self.n_scopes = self.get("n_scopes")
        self.n_topo = self.get("n_topo")
        self.scopes_address = self.get("scopes")
        self.topo_address = self.get("topo")
        if no_memory == no_memory or self.n_topo > self.n_nodes:
            raise ValueError("not a graph")
        if self.n_scopes > self.get("scopes_capacity"):
            raise ValueError("not a graph")

    def get(self, path):
        return self.program.get("Graph", self.address, path)

    def read_chunks(self):
        """(address, bytes in use), in order of creation."""
        reader = self.program.reader("ArenaChunk", "next", "size", "before", "memory")
        current = self.get("arena.current")
        chunk = self.get("arena.first")
        for _ in range(MAX_CHUNKS if current != 0 else 0):
            following, size, before, start = reader.unpack(self.program.read(chunk, reader.size))
            if chunk == current:
                used = self.get("arena.next") - start
            else:
                used = self.program.get("ArenaChunk", following, "before") - before
            if not 0 <= used <= size or used % self.node_size != 0:
                raise ValueError("not an arena of Values")
            if used > 0:  # at both ends: a length that is anything is not there in memory
                self.program.read(start, 1)
                self.program.read(start + used - 1, 1)
            yield start, used
            if chunk == current:
                return
            chunk = following

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
        memory = b"".join(self.program.read(start, used) for start, used in self.chunks)
        return list(self.program.reader("Value", *RECORD).iter_unpack(memory))

    def node(self, node_id):
        return Node(node_id, self.records[node_id], self.ids)

    @functools.cached_property
    def topo(self):
        """Node ids, children before parents; empty until graph_build_topo() has been there."""
        ids = self.ids
        addresses = self.program.items(self.topo_address, "Q", self.n_topo)
        if not all(address in ids for address in addresses):
            raise ValueError("its order has something that is no node")
        return [ids[address] for address in addresses]

    @functools.cached_property
    def places(self):
        """The index of each node in topo: {id: index}."""
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
        """When backward visits the node, counted from 1; None if the loss does not depend on it."""
        place = self.places.get(node_id)
        return None if place is None else self.n_topo - place

    def edges_into(self, node_id):
        """The contributions to the node's gradient, in the order in which backward adds them."""
        edges = [edge for edge in self.parents.get(node_id, ()) if edge[0] in self.places]
        edges.sort(key=lambda edge: (-self.places[edge[0]], edge[1]))
        return [Edge(self.node(parent), index) for parent, index in edges]

    @functools.cached_property
    def names(self):
        size = self.n_scopes * self.program.sizeof("Scope")
        memory = self.program.read(self.scopes_address, size)
        return names_of(self.program, memory, bytes(record[OP] for record in self.records))

    def path(self, node_id):
        return self.names.path(node_id)

    # -- how far backward is --

    @functools.cached_property
    def current_edge(self):
        """The edge at which the program has stopped, in edge_backward(), or None."""
        frame = self.program.find_frame("edge_backward")
        if frame is None or frame.is_at_start():
            return None
        node_id = self.ids.get(frame.variable("v"))
        index = frame.variable("i") if node_id in self.places else None
        if index is None or not 0 <= index < len(self.node(node_id).children):
            return None
        edge = Edge(self.node(node_id), index)
        edge.is_done = frame.is_at_end()
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
        """`none`, `ready` (topo is complete), `running` or `done`."""
        if self.n_topo == 0:
            return "none"
        if self.next_place < 0:
            return "done"
        frame = self.program.find_frame("graph_backward")
        is_in_loop = frame is not None and frame.variable("n_left") is not None
        return "ready" if self.next_place == self.n_topo - 1 and not is_in_loop else "running"

    def is_at_place(self, place):
        """Whether graph_backward() has its `v` from that place, and has not come to an edge yet."""
        frame = self.program.find_frame("graph_backward")
        if frame is None or self.program.find_frame("edge_backward") is not None:
            return False
        address = self.addresses[self.topo[place]]
        return frame.variable("n_left") == place + 1 and frame.variable("v") == address

    def next_places(self):
        """The places in topo that backward comes to from here, without leaves: they pass nothing
        on."""
        for place in range(self.next_place, -1, -1):
            if self.node(self.topo[place]).children:
                yield place

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

    def gradients_before(self, node):
        """The gradients of a node's children, before each of its edges adds to them."""
        here = self.current_edge
        n_done = 0
        if here is not None and here.parent.id == node.id:
            n_done = here.index + here.is_done
        now = {child: self.node(child).grad for child in node.children}
        before = []
        for index, child in enumerate(node.children):
            edge = Edge(node, index)
            if index < n_done:
                before.append(sum_before(self.edges_into(child), edge))
            else:
                before.append(now[child])
                now[child] += edge.contribution
        return before

    # -- in words --

    def op_name(self, node):
        return self.names.ops[node.id]

    def kind(self, node):
        """The operation, for people."""
        return self.op_name(node) if node.children else "leaf"

    def formula(self, node):
        """The node's expression, with the paths of its children."""
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
        """The exponent is not in the node; but a**c has the local gradient c * a**c / a."""
        base = self.node(node.children[0]).data
        try:
            return number(node.local_grads[0] * base / node.data)
        except ZeroDivisionError:
            return "c"

    def relatives(self, node):
        """The node's children and parents, for an editor to open: (words, id)."""
        for index, child in enumerate(node.children):
            words = (self.path(child), number(node.local_grads[index]))
            yield "child %s, local gradient %s" % words, child
        for parent_id, index in self.parents.get(node.id, ()):
            words = (self.path(parent_id), number(self.node(parent_id).local_grads[index]))
            yield "parent %s, local gradient %s" % words, parent_id

    def line(self, node):
        return "%s: %s, data %s, grad %s" % (
            self.path(node.id),
            self.formula(node),
            number(node.data),
            number(node.grad),
        )


# ---- Finding the graph --------------------------------------------------------------------------


class Context:
    """What was read since the program stopped. A new one is made when it stops again."""

    last_graph = None  # the address of the graph that was found last, in any context

    def __init__(self, program):
        self.program = program
        self.views = {}

    def view(self, address):
        if address not in self.views:
            try:
                self.views[address] = GraphView(self.program, address)
            except (ValueError, Unreadable):
                self.views[address] = None
        return self.views[address]

    def inner_structs(self, name, address):
        """The struct and those that it leads to, down to the Graph: (name, address)."""
        yield name, address
        for field_name, field in self.program.fields(name).items():
            if field.target in ("Graph", "ScalarGpt", "Engine", "Trainer") and field.count == 1:
                inner = address + field.offset
                if field.kind == "p":
                    inner = self.program.get(name, address, field_name)
                yield from self.inner_structs(field.target, inner)

    def find(self, wanted):
        """The address of the innermost struct of that name that a variable of a frame is or leads
        to, or None."""
        for frame in self.program.frames():
            for name, address in frame.structs():
                if name not in ("Graph", "ScalarGpt", "Engine", "Trainer", "Session"):
                    continue
                try:
                    for inner_name, inner in self.inner_structs(name, address):
                        if inner_name == wanted and self.is_alive(inner_name, inner):
                            return inner
                except Unreadable:  # not set yet, somewhere on the way
                    pass
        return None

    def is_alive(self, name, address):
        """Whether the struct is set up: a variable exists before anything is in it."""
        if name == "Graph":
            return self.view(address) is not None
        if name == "ScalarGpt":
            return self.view(address + self.program.field(name, "graph")[0]) is not None
        if name == "Trainer":
            step, num_steps = (self.program.get(name, address, n) for n in ("step", "num_steps"))
            engine = self.program.get(name, address, "engine")
            return step <= num_steps and self.is_alive("Engine", engine)
        if name == "Engine" and self.makes_no_graph(address):
            return True
        return any(
            self.is_alive(*inner)
            for inner in self.inner_structs(name, address)
            if inner[0] == "ScalarGpt"
        )

    def makes_no_graph(self, engine):
        """Whether it is the tensor engine, and set up."""
        kinds = self.program.enum_names("EngineKind")
        kind = kinds.get(self.program.get("Engine", engine, "kind"))
        return kind == "ENGINE_TENSOR" and self.program.get("Engine", engine, "tensor") != 0

    @functools.cached_property
    def graph(self):
        """The graph of the innermost frame that has one; or the last one found, if still valid."""
        found = self.find("Graph")
        address = found if found is not None else Context.last_graph
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
        return engine is not None and self.makes_no_graph(engine)

    @functools.cached_property
    def n_params(self):
        """How many of the graph's first nodes are parameters; 0 if it is not that of a model."""
        gpt = self.gpt
        if gpt is None or self.graph is None:
            return 0
        if gpt + self.program.field("ScalarGpt", "graph")[0] != self.graph.address:
            return 0
        model = self.program.get("ScalarGpt", gpt, "model")
        return min(self.program.get("Model", model, "n_params"), self.graph.n_nodes)
