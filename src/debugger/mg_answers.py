"""The mg commands that only read the graph; gdb and lldb share them."""

import os
import re

from mg_debugger import (
    Command,
    matching_ids,
    need_process,
    place_in_backward,
    plural,
    split_count,
    split_flags,
)
from mg_graph import Problem, bits, number, printable

MAX_ROWS = 12  # of mg why: more are shown in groups

# ---- A node and its neighbours ------------------------------------------------------------------


def backward_words(view, node):
    """Where in the order of backward the node is, and whether backward has visited it."""
    state = view.backward_state()
    if state == "none":
        return "backward has not begun"
    if node.id not in view.places:
        return "the loss does not depend on it"
    words = place_in_backward(view, node.id) + " in the order of backward, "
    place = view.places[node.id]
    if state == "ready":
        return words + "which has not begun"
    if place > view.next_place:
        return words + "which has visited it"
    return words + ("which is at it" if place == view.next_place else "which has not reached it")


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
    """Show everything about one node.
Usage: mg node V [--exact]

Its operation, data and gradient; its id, which counts the nodes from 0 as
they are made; its place in the order of backward, such as [3/5]; its
children, each with its local gradient; its parents, which are the nodes that
were made from it. With --exact, all numbers to the last bit."""

    name = "node"

    def run(self, argument):
        argument, exact = split_flags(argument, "--exact")
        node = self.find_node(argument)
        view = self.view
        self.say("%s: %s" % (view.path(node.id), view.formula(node)))
        self.say("  data %s, grad %s" % (number(node.data, exact), number(node.grad, exact)))
        self.say("  id %d; %s" % (node.id, backward_words(view, node)))
        if node.children:
            self.say("children:")
            self.say_table(
                (
                    view.path(child),
                    "data " + number(view.node(child).data, exact),
                    "local gradient " + number(local_grad, exact),
                )
                for child, local_grad in zip(node.children, node.local_grads)
            )
        rows = parent_rows(view, node)
        self.say("parents:" if rows else "no parents")
        if rows:
            self.say_table(rows)


class ParentsCommand(Command):
    """Show the nodes that were made from a node.
Usage: mg parents V

In order of creation, each with its local gradient: how much the parent
changes when V changes."""

    name = "parents"

    def run(self, argument):
        node = self.find_node(argument)
        view = self.view
        rows = parent_rows(view, node)
        self.say("%s has %s" % (view.path(node.id), plural(len(rows), "parent")))
        if rows:
            self.say_table(rows)


class TreeCommand(Command):
    """Show the expression below a node as a tree.
Usage: mg tree V [DEPTH]

The children are below their parents, down to DEPTH (3). `...` stands for
children that are not shown. The children of a node are shown only once."""

    name = "tree"

    def run(self, argument):
        argument, depth = split_count(argument, 3)
        root = self.find_node(argument)
        view = self.view
        opened = set()
        waiting = [(root, "", "", depth)]
        while waiting:
            node, first, rest, depth = waiting.pop()
            again = node.id in opened and node.children
            below = " ..." if node.children and depth == 0 else ""
            line = "%s%s  %s  data %s  grad %s" % (
                first,
                view.path(node.id),
                view.kind(node),
                number(node.data),
                number(node.grad),
            )
            self.say(line + ("  (see above)" if again else below), rest + "    ")
            if again or depth == 0:
                continue
            opened.add(node.id)
            for index, child in reversed(list(enumerate(node.children))):
                is_last = index + 1 == len(node.children)
                first = rest + ("`-- " if is_last else "|-- ")
                following = rest + ("    " if is_last else "|   ")
                waiting.append((view.node(child), first, following, depth - 1))


class FindCommand(Command):
    """Find nodes by their paths.
Usage: mg find PATTERN [N]

In PATTERN, * stands for any text and ? for any one character, as in
`mg find pos2.*.softmax*`. Without them, PATTERN is a part of the path, as in
`mg find attn_wq`. Prints the first N (20) nodes in order of creation, and
their expressions if the window is wide enough."""

    name = "find"

    def run(self, argument):
        view = self.view
        pattern, limit = split_count(argument, 20)
        if not pattern:
            raise Problem("Which path? For example `mg find pos2.loss*`.")
        ids = matching_ids(view, pattern)
        self.say("%s of %d" % (plural(len(ids), "node"), view.n_nodes))
        nodes = [view.node(node_id) for node_id in ids[:limit]]
        lines = ["  " + view.line(node) for node in nodes]
        width = self.debugger.width()
        if len(lines) < 2 or width <= 0 or max(map(len, lines)) <= width:
            for line in lines:
                self.say(line)
        else:
            self.say_table(
                (view.path(node.id), "data " + number(node.data), "grad " + number(node.grad))
                for node in nodes
            )
        if len(ids) > limit:
            self.say("  ... %d more" % (len(ids) - limit))


class TopCommand(Command):
    """Show the largest gradients.
Usage: mg top [N] [PATTERN]

The N (10) nodes with the largest gradients, of those whose path matches
PATTERN. Without a PATTERN: of the model's parameters, or of all nodes if
there is no model."""

    name = "top"

    def run(self, argument):
        view = self.view
        match = re.match(r"(\d+)(?:\s+|$)", argument)
        limit = int(match.group(1)) if match else 10
        pattern = argument[match.end() :] if match else argument
        if pattern:
            ids = matching_ids(view, pattern)
        else:
            ids = range(self.context.n_params or view.n_nodes)
        nodes = [view.node(node_id) for node_id in ids]
        nodes = [node for node in nodes if node.grad != 0]
        nodes.sort(key=lambda node: -abs(node.grad))
        if not nodes:
            raise Problem("No such node has a gradient other than 0.")
        self.say_table(
            ("grad " + number(node.grad), "data " + number(node.data), view.path(node.id))
            for node in nodes[:limit]
        )


class OutlineCommand(Command):
    """Show the paths of all nodes as a tree.
Usage: mg outline [DEPTH]

How many nodes there are below each part of a path, down to DEPTH (2) dots.
Parts that differ only in their number are one line: `pos*  56273 nodes in 7`
stands for the nodes of pos0 to pos6."""

    name = "outline"
    takes_node = False

    def run(self, argument):
        if not re.fullmatch(r"\d*", argument):
            raise Problem("mg outline takes a number: down to how many dots.")
        view = self.view
        self.say(plural(view.n_nodes, "node"))
        parts = {}  # of paths, by their names without numbers: [different ones, nodes, inner parts]
        for path in view.names.paths:
            level = parts
            names = path.split(".")
            for n, name in enumerate(names[: int(argument or 2) + 1], 1):
                key = re.sub(r"\d+(,\d+)?", "*", name)
                part = level.setdefault(key, [set(), 0, {}])
                part[0].add(".".join(names[:n]))
                part[1] += 1
                level = part[2]
        self.say_table(self.rows(parts, ""))

    def rows(self, parts, indent):
        for name, (things, n_nodes, inner) in parts.items():
            words = plural(n_nodes, "node")
            if 1 < len(things) < n_nodes:
                words += " in %d" % len(things)
            yield (indent + name, words)
            yield from self.rows(inner, indent + "  ")


class ShowCommand(Command):
    """Show the nodes of a vector.
Usage: mg show EXPRESSION [N]

EXPRESSION is an array of pointers to Values, or points to the first of N
(16), as in `mg show gpt->q 16`."""

    name = "show"

    def run(self, argument):
        view = self.view
        text, n = split_count(argument, 0)
        if not text:
            raise Problem("mg show takes an array of Value pointers, as `mg show gpt->q 16`.")
        value = self.debugger.evaluate(text)
        if value is None:
            raise Problem("%s is not a valid expression in this frame." % printable(text))
        if value.vector is None:
            raise Problem(
                "%s has the type `%s`: mg show takes an array of Value pointers."
                % (printable(text), value.type_text)
            )
        n = n or value.n_items or 16
        rows = []
        for index, address in enumerate(self.debugger.program.items(value.vector, "Q", n)):
            node_id = view.ids.get(address)
            name = "NULL" if address == 0 else "no node"
            row = (str(index), name, "", "")
            if node_id is not None:
                node = view.node(node_id)
                numbers = ("data " + number(node.data), "grad " + number(node.grad))
                row = (str(index), view.path(node_id), *numbers)
            rows.append(row)
        self.say_table(rows)


class WhyCommand(Command):
    """Show where a gradient comes from.
Usage: mg why V [--exact] [--all]
       mg why V --chain

Each parent of V adds `local gradient * the parent's gradient`. Shows these
contributions in the order in which backward adds them, with the running
total, and whether the total equals V.grad bit for bit. Many contributions are
shown in groups; --all shows each of them, and --exact shows each to the last
bit, as `microgpt nodes` writes it.

With --chain: goes from V to the parent that contributes most, from there to
its parent that contributes most, and so on to the loss. The product of the
local gradients on the way is the chain rule along this one path."""

    name = "why"
    heading = ("parent", "local gradient", "*", "parent's grad", "=", "contribution", "total")

    def run(self, argument):
        argument, exact, chain, show_all = split_flags(argument, "--exact", "--chain", "--all")
        node = self.find_node(argument)
        view = self.view
        path = view.path(node.id)
        if view.backward_state() == "none":
            raise Problem(
                "Backward has not begun, so nothing has been added to %s.grad; `mg step` begins it."
                % path
            )
        if node.id not in view.places:
            self.say("%s.grad is %s: the loss does not depend on it." % (path, number(node.grad)))
        elif node.id == view.topo[-1]:
            self.say(
                "%s.grad is %s: this is where backward starts, and d%s/d%s is 1."
                % (path, number(node.grad), path, path)
            )
        elif chain:
            self.say_chain(view, node)
        else:
            self.say_sum(view, node, exact, show_all or exact)

    def say_sum(self, view, node, exact, show_all):
        path = view.path(node.id)
        edges = view.edges_into(node.id)
        n_added = view.n_added(node, edges)
        total = 0.0
        for edge in edges[:n_added]:
            total += edge.contribution
        words = "%s.grad is the sum of %s" % (path, plural(len(edges), "contribution"))
        if show_all or len(edges) <= MAX_ROWS:
            self.say(words + ", in this order:")
            self.say_table(self.rows(view, edges, n_added, exact), (1, 2, 3, 4, 5, 6))
        else:
            self.say(words + ", here in groups (--all shows each):")
            self.say_table(self.group_rows(view, edges, n_added), (1, 2, 3))
        so_far = "" if n_added == len(edges) else " so far"
        if bits(total) == bits(node.grad):
            self.say("The total%s equals %s.grad, bit for bit." % (so_far, path))
        else:
            self.say(
                "The total%s does NOT equal %s.grad, which is %s: the gradient was not 0 when "
                "backward began, or it was changed afterwards."
                % (so_far, path, number(node.grad, exact))
            )

    def rows(self, view, edges, n_added, exact):
        yield self.heading
        total = 0.0
        for n, edge in enumerate(edges):
            row = [view.path(edge.parent.id), number(edge.local_grad, exact)]
            if n < n_added:
                total += edge.contribution
                row += ["*", number(edge.parent.grad, exact), "="]
                row += [number(edge.contribution, exact), number(total, exact)]
            else:
                row += ["", "not added yet", "", "", ""]
            yield tuple(row)

    def group_rows(self, view, edges, n_added):
        """A row for all parents whose paths differ only in their numbers."""
        yield ("parents", "how many", "contributions", "not added yet")
        groups = {}
        for n, edge in enumerate(edges):
            path = view.path(edge.parent.id)
            groups.setdefault(re.sub(r"\d+", "*", path), []).append((path, n, edge))
        for group in groups.values():
            name = self.common_name([path for path, _, _ in group])
            added = [edge.contribution for _, n, edge in group if n < n_added]
            to_come = str(len(group) - len(added)) if len(added) < len(group) else ""
            yield (name, str(len(group)), number(sum(added)), to_come)

    def common_name(self, paths):
        """Merges paths that differ only in their numbers, with * for the numbers that differ."""
        parts = [re.split(r"(\d+)", path) for path in paths]
        return "".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*parts))

    def say_chain(self, view, node):
        path = view.path(node.id)
        links = self.largest_links(view, node)
        if not links:
            raise Problem("Backward has not reached %s yet." % path)
        product = 1.0
        for link in links:
            product *= link.local_grad
        factors = [number(link.local_grad) for link in links if not self.is_sum(view, link)]
        root = view.path(view.topo[-1])
        self.say("d%s/d%s along the path of the largest contributions:" % (root, path))
        self.say_table(self.chain_rows(view, links))
        if len(factors) > 1:
            self.say("= " + " * ".join(factors))
        self.say("= " + number(product))
        if bits(product) == bits(node.grad):
            self.say("This path contributes all of %s.grad." % path)
        elif node.grad != 0:
            share = 100 * product / node.grad
            numbers = (path, number(node.grad), share, number(node.grad - product))
            self.say("%s.grad is %s: %.3g %% of it is from this path, %s from the others." % numbers)

    def is_sum(self, view, link):
        return link.local_grad == 1 and view.op_name(link.parent) == "add"

    def chain_rows(self, view, links):
        """A line for each factor; consecutive sums, which do not change the gradient, are one."""
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
    """Write the graph around a node for Graphviz.
Usage: mg dot V [DEPTH] FILE

The nodes below V and those made from it, up to DEPTH (2) edges away. In a
shell, `dot -Tsvg FILE > picture.svg` draws it. Put quotes around a FILE with
blanks in its name."""

    name = "dot"

    def run(self, argument):
        words = self.debugger.split_words(argument)
        has_depth = len(words) > 2 and words[-2].isdigit()
        target = " ".join(words[: -2 if has_depth else -1])
        if not target:
            raise Problem("Which node, and which file? mg dot V [DEPTH] FILE")
        if words[-1].isdigit():
            raise Problem(
                "The file is missing: mg dot V [DEPTH] FILE. For a file called %s, write ./%s."
                % (words[-1], words[-1])
            )
        depth = int(words[-2]) if has_depth else 2
        node = self.find_node(target)
        view = self.view
        file_name = os.path.abspath(os.path.expanduser(words[-1]))
        ids = self.neighbourhood(view, node.id, depth)
        try:
            with open(file_name, "w", encoding="utf-8") as file:
                file.write("\n".join(self.dot_lines(view, node.id, ids)) + "\n")
        except OSError as error:
            raise Problem("%s: %s" % (printable(file_name), error.strerror))
        self.say("%s: %s" % (printable(file_name), plural(len(ids), "node")))

    def neighbourhood(self, view, node_id, depth):
        """The ids of the nodes within depth edges below or above the node."""

        def reach(neighbours):
            reached = {node_id}
            edge_of_it = {node_id}
            for _ in range(depth):
                edge_of_it = {n for near in edge_of_it for n in neighbours(near)} - reached
                if not edge_of_it:
                    break
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
    """Returns pos2.layer0.attn.head3 in words, and the rest of the path."""
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


class WhereCommand(Command):
    """Say in which part of training and of the model the program is.
Usage: mg where"""

    name = "where"
    takes_node = False

    def run(self, argument):
        need_process(self.debugger)
        self.program = self.debugger.program
        trainer = self.context.trainer
        sampling = self.program.find_frame("sampler_next") is not None
        if sampling:
            self.say(self.sample_line())
        elif trainer is not None and self.trainer("step") < self.trainer("num_steps"):
            self.say(
                'Training: step %d of %d, document "%s".'
                % (self.trainer("step") + 1, self.trainer("num_steps"), self.document_text())
            )
        for line in self.phase_lines(sampling):
            self.say(line)
        self.say(self.function_line())

    def trainer(self, path):
        return self.program.get("Trainer", self.context.trainer, path)

    def document_text(self):
        dataset = self.trainer("dataset")
        docs = self.program.get("Dataset", dataset, "docs")
        n_docs = self.program.get("Dataset", dataset, "n_docs")
        doc = docs + self.trainer("step") % n_docs * self.program.sizeof("Document")
        size = self.program.get("Document", doc, "size")
        text = self.program.read(self.program.get("Document", doc, "text"), min(size, 60))
        return printable(text.decode("utf-8", "replace")) + ("..." if size > 60 else "")

    def token_text(self, pos_id):
        (token_id,) = self.program.items(self.trainer("tokens") + 4 * pos_id, "i", 1)
        tokenizer = self.trainer("tokenizer")
        if token_id == self.program.get("Tokenizer", tokenizer, "bos"):
            return "BOS"
        uchars = self.program.get("Tokenizer", tokenizer, "uchars")
        return '"%s"' % printable(chr(self.program.items(uchars + 4 * token_id, "I", 1)[0]))

    def sample_line(self):
        frame = self.program.find_frame("samples_print")
        sample_id = frame.variable("sample_id") if frame is not None else None
        if sample_id is None:
            return "Sampling: generating a name."
        return "Sampling: name %d." % (sample_id + 1)

    def phase_lines(self, sampling):
        adam = self.program.find_frame("adam_step")
        if adam is not None:
            return [self.update_line(adam)]
        view = self.context.graph
        if view is None and self.context.is_without_graph:
            return ["The tensor engine computes here, without a graph."]
        if view is None or view.n_nodes == 0:
            return ["There is no graph yet."]
        if self.program.find_frame("graph_build_topo") is not None:
            return ["Backward: putting the nodes in order, children before parents."]
        if self.program.find_frame("graph_backward") is not None:
            return self.backward_lines(view)
        if self.program.find_frame("scalar_gpt_forward", "scalar_gpt_probs") is not None:
            return [self.forward_line(view)]
        if sampling:
            return []
        if view.backward_state() == "done":
            return ["Backward is done: all %d nodes have their gradients." % view.n_topo]
        return ["The graph has %s; backward has not begun." % plural(view.n_nodes, "node")]

    def update_line(self, frame):
        i = frame.variable("i")
        n_params = self.context.n_params
        view = self.context.graph
        if i is None or view is None or not 0 <= i < n_params:
            return "Update: Adam changes the parameters."
        return "Update: Adam at parameter %d of %d, %s." % (i, n_params, view.path(i))

    def backward_lines(self, view):
        place = view.next_place
        if place < 0:
            yield "Backward is done: all %d nodes have their gradients." % view.n_topo
            return
        node = view.node(view.topo[place])
        words, _ = place_words(view.path(node.id))
        line = "Backward: %s %s" % (place_in_backward(view, node.id), view.path(node.id))
        yield line + (" (%s)." % words if words else ".")
        edge = view.current_edge
        if edge is not None:
            state = "added" if edge.is_done else "not added yet"
            numbers = (edge.index + 1, len(node.children))
            yield "Edge %d of %d, to %s: %s." % (*numbers, view.path(edge.child), state)
        if view.backward_state() == "ready" and view.n_topo < view.n_nodes:
            yield "The loss does not depend on %d of the %d nodes; backward skips them." % (
                view.n_nodes - view.n_topo,
                view.n_nodes,
            )

    def forward_line(self, view):
        """Uses the scope that was opened last, in which nodes are being made now."""
        if view.n_topo > 0:  # still the graph of the document before
            return "Forward: about to begin."
        path = view.names.scope_path(view.n_scopes - 1) if view.n_scopes else ""
        words, thing = place_words(path)
        match = re.match(r"pos(\d+)\b", path)
        frame = self.program.find_frame("scalar_gpt_forward")
        if match and self.context.trainer is not None and frame is not None:
            pos_id = int(match.group(1))
            of = "position %d" % pos_id
            tokens = [self.token_text(pos_id + n) for n in (0, 1)]
            words = words.replace(of, "%s (%s, then %s)" % (of, *tokens), 1)
        if words and match:
            return "Forward: " + words + (", making %s." % thing if thing else ".")
        if path.startswith("loss"):
            return "Forward: the whole document, making %s." % path
        return "Forward: about to begin."

    def function_line(self):
        frames = [frame for frame in self.program.frames() if frame.name is not None][:4]
        if not frames:
            return "The program is in no known function."
        line = "The program is in %s (%s)" % (frames[0].name, frames[0].file_name)
        callers = ", ".join(frame.name for frame in frames[1:])
        return line + (", called by " + callers if callers else "") + "."


READING_COMMANDS = (
    *(NodeCommand, TreeCommand, ParentsCommand, FindCommand, TopCommand, OutlineCommand),
    *(ShowCommand, WhyCommand, DotCommand, WhereCommand),
)
