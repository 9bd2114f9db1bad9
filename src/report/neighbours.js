// The drawing around a node. Above it are its operands, up to two steps away; below it the nodes
// that use it, up to two steps away. The path of the largest contributions is thick.
"use strict";

const BOX_WIDTH = [122, 140]; // pixels, at least and at most
const BOX_GAP = 12;
const ROW_GAP = 60;

// The nodes and edges to draw. rows[0] is the row farthest above, rows[2] has only the node itself. An item of
// a row is a node, or a place where an edge to the row beyond passes.
class Neighbourhood {
  constructor(graph, id, atMost) {
    this.graph = graph;
    this.atMost = atMost; // nodes in a row
    this.path = new Set();
    this.edges = [];
    this.nLeftOut = 0; // users of the node
    this.rows = [[], [], [{ id }], [], []];
    const to = this.follow(id, (node) => graph.largestEdgeTo(node), (edge) => edge >> 1);
    const from = this.follow(id, (node) => graph.largestEdgeFrom(node), (edge) => graph.children[edge]);
    this.path = new Set([...to, ...from]);
    this.grow(1, 0, (node) => graph.edgesFrom(node), (edge) => graph.children[edge]);
    this.grow(3, 4, (node) => graph.edgesTo(node), (edge) => edge >> 1);
  }

  // The first two edges of a path.
  follow(id, next, end) {
    const first = next(id);
    const second = first === undefined ? undefined : next(end(first));
    return [first, second].filter((edge) => edge !== undefined);
  }

  // Keeps the edges with the largest contributions, to as many nodes as a row can have, in their order.
  choose(edges, end) {
    const size = (edge) => (this.path.has(edge) ? Infinity : Math.abs(this.graph.contribution(edge)));
    const kept = new Set();
    for (const edge of [...edges].sort((a, b) => size(b) - size(a))) {
      if (kept.size < this.atMost) {
        kept.add(end(edge));
      }
    }
    return edges.filter((edge) => kept.has(end(edge)));
  }

  // Fills the two rows on one side of the node. A node that is both one and two steps away goes into the far
  // row.
  grow(near, far, edgesOf, end) {
    const { id } = this.rows[2][0];
    const all = edgesOf(id);
    const nearEdges = this.choose(all, end);
    const nearIds = [...new Set(nearEdges.map(end))];
    const twoAway = new Set(nearIds.flatMap(edgesOf).map(end));
    const farEdges = this.choose(nearIds.filter((node) => !twoAway.has(node)).flatMap(edgesOf), end);
    const farIds = new Set(farEdges.map(end));
    this.nLeftOut = all.length - nearEdges.length; // of the users, whose side is filled last
    for (const edge of nearEdges) {
      const neighbour = end(edge);
      const item = farIds.has(neighbour) ? { passing: edge } : { id: neighbour };
      if (item.id === undefined || !this.rows[near].some((other) => other.id === neighbour)) {
        this.rows[near].push(item);
      }
    }
    const next = (item) => (item.id === undefined ? [item.passing] : farEdges.filter((edge) => edgesOf(item.id).includes(edge)));
    const ordered = this.rows[near].flatMap(next).map(end);
    this.rows[far] = [...new Set([...ordered, ...farIds])].map((farId) => ({ id: farId }));
    this.edges.push(...new Set([...nearEdges, ...farEdges]));
  }
}

// Breaks a path after dots, into lines of at most n characters if its parts allow it.
function pathLines(path, n) {
  const lines = [""];
  for (const part of path.split(/(?<=\.)/)) {
    const last = lines.length - 1;
    if (lines[last] !== "" && lines[last].length + part.length > n) {
      lines.push(part);
    } else {
      lines[last] += part;
    }
  }
  return lines;
}

// Sets the positions of all items.
function placeRows(rows, width, boxHeight) {
  const most = Math.max(...rows.map((row) => row.length));
  const boxWidth = Math.min(BOX_WIDTH[1], (width - (most - 1) * BOX_GAP - 2) / most);
  const shown = rows.filter((row) => row.length > 0);
  shown.forEach((row, k) => {
    const step = Math.min(boxWidth + 3 * BOX_GAP, (width - boxWidth - 2) / Math.max(1, row.length - 1));
    row.forEach((item, i) => {
      item.row = rows.indexOf(row);
      item.place = [width / 2 + (i - (row.length - 1) / 2) * step, boxHeight / 2 + 1 + k * (boxHeight + ROW_GAP)];
    });
  });
  return { boxWidth, height: shown.length * (boxHeight + ROW_GAP) - ROW_GAP + 2 };
}

// Draws an edge from the user's box up to the child's. Two edges between the same nodes are side by side.
function drawNeighbourEdge(graph, edge, neighbourhood, items, boxHeight) {
  const child = items.get(graph.children[edge]);
  const user = items.get(edge >> 1);
  const twins = neighbourhood.edges.filter((other) =>
    other >> 1 === edge >> 1 && graph.children[other] === graph.children[edge]);
  const shift = (twins.indexOf(edge) - (twins.length - 1) / 2) * 64;
  const passing = neighbourhood.rows.flat().find((item) => item.passing === edge);
  const points = [
    [user.place[0] + shift, user.place[1] - boxHeight / 2],
    ...(passing === undefined ? [] : [passing.place]),
    [child.place[0] + shift, child.place[1] + boxHeight / 2],
  ];
  const style = neighbourhood.path.has(edge) ? "largest" : "backward";
  const isMet = graph.isMet[edge >> 1];
  const label = isMet ? withDigits(graph.contribution(edge), 3) : "";
  const share = user.row > 2 ? 0.3 : 0.7; // away from the node, where arrows are far apart
  const drawn = arrow(points, label, share, isMet ? style : "unmet");
  drawn.dataset.edge = edge;
  return drawn;
}

function drawNeighbours(graph, names, id) {
  const box = byId("neighbours");
  const width = box.clientWidth;
  const atMost = Math.max(2, Math.min(5, Math.floor((width + BOX_GAP) / (BOX_WIDTH[0] + BOX_GAP))));
  const neighbourhood = new Neighbourhood(graph, id, atMost);
  const { rows } = neighbourhood;
  const items = new Map(rows.flat().filter((item) => item.id !== undefined).map((item) => [item.id, item]));
  const letters = Math.floor((Math.min(BOX_WIDTH[1], (width - 2) / atMost - BOX_GAP) - 8) / 6.7);
  const lines = new Map([...items.keys()].map((node) => [node, pathLines(names.path(node), letters)]));
  const boxHeight = 15 * (Math.max(...[...lines.values()].map((some) => some.length)) + 2) + 12;
  const { boxWidth, height } = placeRows(rows, width, boxHeight);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "group",
    "aria-label": `The nodes around ${names.path(id)}`,
  });
  drawing.append(...neighbourhood.edges.map((edge) => drawNeighbourEdge(graph, edge, neighbourhood, items, boxHeight)));
  for (const [node, item] of items) {
    const numbers = [`data ${sixDigits(graph.data[node])}`, `grad ${sixDigits(graph.grads[node])}`];
    const styles = [node === id ? "current" : "", node < graph.nParams ? "leaf" : ""];
    const drawn = nodeBox(item.place, boxWidth, boxHeight, lines.get(node), numbers, styles.join(" "));
    drawing.append(node === id ? drawn
      : svg("a", { href: href(node), "data-node": node }, svg("title", {}, names.path(node)), drawn));
  }
  box.replaceChildren(drawing);
  const { nLeftOut } = neighbourhood;
  byId("neighbours-caption").textContent =
    "Above the node: its operands. Below: the nodes that use it" +
    (nLeftOut > 0 ? `, without the ${count(nLeftOut)} smallest contribution${nLeftOut > 1 ? "s" : ""}` : "") +
    ". Each arrow shows what it adds to the gradient of the node above. The thick arrows are the path of the " +
    "largest contributions.";
}
