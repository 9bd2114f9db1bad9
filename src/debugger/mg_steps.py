"""The mg commands that run the program: node by node, edge by edge, forward and backward.

Each Debugger runs the program in its own way; the messages are the same in gdb and lldb.
"""

import itertools
import re

from mg_debugger import (
    NO_NODE,
    Command,
    need_functions,
    need_live_process,
    need_process,
    place_in_backward,
    prepare_to_run,
)
from mg_graph import Edge, Problem, bits, number, printable, sum_before

def in_backward(debugger):
    return debugger.program.find_frame("graph_backward") is not None


def begin_backward(debugger):
    """Runs the program to the beginning of graph_backward()."""
    if not in_backward(debugger):
        debugger.run_to_function("graph_backward")


def sum_words(before, edge, after):
    """What an edge has added, or only the gradient if the sum is not the gradient."""
    if bits(before + edge.contribution) != bits(after):
        return number(after)
    numbers = (before, edge.local_grad, edge.parent.grad, after)
    return "%s + %s * %s = %s" % tuple(map(number, numbers))


def watch_words(view, path):
    """What the current edge has added to the gradient of the path."""
    edge = view.current_edge
    edges = view.edges_into(edge.child)
    n = [other.is_same(edge) for other in edges].index(True)
    return "%s.grad, contribution %d of %d, from %s:\n  %s" % (
        path,
        n + 1,
        len(edges),
        view.path(edge.parent.id),
        sum_words(sum_before(edges, edge), edge, view.node(edge.child).grad),
    )


class RunningCommand(Command):
    def say_next(self):
        view = self.view
        node_id = view.topo[view.next_place]
        self.say("next %s %s" % (place_in_backward(view, node_id), view.line(view.node(node_id))))

    def say_end(self):
        self.say("backward is done: all %d nodes have their gradients" % self.view.n_topo)


class StepCommand(RunningCommand):
    """Run backward to its next node.
Usage: mg step [N]
       mg step --until V
       mg step --forward [N]

Lets the node that is next add to the gradients of its children, and prints
what it has added; then stops before the node after it. Leaves have no
children and are skipped. With N, does this N times. With --until, stops when
V is next, and its gradient is complete. If backward has not begun, runs to its
beginning.

With --forward, lets the program make one more node, or N, and prints each. Its
name may still change while more nodes are made under that name."""

    name = "step"

    def run(self, argument):
        until = re.fullmatch(r"--until\s+(.*)", argument)
        forward = re.fullmatch(r"--forward(?:\s+(\d+))?", argument)
        if forward:
            need_live_process(self.debugger, "mg step")
            need_functions(self.debugger)
            for _ in range(int(forward.group(1) or 1)):
                self.debugger.run_to_made_node()
                self.say_made()
            return
        prepare_to_run(self.debugger, "mg step")
        if until:
            self.step_until(until.group(1))
        elif re.fullmatch(r"\d*", argument) and not re.fullmatch("0+", argument):
            self.step(int(argument or 1))
        else:
            raise Problem("mg step takes a number of nodes, --until V, or --forward.")

    def say_made(self):
        view = self.view
        node = view.node(view.n_nodes - 1)
        path = view.path(node.id)
        if not node.children:
            self.say("made %s = %s, a leaf" % (path, number(node.data)))
            return
        locals_text = " and ".join(map(number, node.local_grads))
        self.say(
            "made %s = %s = %s, local gradient%s %s"
            % (
                path,
                view.formula(node),
                number(node.data),
                "" if len(node.children) == 1 else "s",
                locals_text,
            )
        )

    def step(self, n):
        begin_backward(self.debugger)
        if self.view.backward_state() == "ready":
            self.go(0)  # to the root
            n -= 1
        if n > 1:
            self.go(n - 1)
        view = self.view
        places = self.next_places(view, 1)
        if n > 0 and places:
            node = view.node(view.topo[places[0]])
            before = view.gradients_before(node)
            self.go(1)
            self.say("%s %s" % (place_in_backward(view, node.id), view.line(node)))
            self.say_changes(view, node, before)
        if in_backward(self.debugger):
            self.say_next()
        else:
            self.say_end()

    def go(self, n):
        """Runs backward for n more nodes, or to its end."""
        view = self.view
        places = self.next_places(view, n + 1)
        if n < len(places):
            self.debugger.run_to_place(view, places[n])
        elif in_backward(self.debugger):
            self.debugger.run_to_end()

    def next_places(self, view, n):
        """The first n of the places in topo where backward has something to do."""
        if not in_backward(self.debugger):
            return []
        return list(itertools.islice(view.next_places(), n))

    def say_changes(self, view, node, before):
        """What a node has added to its children's gradients: a line for each edge."""
        after = {child: self.view.node(child).grad for child in node.children}
        for index, child in enumerate(node.children):
            is_last = child not in node.children[index + 1 :]
            edge = Edge(node, index)
            total = after[child] if is_last else before[index] + edge.contribution
            self.say("    %s.grad: %s" % (view.path(child), sum_words(before[index], edge, total)))

    def step_until(self, text):
        begin_backward(self.debugger)
        node = self.find_node(text)
        if self.need_coming(node) and not self.run_to(node):
            self.say_end()
            return
        self.say_next()

    def need_coming(self, node):
        """Whether backward must run to reach the node; raises a Problem if it will not reach it."""
        view = self.view
        path = view.path(node.id)
        if node.id not in view.places:
            raise Problem("The loss does not depend on %s, so backward does not visit it." % path)
        if view.places[node.id] > view.next_place:
            raise Problem("Backward has already visited %s." % path)
        if not node.children and node.id >= self.context.n_params > 0:
            raise Problem("%s is a constant: it has no children to add to." % path)
        is_next = view.places[node.id] == view.next_place
        return not is_next or self.debugger.program.find_frame("edge_backward") is None

    def run_to(self, node):
        return self.debugger.run_to_place(self.view, self.view.places[node.id])


class GuessCommand(StepCommand):
    """Guess a gradient before you see it.
Usage: mg guess V [NUMBER]

Asks what V.grad will be when it is complete, unless you say so with NUMBER;
then runs backward until it is complete, and says how good the guess was."""

    name = "guess"

    def run(self, argument):
        match = re.fullmatch(r"(.*\S)\s+([-+]?[\d.]+(?:e[-+]?\d+)?)", argument)
        need_process(self.debugger)
        text, guess = match.groups() if match else (argument, None)
        if not text:
            raise Problem(NO_NODE)
        if in_backward(self.debugger) or self.view.backward_state() != "done":
            prepare_to_run(self.debugger, "mg guess")
            begin_backward(self.debugger)
        node = self.find_node(text)
        path = self.view.path(node.id)
        guess = self.to_number(guess or self.debugger.ask("What will %s.grad be? " % path))
        if self.must_run(node):
            self.run_to(node)
        grad = self.view.node(node.id).grad
        off = abs(guess - grad)
        if bits(guess) == bits(grad):
            self.say("%s.grad is %s: your guess is exact." % (path, number(grad)))
        elif number(guess) == number(grad):
            self.say("%s.grad is %s: your guess is right to six digits." % (path, number(grad)))
        elif guess == -grad:
            self.say("%s.grad is %s: your guess has the other sign." % (path, number(grad)))
        else:
            share = ", %.3g %% of it" % (100 * off / abs(grad)) if grad != 0 else ""
            words = (path, number(grad), number(off), share)
            self.say("%s.grad is %s: your guess is off by %s%s." % words)

    def must_run(self, node):
        view = self.view
        if view.places.get(node.id, view.n_topo) > view.next_place:
            return False
        return self.need_coming(node)

    def to_number(self, text):
        try:
            return float(text)
        except ValueError:
            raise Problem("%s is not a number." % printable(text))


class EdgeCommand(RunningCommand):
    """Run backward to its next edge.
Usage: mg edge

Prints what the edge before has added, and stops in edge_backward() before
`v->children[i]->grad += v->local_grads[i] * v->grad` is computed."""

    name = "edge"
    takes_node = False

    def run(self, argument):
        prepare_to_run(self.debugger, "mg edge")
        begin_backward(self.debugger)
        view = self.view
        edge = view.current_edge
        before = view.gradients_before(edge.parent)[edge.index] if edge is not None else 0.0
        reached = self.debugger.run_to_edge()
        if edge is not None:
            after = self.view.node(edge.child).grad
            self.say("done, %s.grad: %s" % (view.path(edge.child), sum_words(before, edge, after)))
        if not reached:
            self.say_end()
            return
        following = self.view.current_edge
        self.say(
            "next, edge %d of %d of %s, to %s: local gradient %s * grad %s"
            % (
                following.index + 1,
                len(following.parent.children),
                view.path(following.parent.id),
                view.path(following.child),
                number(following.local_grad),
                number(following.parent.grad),
            )
        )


RUNNING_COMMANDS = (StepCommand, GuessCommand, EdgeCommand)
