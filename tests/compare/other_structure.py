"""Graphs of other structures that compute the same as a full dump with names, or have one mistake."""

import math
import re


class Graph:
    """Nodes in the order of creation: data, children, local gradients."""

    def __init__(self):
        self.nodes = []

    def make(self, data, children=(), local_grads=()):
        self.nodes.append((data, tuple(children), tuple(local_grads)))
        return len(self.nodes) - 1

    def data(self, node):
        return self.nodes[node][0]

    def sum(self, children):
        return self.make(sum(map(self.data, children)), children, [1.0] * len(children))

    def chain(self, terms):
        total = terms[0]
        for term in terms[1:]:
            total = self.sum([total, term])
        return total

    def mul(self, a, b):
        return self.make(self.data(a) * self.data(b), (a, b), (self.data(b), self.data(a)))

    def div(self, a, b):
        x, y = self.data(a), self.data(b)
        return self.make(x / y, (a, b), (1 / y, -x / (y * y)))

    def pow(self, a, exponent):
        x = self.data(a)
        return self.make(x ** exponent, (a,), (exponent * x ** (exponent - 1),))

    def log(self, a):
        return self.make(math.log(self.data(a)), (a,), (1 / self.data(a),))

    def exp(self, a):
        return self.make(math.exp(self.data(a)), (a,), (math.exp(self.data(a)),))

    def relu(self, a):
        x = self.data(a)
        return self.make(max(x, 0.0), (a,), (float(x > 0),))

    def keep(self, wanted):
        """Keep these nodes and those that they are computed from."""
        kept = set(wanted)
        for i in reversed(range(len(self.nodes))):
            if i in kept:
                kept.update(self.nodes[i][1])
        self.put(sorted(kept))

    def put_by_depth(self):
        """Put the nodes in another order: those from which the longest way to a leaf is short come first."""
        depth = []
        for _, children, _ in self.nodes:
            depth.append(1 + max((depth[child] for child in children), default=0))
        self.put(sorted(range(len(self.nodes)), key=lambda i: depth[i]))

    def put(self, kept):
        """Put these nodes in this order."""
        place = {old: new for new, old in enumerate(kept)}
        self.nodes = [(data, tuple(place[child] for child in children), local_grads)
                      for data, children, local_grads in (self.nodes[i] for i in kept)]

    def write(self, path):
        """Write a full dump without names."""
        grads = [0.0] * len(self.nodes)
        grads[-1] = 1.0
        for i in reversed(range(len(self.nodes))):
            for child, local_grad in zip(*self.nodes[i][1:]):
                grads[child] += local_grad * grads[i]
        with open(path, "w") as file:
            for i, (data, children, local_grads) in enumerate(self.nodes):
                print(i, data.hex(), grads[i].hex(), f"[{' '.join(map(str, children))}]",
                      f"[{' '.join(x.hex() for x in local_grads)}]", file=file)


class Node:
    """A node of the dump."""

    def __init__(self, line):
        numbers, children, local_grads = re.split(r" *\[", line, maxsplit=2)
        self.data = float.fromhex(numbers.split()[1])
        self.children = [int(child) for child in children.rstrip("]").split()]
        local_grads, names = local_grads.split("]", 1)
        self.local_grads = [float.fromhex(x) for x in local_grads.split()]
        self.op, self.path = names.split()


def rewrite(dump, change):
    """Build the graph of a dump again, with another structure."""
    with open(dump) as file:
        nodes = [Node(line) for line in file if line[0].isdigit()]
    users = {}
    for i, node in enumerate(nodes):
        for child in node.children:
            users.setdefault(child, []).append(i)

    def goes_on(i):
        """Whether a node is a sum that a longer one continues."""
        return re.search(r"\.add\[\d+\]$", nodes[i].path) and nodes[users[i][0]].op == "add"

    def terms(i):
        first, second = nodes[i].children
        before = terms(first) if goes_on(first) else [first]
        return before if nodes[second].op == "const" and nodes[second].data == 0 else before + [second]

    graph, new = Graph(), {}
    for i, node in enumerate(nodes):
        children = node.children
        if change == "long_sums" and node.op == "add":
            new[i] = graph.sum([new[child] for child in terms(i)])
        elif change == "totals_without_0" and node.op == "add" and ".softmax.total" in node.path \
                and nodes[children[1]].op == "const":
            new[i] = new[children[0]]
        elif change == "reversed_sums" and node.op == "add":
            new[i] = None if goes_on(i) else graph.chain([new[term] for term in reversed(terms(i))])
        elif change.startswith("row_0") and re.search(r"pos0\.embed", node.path):
            new[i] = graph.sum([new[children[0] % 2], new[children[1]]])
        elif change == "division" and node.op == "mul" and nodes[children[1]].op == "pow" \
                and nodes[children[1]].data < 0.9 * nodes[nodes[children[1]].children[0]].data:
            new[i] = graph.div(new[children[0]], new[nodes[children[1]].children[0]])
        elif change == "no_scale" and ".logit[" in node.path and "head" in node.path and node.op == "mul" \
                and nodes[children[1]].op == "const":
            new[i] = new[children[0]]
        elif change == "no_max" and node.op == "exp":
            new[i] = graph.exp(new[nodes[children[0]].children[0]])
        elif ".softmax.exp[" in node.path and node.op == "const":
            group = node.path[:node.path.index("exp[")]
            new[i] = graph.make(-max(graph.data(new[n.children[0]]) for n in nodes
                                     if n.path.startswith(group) and n.path.endswith("].add")))
        elif node.op == "param" or node.op == "const":
            new[i] = graph.make(1e-6 if change == "epsilon" and node.data == 1e-5 else node.data)
        elif node.op == "add":
            new[i] = graph.sum([new[child] for child in children])
        elif node.op == "pow":
            x = nodes[children[0]].data
            new[i] = graph.pow(new[children[0]], round(2 * node.local_grads[0] * x / node.data) / 2)
        else:
            new[i] = getattr(graph, node.op)(*(new[child] for child in children))
        if node.op == "relu" and change == "times_1":
            new[i] = graph.mul(new[i], graph.make(1.0))
        if node.op == "relu" and change == "relu_squared":
            new[i] = graph.pow(new[i], 2)
    graph.keep(new[i] for i, node in enumerate(nodes) if node.op == "param" or i not in users)
    if change.endswith("other_order"):
        graph.put_by_depth()
    return graph
