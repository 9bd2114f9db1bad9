#!/usr/bin/env python3
"""The example of micrograd's README, computed by the library through ctypes.

    micrograd.py [LIBRARY]

LIBRARY is the path of the library (default: libmicrogpt.so.0.1). Prints the result and two gradients:
24.7041, 138.8338, 645.5773.
"""

import ctypes
import sys


class CValue(ctypes.Structure):
    """The first two fields of a Value, which are all that is read here."""

    _fields_ = [("data", ctypes.c_double), ("grad", ctypes.c_double)]


class CError(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 512)]


Node = ctypes.POINTER(CValue)


class Graph:
    """A graph of the library, which frees its nodes at the end."""

    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        self.library.graph_new.restype = ctypes.c_void_p
        self.pointer = ctypes.c_void_p(self.library.graph_new())
        if not self.pointer:
            raise MemoryError("graph_new")

    def __del__(self):
        self.library.graph_delete(self.pointer)

    def call(self, name, *arguments):
        """Call an operator: a function of the graph that returns a node."""
        function = getattr(self.library, name)
        function.restype = Node
        return Value(self, function(self.pointer, *arguments))

    def leaf(self, data):
        return self.call("value_leaf", ctypes.c_double(data))

    def backward(self, root):
        error = CError()
        self.library.value_backward.restype = ctypes.c_bool
        if not self.library.value_backward(self.pointer, root.node, ctypes.byref(error)):
            raise RuntimeError(error.message.decode())


class Value:
    """A node, with the operators of Python."""

    def __init__(self, graph, node):
        self.graph, self.node = graph, node

    data = property(lambda self: self.node.contents.data)
    grad = property(lambda self: self.node.contents.grad)

    def apply(self, name, other):
        if isinstance(other, Value):
            return self.graph.call("value_" + name, self.node, other.node)
        return self.graph.call(f"value_{name}_number", self.node, ctypes.c_double(other))

    def __add__(self, other):
        return self.apply("add", other)

    def __radd__(self, other):
        return self + other

    def __mul__(self, other):
        return self.apply("mul", other)

    def __rmul__(self, other):
        return self * other

    def __sub__(self, other):
        return self.apply("sub", other)

    def __truediv__(self, other):
        return self.apply("div", other)

    def __rtruediv__(self, other):
        return self.graph.call("value_rdiv_number", self.node, ctypes.c_double(other))

    def __neg__(self):
        return self.graph.call("value_neg", self.node)

    def __pow__(self, exponent):
        return self.graph.call("value_pow", self.node, ctypes.c_double(exponent))

    def relu(self):
        return self.graph.call("value_relu", self.node)


def main():
    graph = Graph(sys.argv[1] if len(sys.argv) > 1 else "libmicrogpt.so.0.1")
    a = graph.leaf(-4.0)
    b = graph.leaf(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    graph.backward(g)
    print(f"{g.data:.4f}, {a.grad:.4f}, {b.grad:.4f}")


main()
