#!/usr/bin/env python3
"""Draws loss = (a * b + a) ** 2, the graph of five nodes that the book and the tour begin with.

    PYTHONPATH=reference python3 docs/draw_expression.py FOLDER

writes three files into the folder: expression-before.svg and expression-after.svg, the graph before and
after backward, and sum-and-product.svg, a gradient that goes through one sum and one product. All numbers
are those of the Values of reference/microgpt_reference.py. A browser shows the drawings in light or dark
colours, as the reader has chosen.
"""

import sys
from pathlib import Path

from microgpt_reference import Value

BOX_WIDTH = 126
BOX_HEIGHT = 66

STYLE = """
    text { font-family: sans-serif; font-size: 13px; fill: #1f2328; text-anchor: middle; }
    .formula { font-family: monospace; font-size: 14px; font-weight: bold; }
    .title { font-weight: bold; text-anchor: start; }
    .on-edge { font-family: monospace; }
    .page { fill: #ffffff; }
    .box { fill: #f6f8fa; stroke: #6e7781; }
    .leaf { fill: #e3eefb; stroke: #4a6f9c; }
    .forward { fill: none; stroke: #6e7781; stroke-width: 1.5; marker-end: url(#forward); }
    .backward { fill: none; stroke: #bc4c00; stroke-width: 2; marker-end: url(#backward); }
    .grad { fill: #bc4c00; font-weight: bold; }
    #forward path { fill: #6e7781; }
    #backward path { fill: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .page { fill: #0d1117; }
      .box { fill: #21262d; stroke: #8b949e; }
      .leaf { fill: #16304f; stroke: #6ea0dc; }
      .forward { stroke: #8b949e; }
      .backward { stroke: #f0883e; }
      .grad { fill: #f0883e; }
      #forward path { fill: #8b949e; }
      #backward path { fill: #f0883e; }
    }
"""

MARKER = """  <marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse"
          markerWidth="10" markerHeight="10" orient="auto">
    <path d="M0 0 L10 5 L0 10 z"/>
  </marker>
"""


class Drawing:
    def __init__(self, width, height, title, description):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img"\n     aria-labelledby="title description">\n'
            f'  <title id="title">{title}</title>\n'
            f'  <desc id="description">{description}</desc>\n'
            f'  <style>{STYLE}  </style>\n',
            MARKER.format(name="forward"), MARKER.format(name="backward"),
            f'  <rect class="page" width="{width}" height="{height}" rx="8"/>\n']

    def text(self, style, x, y, text):
        self.parts.append(f'  <text class="{style}" x="{x}" y="{y}">{text}</text>\n')

    def edge(self, style, begin, end, label):
        """An arrow, with a label that hides its middle."""
        width = 8 * len(label) + 8
        x, y = (begin[0] + end[0]) // 2, (begin[1] + end[1]) // 2
        self.parts.append(
            f'  <path class="{style}" d="M{begin[0]} {begin[1]} L{end[0]} {end[1]}"/>\n'
            f'  <rect class="page" x="{x - width // 2}" y="{y - 9}" width="{width}" height="18"/>\n')
        self.text("on-edge", x, y + 5, label)

    def node(self, place, formula, v, grad):
        """A box around the middle `place`."""
        x, y = place
        style = "box" if v._children else "leaf"
        self.parts.append(
            f'  <rect class="{style}" x="{x - BOX_WIDTH // 2}" y="{y - BOX_HEIGHT // 2}" '
            f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>\n')
        self.text("formula", x, y - 13, formula)
        self.text("data", x, y + 6, f"data {v.data:g}")
        self.text("data" if grad == "grad 0" else "grad", x, y + 24, grad)

    def write(self, path):
        path.write_text("".join(self.parts) + "</svg>\n", encoding="utf-8")


def sides(child, parent):
    """Return where an edge leaves the child's box and where it comes to the parent's."""
    return (child[0] + BOX_WIDTH // 2, child[1]), (parent[0] - BOX_WIDTH // 2, parent[1])


def contribution(local_grad, grad):
    return f"{local_grad:g} * {grad:g} = {local_grad * grad:g}"


def make_expression():
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    d = c + a
    loss = d ** 2
    return {"a": a, "b": b, "c": c, "d": d, "loss": loss}


FORMULAS = {"a": "a", "b": "b", "c": "c = a * b", "d": "d = c + a", "loss": "loss = d ** 2"}
PLACES = {"a": (77, 50), "b": (77, 230), "c": (325, 170), "d": (573, 90), "loss": (821, 90)}
EDGES = [("a", "c", 0), ("b", "c", 1), ("c", "d", 0), ("a", "d", 1), ("d", "loss", 0)]


def draw_graph(path, values, is_after):
    when = "after" if is_after else "before"
    beside = ("Beside each edge stands the local gradient, times the gradient of the node that it "
              "comes from." if is_after else "Beside each edge stands its local gradient.")
    drawing = Drawing(898, 280, f"loss = (a * b + a) ** 2, {when} backward",
                      f"Five nodes, each with its data and its gradient. {beside}")
    for child, parent, i in EDGES:
        begin, end = sides(PLACES[child], PLACES[parent])
        local_grad = values[parent]._local_grads[i]
        if is_after:
            drawing.edge("backward", end, begin, contribution(local_grad, values[parent].grad))
        else:
            drawing.edge("forward", begin, end, f"{local_grad:g}")
    for name, formula in FORMULAS.items():
        drawing.node(PLACES[name], formula, values[name], f"grad {values[name].grad:g}")
    drawing.write(path)


def draw_step(drawing, left, title, parent, operands, values):
    """One node that passes on its gradient: on the right the node, on the left its two operands."""
    place = (left + 331, 136)
    v = values[parent]
    drawing.text("title", left, 28, title)
    for i, name in enumerate(operands):
        operand_place = (left + 73, 76 + 120 * i)
        begin, end = sides(operand_place, place)
        drawing.edge("backward", end, begin, contribution(v._local_grads[i], v.grad))
        drawing.node(operand_place, name, values[name], f"grad += {v._local_grads[i] * v.grad:g}")
    drawing.node(place, FORMULAS[parent], v, f"grad {v.grad:g}")


def draw_sum_and_product(path, values):
    drawing = Drawing(898, 250, "A gradient on its way through a sum and through a product",
                      "A sum hands its gradient on to both operands. A product multiplies it with the "
                      "data of the other operand.")
    draw_step(drawing, 14, "A sum hands its gradient on to both operands.", "d", ("c", "a"), values)
    draw_step(drawing, 490, "A product multiplies it with the other operand.", "c", ("a", "b"), values)
    drawing.write(path)


def main():
    folder = Path(sys.argv[1])
    values = make_expression()
    draw_graph(folder / "expression-before.svg", values, False)
    values["loss"].backward()
    draw_graph(folder / "expression-after.svg", values, True)
    draw_sum_and_product(folder / "sum-and-product.svg", values)


if __name__ == "__main__":
    main()
