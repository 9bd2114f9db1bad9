// Draws a report: unpacks its data, computes the graph of the document once more, and lets the reader
// walk in it. The parts stand in this order: numbers, the graph, names of nodes, drawing, the
// sections of the page, the walk.
"use strict";

// ---- numbers ----

const view = new DataView(new ArrayBuffer(8));

// As Python's float.hex(), and as `microgpt nodes` writes it.
function hexadecimal(x) {
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  const sign = high >>> 31 ? "-" : "";
  const biased = (high >>> 20) & 0x7ff;
  const fraction =
    (high & 0xfffff).toString(16).padStart(5, "0") + view.getUint32(4).toString(16).padStart(8, "0");
  if (x === 0) {
    return sign + "0x0.0p+0";
  }
  const exponent = biased === 0 ? -1022 : biased - 1023;
  return `${sign}0x${biased === 0 ? 0 : 1}.${fraction}p${exponent < 0 ? "" : "+"}${exponent}`;
}

// The shortest decimal that is this double and no other.
function decimal(x) {
  if (x === 0) {
    return Object.is(x, -0) ? "-0" : "0";
  }
  return Math.abs(x) < 1e-4 ? x.toExponential() : String(x);
}

function count(n) {
  return n.toLocaleString("en");
}

function percent(share) {
  return (100 * share).toFixed(1) + " %";
}

// To a few digits, for axes and captions.
function short(x) {
  return String(Number(x.toPrecision(3)));
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc;
});

function crc32(...arrays) {
  let crc = 0xffffffff;
  for (const array of arrays) {
    const bytes = new Uint8Array(array.buffer);
    for (let i = 0; i < bytes.length; i++) {
      crc = crcTable[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// ---- the graph ----

const LEAF = 0, ADD = 1, MUL = 2, POW = 3, LOG = 4, EXP = 5, RELU = 6;
const opNames = ["const", "add", "mul", "pow", "log", "exp", "relu"];
const opArity = [0, 2, 2, 1, 1, 1, 1];

// All nodes by their ids. What is not sent is computed as value.c does: forward in the order of the
// ids, then backward in that of a depth-first walk.
class Graph {
  constructor(packed) {
    this.n = packed.ops.length;
    this.nParams = packed.n_params;
    this.root = this.n - 1;
    this.ops = Uint8Array.from({ length: this.n }, (_, id) => packed.ops.charCodeAt(id) - 48);
    this.children = new Int32Array(2 * this.n);
    this.data = new Float64Array(this.n);
    this.localGrads = new Float64Array(2 * this.n);
    this.grads = new Float64Array(this.n);
    this.unpackChildren(packed.children);
    this.forward(packed.numbers);
    this.order = this.findOrder();
    this.backward();
    this.findUsers();
    this.isExact = crc32(this.data, this.grads) === packed.crc32;
  }

  arity(id) {
    return opArity[this.ops[id]];
  }

  unpackChildren(differences) {
    const last = new Int32Array(2 * opNames.length);
    let next = 0;
    for (let id = 0; id < this.n; id++) {
      for (let i = 0; i < this.arity(id); i++) {
        const place = 2 * this.ops[id] + i;
        last[place] += differences[next++];
        this.children[2 * id + i] = last[place];
      }
    }
  }

  forward(numbers) {
    const { data, localGrads, children } = this;
    let next = 0;
    for (let id = 0; id < this.n; id++) {
      const op = this.ops[id];
      const a = data[children[2 * id]];
      const b = data[children[2 * id + 1]];
      if (op === ADD) {
        data[id] = a + b;
        localGrads[2 * id] = localGrads[2 * id + 1] = 1;
      } else if (op === MUL) {
        data[id] = a * b;
        localGrads[2 * id] = b;
        localGrads[2 * id + 1] = a;
      } else if (op === RELU) {
        data[id] = a > 0 ? a : 0;
        localGrads[2 * id] = a > 0 ? 1 : 0;
      } else {
        data[id] = numbers[next++];
        localGrads[2 * id] = op === POW ? numbers[next++] : op === LOG ? 1 / a : op === EXP ? data[id] : 0;
      }
    }
  }

  // Children before parents, children from left to right.
  findOrder() {
    const order = new Int32Array(this.n);
    const stack = new Int32Array(this.n);
    const taken = new Uint8Array(this.n); // how many children have been gone down to
    const seen = new Uint8Array(this.n);
    let nOrder = 0;
    let top = 0;
    stack[0] = this.root;
    seen[this.root] = 1;
    while (top >= 0) {
      const id = stack[top];
      if (taken[id] < this.arity(id)) {
        const child = this.children[2 * id + taken[id]++];
        if (!seen[child]) {
          seen[child] = 1;
          stack[++top] = child;
        }
      } else {
        order[nOrder++] = id;
        top--;
      }
    }
    return order.subarray(0, nOrder);
  }

  backward() {
    const { grads, localGrads, children } = this;
    grads[this.root] = 1;
    for (let k = this.order.length - 1; k >= 0; k--) {
      const id = this.order[k];
      const grad = grads[id];
      for (let edge = 2 * id; edge < 2 * id + this.arity(id); edge++) {
        grads[children[edge]] += localGrads[edge] * grad;
      }
    }
  }

  // For each node, the edges that lead to it (2 * user + which child), in the order of backward; then
  // those of users that the loss is not made of, which backward never meets.
  findUsers() {
    const nUsers = new Int32Array(this.n + 1);
    for (let id = 0; id < this.n; id++) {
      for (let i = 0; i < this.arity(id); i++) {
        nUsers[this.children[2 * id + i] + 1]++;
      }
    }
    for (let id = 0; id < this.n; id++) {
      nUsers[id + 1] += nUsers[id];
    }
    this.firstUser = nUsers;
    this.users = new Int32Array(nUsers[this.n]);
    const filled = nUsers.slice();
    const isMet = new Uint8Array(this.n);
    const add = (id) => {
      for (let edge = 2 * id; edge < 2 * id + this.arity(id); edge++) {
        this.users[filled[this.children[edge]]++] = edge;
      }
    };
    for (let k = this.order.length - 1; k >= 0; k--) {
      isMet[this.order[k]] = 1;
      add(this.order[k]);
    }
    for (let id = 0; id < this.n; id++) {
      if (!isMet[id]) {
        add(id);
      }
    }
    this.isMet = isMet;
  }

  childrenOf(id) {
    return Array.from(this.children.subarray(2 * id, 2 * id + this.arity(id)));
  }

  edgesTo(id) {
    return Array.from(this.users.subarray(this.firstUser[id], this.firstUser[id + 1]));
  }

  opName(id) {
    return id < this.nParams ? "param" : opNames[this.ops[id]];
  }
}

// ---- names of nodes ----

// As node_path.c works them out.
class Names {
  constructor(graph, scopes) {
    this.graph = graph;
    this.scopes = [];
    this.results = new Map(); // of things: their last node
    this.paths = null;        // of all nodes, once somebody looks for one that is no result
    let first = 0;
    for (let i = 0; i < scopes.names.length; i++) {
      first += scopes.first_nodes[i];
      this.scopes.push({
        name: scopes.names[i],
        first,
        parent: scopes.parents[i],
        index: scopes.indices[i],
        nColumns: scopes.n_columns[i],
        isPart: scopes.are_parts[i] === 1,
      });
    }
    this.scopes.forEach((scope, i) => {
      const next = this.scopes[i + 1];
      scope.end = next ? next.first : graph.n;
      const parent = this.scopes[scope.parent];
      scope.path = (parent ? parent.path + "." : "") + this.scopeName(scope);
      if (!scope.isPart && scope.nColumns === 0) {
        this.results.set(scope.path, scope.end - 1);
      }
    });
  }

  scopeName({ name, index, isPart }) {
    if (index < 0) {
      return name;
    }
    if (isPart) {
      return name + index;
    }
    return name.includes("[]") ? name.replace("[]", `[${index}]`) : `${name}[${index}]`;
  }

  findScope(id) {
    let low = 0;
    let high = this.scopes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.scopes[middle].first <= id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.scopes[low - 1];
  }

  // The operation, and its number where [first, end) have several of it.
  opIn(id, first, end) {
    const op = this.graph.ops[id];
    let before = 0;
    let all = 0;
    for (let other = first; other < end; other++) {
      if (this.graph.ops[other] === op) {
        before += other < id ? 1 : 0;
        all++;
      }
    }
    return opNames[op] + (all > 1 ? `[${before}]` : "");
  }

  path(id) {
    const scope = this.findScope(id);
    if (scope.nColumns > 0) {
      const place = id - scope.first;
      return `${scope.path}[${Math.floor(place / scope.nColumns)},${place % scope.nColumns}]`;
    }
    if (!scope.isPart && id === scope.end - 1) {
      return scope.path;
    }
    const op = this.opIn(id, scope.first, scope.isPart ? scope.end : scope.end - 1);
    return scope.path + (scope.path === "" ? "" : ".") + op;
  }

  all() {
    if (this.paths === null) {
      this.paths = new Map();
      for (let id = 0; id < this.graph.n; id++) {
        this.paths.set(this.path(id), id);
      }
    }
    return this.paths;
  }

  // The node's id, or undefined.
  find(path) {
    return this.results.get(path) ?? this.all().get(path);
  }

  beginningWith(text, atMost) {
    const found = [];
    for (const path of this.all().keys()) {
      if (path.startsWith(text)) {
        found.push(path);
        if (found.length === atMost) {
          break;
        }
      }
    }
    return found;
  }
}

// ---- drawing ----

const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

// A token, in such a way that one sees it.
function tokenText(token) {
  if (token === null) {
    return "BOS";
  }
  if (token === " ") {
    return "\u2423";
  }
  if (/^\p{M}$/u.test(token)) {
    return "\u25cc" + token;
  }
  return /^[\p{Cc}\p{Cf}\p{Z}]$/u.test(token) ? "\ufffd" : token;
}

// Round numbers from min to max, some `n` of them.
function ticks(min, max, n) {
  const rough = (max - min) / n || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(min / step);
  return Array.from({ length: Math.floor(max / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)));
}

function tickText(tick) {
  return Math.abs(tick) < 1000 ? String(tick) : count(tick);
}

// A frame with two axes; x and y map numbers to places in it.
function chart(width, height, [minX, maxX], [minY, maxY], titles, label) {
  const margin = { left: 52, right: 16, top: 14, bottom: 46 };
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const x = (value) => margin.left + ((value - minX) / (maxX - minX || 1)) * (right - margin.left);
  const y = (value) => bottom - ((value - minY) / (maxY - minY || 1)) * (bottom - margin.top);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label,
  });
  for (const tick of ticks(minX, maxX, Math.max(2, Math.floor(width / 110)))) {
    drawing.append(
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: margin.top, y2: bottom }),
      svg("text", { class: "tick middle", x: x(tick), y: bottom + 18 }, tickText(tick)));
  }
  for (const tick of ticks(minY, maxY, Math.max(2, Math.floor(height / 60)))) {
    drawing.append(
      svg("line", { class: "grid", x1: margin.left, x2: right, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "tick end", x: margin.left - 8, y: y(tick) + 4 }, tickText(tick)));
  }
  const middle = (margin.top + bottom) / 2;
  drawing.append(
    svg("text", { class: "axis middle", x: (margin.left + right) / 2, y: height - 6 }, titles[0]),
    svg("text", { class: "axis middle", transform: `translate(12 ${middle}) rotate(-90)` }, titles[1]));
  return { drawing, x, y };
}

// ---- the sections ----

function describeModel(report) {
  const parameters = `${count(report.model.n_params)} parameters`;
  if (report.is_foreign) {
    return `${parameters}, of another program`;
  }
  const steps = report.model.num_steps;
  return steps === 0
    ? `${parameters}, untrained, seed ${report.seed}`
    : `${parameters}, after ${count(steps)} steps of training, seed ${report.seed}`;
}

function drawLead(report) {
  const { n_layer, n_embd, n_head, block_size } = report.model;
  byId("lead").append(
    `${describeModel(report)}. n_layer ${n_layer}, n_embd ${n_embd}, n_head ${n_head}, block_size ` +
    `${block_size}. The document that was run forward and back is `,
    html("span", { class: "document" }, report.tokens.map(tokenText).join(" ")),
    `, with a loss of ${report.loss.toFixed(4)}.`);
  document.title = `microGPT report: ${report.text}`;
  byId("colophon").textContent = `Written by microgpt ${report.version} report.`;
}

// The mean of the last `width` numbers, from the first place that has as many.
function runningMeans(numbers, width) {
  let sum = 0;
  const means = [];
  numbers.forEach((number, i) => {
    sum += number - (i >= width ? numbers[i - width] : 0);
    if (i >= width - 1) {
      means.push([i + 1, sum / width]);
    }
  });
  return means;
}

// Where there are more points than pixels, the lowest and the highest of each pixel's.
function thin(points, nPixels) {
  const group = Math.ceil(points.length / nPixels);
  if (group <= 2) {
    return points;
  }
  const kept = [];
  for (let i = 0; i < points.length; i += group) {
    const some = points.slice(i, i + group).sort((a, b) => a[1] - b[1]);
    kept.push(...[some[0], some[some.length - 1]].sort((a, b) => a[0] - b[0]));
  }
  return kept;
}

function drawLosses({ losses, model, is_loaded }) {
  const caption = byId("losses-caption");
  if (losses.length === 0) {
    byId("losses").remove();
    caption.textContent = is_loaded
      ? "The model comes from a checkpoint, which does not keep the losses of its training: there is " +
        "no curve to show."
      : "This model has not been trained: there is no curve to show.";
    return;
  }
  const box = byId("losses");
  const width = box.clientWidth;
  const guess = Math.log(model.vocab_size);
  const low = losses.reduce((a, b) => Math.min(a, b), guess);
  const high = losses.reduce((a, b) => Math.max(a, b), guess);
  const n = Math.max(1, Math.min(50, Math.floor(losses.length / 10)));
  const means = runningMeans(losses, n);
  const last = means[means.length - 1][1];
  const { drawing, x, y } = chart(width, 300, [1, losses.length], [Math.min(low, 0), high],
    ["step", "loss"], `Loss over ${losses.length} steps; the mean of the last ${n} is ${last.toFixed(3)}`);
  const path = (points) => "M" + points.map(([step, loss]) => `${x(step)} ${y(loss)}`).join("L");
  const points = losses.map((loss, i) => [i + 1, loss]);
  drawing.append(
    svg("path", { class: "each", d: path(thin(points, width)) }),
    svg("line", { class: "guess", x1: x(1), x2: x(losses.length), y1: y(guess), y2: y(guess) }),
    svg("path", { class: "mean", d: path(thin(means, width)) }));
  box.replaceChildren(drawing);
  caption.replaceChildren(
    html("span", { class: "key each" }), `the loss of each step; `,
    html("span", { class: "key mean" }), `the mean of the last ${n}, ${last.toFixed(3)} at the end; `,
    html("span", { class: "key guess" }),
    `what guessing costs, log ${model.vocab_size} = ${guess.toFixed(3)}`);
}

function drawSamples({ samples, temperature }) {
  byId("names-caption").textContent = samples.length > 0
    ? `Made up by the model, at temperature ${temperature}.`
    : "None were asked for.";
  byId("samples").append(...samples.map((sample) => html("li", {}, sample.map(tokenText).join(""))));
}

function drawMap(report, graph, names, layer, head) {
  const cell = 26;
  const margin = 40;
  const tokens = report.tokens.slice(0, report.n_positions).map(tokenText);
  const side = margin + tokens.length * cell + 2;
  const readout = html("output", {}, "\u00a0");
  const title = `Layer ${layer}, head ${head}`;
  const drawing = svg("svg", {
    viewBox: `0 0 ${side} ${side}`, width: side, height: side, tabindex: 0, role: "application",
    "aria-label": `${title}: arrow keys choose a weight, Enter leads to its node`,
  });
  const cells = tokens.map(() => []);
  let chosen = null;
  const choose = (t, s) => {
    chosen?.classList.remove("chosen");
    chosen = cells[t][s];
    chosen.classList.add("chosen");
    readout.textContent = `${t} (${tokens[t]}) takes ${short(graph.data[chosen.nodeId])} of ${s} (${tokens[s]})`;
  };
  tokens.forEach((token, t) => {
    const middle = margin + t * cell + cell / 2;
    drawing.append(
      svg("text", { class: "token end", x: margin - 8, y: middle + 4 }, token),
      svg("text", { class: "token middle", x: middle, y: margin - 8 }, token));
    for (let s = 0; s <= t; s++) {
      const id = names.find(`pos${t}.layer${layer}.attn.head${head}.weight[${s}]`);
      const rect = svg("rect", {
        x: margin + s * cell, y: margin + t * cell, width: cell - 1, height: cell - 1,
        "fill-opacity": graph.data[id],
      });
      rect.nodeId = id;
      rect.addEventListener("pointerenter", () => choose(t, s));
      rect.addEventListener("click", () => go(id));
      Object.assign(rect, { row: t, column: s });
      cells[t].push(rect);
      drawing.append(rect);
    }
  });
  drawing.addEventListener("focus", () => chosen ?? choose(tokens.length - 1, 0));
  drawing.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (event.key === "Enter" && chosen !== null) {
      go(chosen.nodeId);
    } else if (step !== undefined && chosen !== null) {
      const t = chosen.row + step[0];
      const s = chosen.column + step[1];
      if (cells[t]?.[s] !== undefined) {
        choose(t, s);
      }
    } else {
      return;
    }
    event.preventDefault();
  });
  return html("figure", { class: "map" }, html("figcaption", {}, title), drawing, readout);
}

function drawMaps(report, graph, names) {
  const { n_layer, n_head } = report.model;
  const maps = byId("maps");
  for (let layer = 0; layer < n_layer; layer++) {
    for (let head = 0; head < n_head; head++) {
      maps.append(drawMap(report, graph, names, layer, head));
    }
  }
  if (n_layer === 0) {
    maps.append(html("p", {}, "This model has no layers: there is no attention to show."));
  }
}

// A range with some room around it.
function around(numbers) {
  const min = Math.min(...numbers);
  const max = Math.max(...numbers);
  const room = (max - min) * 0.06 || 1;
  return [min - room, max + room];
}

function drawLetters({ letters, vocabulary }) {
  const box = byId("points");
  const width = Math.min(box.clientWidth, 620);
  const xs = letters.points.filter((_, i) => i % 2 === 0);
  const ys = letters.points.filter((_, i) => i % 2 === 1);
  const { drawing, x, y } = chart(width, Math.min(440, 120 + 0.6 * width), around(xs), around(ys),
    ["first component", "second component"],
    `${vocabulary.length} tokens in the plane of their first two principal components`);
  vocabulary.forEach((token, i) => {
    const place = `${tokenText(token)}: ${short(xs[i])}, ${short(ys[i])}`;
    drawing.append(svg("text",
      { class: token === null ? "letter bos middle" : "letter middle", x: x(xs[i]), y: y(ys[i]) + 5 },
      svg("title", {}, place), tokenText(token)));
  });
  box.replaceChildren(drawing);
  byId("points-caption").textContent =
    `The first component has ${percent(letters.share[0])} of the variance, the second ` +
    `${percent(letters.share[1])}.`;
}

function drawHistogram(matrix) {
  const width = 200;
  const height = 92;
  const bottom = height - 20;
  const bar = width / matrix.bins.length;
  const most = Math.max(...matrix.bins);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${matrix.name}: from ${short(matrix.min)} to ${short(matrix.max)}`,
  });
  const step = (matrix.max - matrix.min) / matrix.bins.length;
  matrix.bins.forEach((n, i) => {
    const tall = (n / most) * (bottom - 4);
    const from = matrix.min + i * step;
    drawing.append(svg("rect",
      { x: i * bar, y: bottom - tall, width: bar - 1, height: tall },
      svg("title", {}, `${short(from)} to ${short(from + step)}: ${count(n)}`)));
  });
  drawing.append(
    svg("line", { class: "base", x1: 0, x2: width, y1: bottom + 0.5, y2: bottom + 0.5 }),
    svg("text", { class: "tick", x: 0, y: height - 4 }, short(matrix.min)),
    svg("text", { class: "tick end", x: width, y: height - 4 }, short(matrix.max)));
  if (matrix.min < 0 && matrix.max > 0) {
    const zero = (-matrix.min / (matrix.max - matrix.min)) * width;
    drawing.append(
      svg("line", { class: "base", x1: zero, x2: zero, y1: bottom, y2: bottom + 5 }),
      svg("text", { class: "tick middle", x: zero, y: height - 4 }, "0"));
  }
  return html("figure", {},
    html("figcaption", {},
      html("strong", {}, matrix.name), ` ${matrix.n_out} \u00d7 ${matrix.n_in}`, html("br"),
      `mean ${short(matrix.mean)}, std ${short(matrix.std)}`),
    drawing);
}

function drawHistograms({ matrices }) {
  byId("histograms").append(...matrices.map(drawHistogram));
}

// ---- the walk ----

let graph;
let names;
let way = []; // ids, from the loss to the node that is shown
let inHexadecimal = false;

const NODE_HASH = "#node=";

function href(id) {
  return NODE_HASH + encodeURIComponent(names.path(id)).replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",");
}

function go(id) {
  if (location.hash === href(id)) {
    show(id, true);
  } else {
    location.hash = href(id);
  }
}

// A path, with places where a line may break.
function pathText(id) {
  return names.path(id).split(/(?<=\.)/).flatMap((part) => [part, html("wbr")]);
}

function link(id) {
  return html("a", { href: href(id), "data-node": id }, ...pathText(id));
}

// A number in the notation of the reader's choice, the other one under the pointer.
function number(x) {
  const [shown, other] = inHexadecimal ? [hexadecimal(x), decimal(x)] : [decimal(x), hexadecimal(x)];
  return html("span", { class: "number", title: other }, shown);
}

// In both notations.
function bothNumbers(name, x) {
  return [
    html("dt", {}, name),
    html("dd", {}, html("span", { class: "number", "data-number": name }, decimal(x)),
      html("span", { class: "number hex", "data-hex": name }, hexadecimal(x))),
  ];
}

function describeOperation(id) {
  if (graph.arity(id) === 0) {
    return id < graph.nParams ? "a parameter" : "a constant";
  }
  const formulas = { add: "a + b", mul: "a \u00d7 b", pow: "a to a constant power", log: "log a", exp: "e to the power of a", relu: "max(0, a)" };
  return `${graph.opName(id)}: ${formulas[graph.opName(id)]}`;
}

// Lengthens the way by a step along an edge, goes back on it, or begins anew.
function extendWay(id) {
  const place = way.indexOf(id);
  const last = way[way.length - 1];
  if (place >= 0) {
    way.length = place + 1;
  } else if (last !== undefined && (graph.childrenOf(last).includes(id) || graph.childrenOf(id).includes(last))) {
    way.push(id);
  } else {
    way = id === graph.root ? [id] : [graph.root, id];
  }
}

const SHOWN_STEPS = 7; // the last ones of a long way

function drawWay() {
  const first = Math.max(1, way.length - SHOWN_STEPS);
  const step = (id, i) => {
    const isLast = i === way.length - 1;
    return html("li", {}, isLast ? html("span", { "aria-current": "location" }, ...pathText(id)) : link(id));
  };
  const items = way.map(step);
  const left = first > 1 ? [html("li", { class: "left-out" }, `${first - 1} more`)] : [];
  byId("way").replaceChildren(items[0], ...left, ...items.slice(first));
}

const SHOWN_USERS = 6;

function drawUsers(id) {
  const edges = graph.edgesTo(id);
  const items = edges.slice(0, SHOWN_USERS).map((edge) => html("li", {}, link(edge >> 1),
    html("small", {}, graph.isMet[edge >> 1] ? graph.opName(edge >> 1) : "not on the way to the loss")));
  if (edges.length > SHOWN_USERS) {
    items.push(html("li", {}, html("small", {}, `and ${count(edges.length - SHOWN_USERS)} more`)));
  } else if (edges.length === 0) {
    items.push(html("li", {}, html("small", {}, id === graph.root ? "nothing: it is the loss" : "nothing")));
  }
  byId("users").replaceChildren(...items);
}

function drawChildren(id) {
  const items = graph.childrenOf(id).map((child, i) => html("li", {},
    html("span", { class: "operand" }, "ab"[i]), link(child),
    html("small", {}, "data ", number(graph.data[child])),
    html("small", {}, "local gradient ", number(graph.localGrads[2 * id + i]))));
  if (items.length === 0) {
    items.push(html("li", {}, html("small", {}, "nothing: here the way ends")));
  }
  byId("children").replaceChildren(...items);
}

function drawTerms(id) {
  const edges = graph.edgesTo(id).filter((edge) => graph.isMet[edge >> 1]);
  const nLeftOut = graph.edgesTo(id).length - edges.length;
  let sum = 0;
  const cell = (label, content) => html("td", { "data-label": label }, content);
  const rows = edges.map((edge) => {
    const user = edge >> 1;
    const product = graph.localGrads[edge] * graph.grads[user];
    sum += product;
    return html("tr", {},
      html("th", { scope: "row" }, link(user)),
      cell("its gradient", number(graph.grads[user])),
      cell("local gradient", number(graph.localGrads[edge])),
      cell("their product", number(product)),
      cell("sum so far", number(sum)));
  });
  byId("terms").hidden = rows.length === 0;
  byId("terms").tBodies[0].replaceChildren(...rows);
  const terms = rows.length === 1 ? "One term" : `${count(rows.length)} terms, in the order of backward`;
  const leftOut = nLeftOut === 0 ? "" : ` Users that are not on the way to the loss, left out: ${count(nLeftOut)}.`;
  byId("terms-caption").textContent =
    (id === graph.root ? "Backward starts here, with a gradient of 1."
      : rows.length === 0 ? "No way leads from the loss to this node: its gradient stays 0."
      : `${terms}; the last sum is the gradient, to the last bit.`) + leftOut;
}

function show(id, takeFocus) {
  extendWay(id);
  drawWay();
  drawUsers(id);
  drawChildren(id);
  drawTerms(id);
  byId("node").replaceChildren(...pathText(id));
  byId("node").dataset.id = id;
  byId("operation").textContent = `${describeOperation(id)}. Node ${count(id)} of ${count(graph.n)}, counted from 0.`;
  byId("numbers").replaceChildren(
    ...bothNumbers("data", graph.data[id]), ...bothNumbers("grad", graph.grads[id]));
  if (takeFocus) {
    byId("node").focus({ preventScroll: true });
    byId("way").scrollIntoView({ block: "nearest" });
    byId("walk").scrollIntoView({ block: "nearest" });
  }
}

// The node of a path, or undefined; says so where there is none.
function findNode(path) {
  const id = names.find(path);
  byId("search-failure").textContent = id === undefined ? `There is no node ${path.slice(0, 100)}.` : "";
  return id;
}

function pathOfHash() {
  try {
    return decodeURIComponent(location.hash.slice(NODE_HASH.length));
  } catch {
    return location.hash; // a stray percent sign
  }
}

function followHash() {
  if (location.hash.startsWith(NODE_HASH)) {
    const id = findNode(pathOfHash());
    if (id !== undefined) {
      show(id, true);
    }
  }
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
    return;
  }
  const id = way[way.length - 1];
  const links = [...byId("children").querySelectorAll("a"), ...byId("users").querySelectorAll("a")];
  const place = links.indexOf(document.activeElement);
  if (event.key === "ArrowRight" && graph.arity(id) > 0) {
    go(graph.children[2 * id]);
  } else if (event.key === "ArrowLeft" && (way.length > 1 || graph.edgesTo(id).length > 0)) {
    go(way.length > 1 ? way[way.length - 2] : graph.edgesTo(id)[0] >> 1);
  } else if (event.key === "ArrowDown" && links.length > 0) {
    links[(place + 1) % links.length].focus();
  } else if (event.key === "ArrowUp" && links.length > 0) {
    links[(place <= 0 ? links.length : place) - 1].focus();
  } else if (event.key === "Home") {
    go(graph.root);
  } else {
    return;
  }
  event.preventDefault();
}

function openWalk() {
  byId("walk").addEventListener("keydown", onKey);
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = findNode(byId("path").value.trim());
    if (id !== undefined) {
      go(id);
    }
  });
  byId("path").addEventListener("input", () => {
    const text = byId("path").value.trim();
    const found = text === "" ? [] : names.beginningWith(text, 20);
    byId("paths").replaceChildren(...found.map((path) => html("option", { value: path })));
  });
  byId("hexadecimal").addEventListener("change", () => {
    inHexadecimal = byId("hexadecimal").checked;
    show(way[way.length - 1], false);
  });
  window.addEventListener("hashchange", followHash);
  byId("graph-caption").textContent =
    `All ${count(graph.n)} nodes of the document. This page has computed them once more, and the CRC-32 of ` +
    "all data and gradients is the program's: they are the same to the last bit. Go from the loss down to " +
    "any parameter, by clicking or with the keys.";
  show(graph.root, false);
  followHash();
}

// ---- the page ----

async function unpack() {
  const packed = Uint8Array.from(atob(byId("data").textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function drawCharts(report) {
  drawLosses(report);
  drawLetters(report);
}

async function main() {
  const report = await unpack();
  graph = new Graph(report.graph);
  names = new Names(graph, report.graph.scopes);
  if (!graph.isExact) {
    throw new Error("this browser computes other numbers than the program did");
  }
  drawLead(report);
  drawCharts(report);
  drawSamples(report);
  drawMaps(report, graph, names);
  drawHistograms(report);
  openWalk();
  let width = byId("points").clientWidth;
  window.addEventListener("resize", () => {
    if (byId("points").clientWidth !== width) {
      width = byId("points").clientWidth;
      drawCharts(report);
    }
  });
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
}

main().catch((error) => {
  byId("failure").hidden = false;
  byId("failure").textContent = `The report cannot be drawn: ${error.message}.`;
});
