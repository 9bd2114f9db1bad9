// The section in which the reader goes from node to node of the document's graph.
"use strict";

let graph;
let names;
let way = []; // ids: a path of the graph down to the node that is shown
let notation = "six"; // the id of the selected switch

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

// The parts of a path, with positions where a line may break.
function pathText(id) {
  return names.path(id).split(/(?<=\.)/).flatMap((part) => [part, html("wbr")]);
}

function link(id) {
  return html("a", { href: href(id), "data-node": id }, ...pathText(id));
}

const notations = { six: sixDigits, seventeen: decimal, hexadecimal };

// A number in the notation that the reader has chosen. A tooltip has all of its digits.
function number(x) {
  return html("span", { class: "number", title: `${decimal(x)} = ${hexadecimal(x)}` }, notations[notation](x));
}

function describeOperation(id) {
  if (graph.arity(id) === 0) {
    return id < graph.nParams ? "a parameter" : "a constant";
  }
  const formulas = { add: "a + b", mul: "a \u00d7 b", pow: "a to a constant power", log: "log a", exp: "e to the power of a", relu: "max(0, a)" };
  return `${graph.opName(id)}: ${formulas[graph.opName(id)]}`;
}

// Extends the path by a child, or shortens it to one of its nodes. For any other node, the path is that of the
// largest contributions from the loss.
function extendWay(id) {
  const place = way.indexOf(id);
  if (place >= 0) {
    way.length = place + 1;
  } else if (way.length > 0 && graph.childrenOf(way[way.length - 1]).includes(id)) {
    way.push(id);
  } else {
    way = graph.pathFromLoss(id);
  }
}

const SHOWN_STEPS = 7; // the last steps of a long path

function drawWay() {
  const first = Math.max(1, way.length - SHOWN_STEPS);
  const step = (id, i) => {
    const isLast = i === way.length - 1;
    return html("li", {}, isLast ? html("span", { "aria-current": "location" }, ...pathText(id)) : link(id));
  };
  const items = way.map(step);
  const left = first > 1 ? [html("li", { class: "left-out" }, `${first - 1} more`)] : [];
  byId("way").replaceChildren(items[0], ...left, ...items.slice(first));
  byId("way").parentElement.hidden = way.length < 2;
}

function drawChildren(id) {
  const items = graph.childrenOf(id).map((child, i) => html("li", {},
    html("span", { class: "operand" }, "ab"[i]), link(child),
    html("small", {}, "data ", number(graph.data[child])),
    html("small", {}, "local gradient ", number(graph.localGrads[2 * id + i]))));
  if (items.length === 0) {
    items.push(html("li", {}, html("small", {}, "nothing")));
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
  const leftOut = nLeftOut === 0 ? "" : ` Users that the loss does not depend on, left out: ${count(nLeftOut)}.`;
  byId("terms-caption").textContent =
    (id === graph.root ? "Backward starts here, with a gradient of 1."
      : rows.length === 0 ? "The loss does not depend on this node: its gradient stays 0."
      : `${terms}; the last sum is the gradient, to the last bit.`) + leftOut;
}

function show(id, takeFocus) {
  extendWay(id);
  drawWay();
  drawChildren(id);
  drawTerms(id);
  drawNeighbours(graph, names, id);
  byId("node").replaceChildren(...pathText(id));
  byId("node").dataset.id = id;
  byId("operation").textContent = `${describeOperation(id)}. Node ${count(id)} of ${count(graph.n)}, counted from 0.`;
  byId("numbers").replaceChildren(
    html("dt", {}, "data"), html("dd", {}, number(graph.data[id])),
    html("dt", {}, "grad"), html("dd", {}, number(graph.grads[id])));
  byId("debugger").textContent = `mg why ${names.path(id)}`;
  if (takeFocus) {
    byId("node").focus({ preventScroll: true });
    const { top } = byId("walk").getBoundingClientRect();
    if (top < 0 || top > window.innerHeight / 2) {
      byId("search").scrollIntoView();
    }
  }
}

// The id of the node with this path. If there is none, shows a message and returns undefined.
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
  const links = [...byId("children").querySelectorAll("a"), ...byId("terms").querySelectorAll("a")];
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

function openWalk(report) {
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
  byId("digits").addEventListener("change", (event) => {
    notation = event.target.id;
    byId("walk").classList.toggle("long", notation !== "six");
    show(way[way.length - 1], false);
  });
  window.addEventListener("hashchange", followHash);
  byId("graph-caption").textContent =
    `All ${count(graph.n)} nodes of the document. This page has computed them again, and the CRC-32 of ` +
    "all data and gradients equals that of the program: they are the same to the last bit. Go from the loss to any " +
    "parameter, by clicking or with the keys.";
  byId("first-step").hidden = !report.is_first_step;
  byId("debugger").parentElement.hidden = !report.is_first_step;
  show(graph.root, false);
  followHash();
}
