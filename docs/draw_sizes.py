#!/usr/bin/env python3
"""Draws the time that a document takes in models of many widths, at every SIMD level.

    build-release/microgpt bench --sizes --json | python3 docs/draw_sizes.py > docs/sizes.svg

Both axes are logarithmic: a line that rises by the same factor as the parameters means that a parameter
takes the same time at every width. A browser shows the drawing in light or dark colours, as the reader has
chosen.
"""

import json
import math
import sys

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 120, 50, 55

STYLE = """
    text { font-family: sans-serif; font-size: 13px; fill: #1f2328; }
    .title { font-size: 15px; font-weight: bold; }
    .page { fill: #ffffff; }
    .grid { stroke: #d0d7de; }
    .line { fill: none; stroke-width: 2; }
    .level0 { stroke: #6e7781; } .level1 { stroke: #0969da; } .level2 { stroke: #bc4c00; }
    .level3 { stroke: #1a7f37; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .page { fill: #0d1117; }
      .grid { stroke: #30363d; }
      .level0 { stroke: #8b949e; } .level1 { stroke: #58a6ff; } .level2 { stroke: #f0883e; }
      .level3 { stroke: #3fb950; }
    }
"""


class Axis:
    """A logarithmic scale, from the least number to the largest."""

    def __init__(self, numbers, first, last):
        self.low, self.high = min(numbers), max(numbers)
        self.first, self.last = first, last

    def at(self, number):
        share = math.log(number / self.low) / math.log(self.high / self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def powers_of_ten(self):
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        return [10**power for power in range(first, last + 1)]


def main():
    rows = [row for row in json.load(sys.stdin)["sizes"] if row["n_layer"] == 1 and row["block_size"] == 16]
    levels = list(dict.fromkeys(row["simd"] for row in rows))
    x = Axis([row["n_params"] for row in rows], LEFT, WIDTH - RIGHT)
    y = Axis([row["us"]["median"] for row in rows], HEIGHT - BOTTOM, TOP)
    title = "Microseconds per document, by the number of parameters"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-labelledby="title">\n'
        f'  <title id="title">{title}</title>\n  <style>{STYLE}  </style>\n'
        f'  <rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n'
        f'  <text class="title" x="{LEFT}" y="28">{title}</text>\n']
    for number in y.powers_of_ten():
        parts.append(f'  <line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(number)}" '
                     f'y2="{y.at(number)}"/>\n'
                     f'  <text x="{LEFT - 8}" y="{y.at(number) + 4}" text-anchor="end">{number}</text>\n')
    for row in rows:
        if row["simd"] == levels[0]:
            place = x.at(row["n_params"])
            parts.append(f'  <line class="grid" x1="{place}" x2="{place}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>\n'
                         f'  <text x="{place}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
                         f'{row["n_params"]}</text>\n'
                         f'  <text x="{place}" y="{HEIGHT - BOTTOM + 38}" text-anchor="middle">'
                         f'n_embd {row["n_embd"]}</text>\n')
    for i, level in enumerate(levels):
        places = [(x.at(row["n_params"]), y.at(row["us"]["median"])) for row in rows if row["simd"] == level]
        points = " ".join(f"{px},{py}" for px, py in places)
        parts.append(f'  <polyline class="line level{i}" points="{points}"/>\n'
                     f'  <text x="{places[-1][0] + 8}" y="{places[-1][1] + 4}">{level}, '
                     f'{[row for row in rows if row["simd"] == level][-1]["us"]["median"]:.0f} us</text>\n')
    sys.stdout.write("".join(parts) + "</svg>\n")


if __name__ == "__main__":
    main()
