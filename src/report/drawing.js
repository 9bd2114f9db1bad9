// Makes elements of HTML and SVG: boxes and arrows of a graph, and frames with axes.
"use strict";

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

// A token as visible text: spaces, marks and control characters are shown by special signs.
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

// A node of a graph: lines of text in a box around [x, y]. The first lines are its name.
function nodeBox([x, y], width, height, nameLines, otherLines, style) {
  const lines = [...nameLines, ...otherLines];
  const first = y - (lines.length - 1) * 7.5 + 4;
  return svg("g", { class: `node ${style}` },
    svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 5 }),
    ...lines.map((line, i) => svg("text",
      { class: i < nameLines.length ? "name middle" : "middle", x, y: first + 15 * i }, line)));
}

// An arrow along some points. The label is on the last segment, at a `share` of its length.
function arrow(points, label, share, style) {
  const [x, y] = points[points.length - 1];
  const [fromX, fromY] = points[points.length - 2];
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [dx, dy] = [(x - fromX) / length, (y - fromY) / length];
  const corner = (along, across) => `${x - along * dx - across * dy} ${y - along * dy + across * dx}`;
  const [labelX, labelY] = [fromX + share * (x - fromX), fromY + share * (y - fromY)];
  const labelWidth = 7 * label.length + 6;
  return svg("g", { class: `edge ${style}` },
    svg("path", { d: `M${points.map((point) => point.join(" ")).join("L")}` }),
    svg("polygon", { points: `${x} ${y} ${corner(9, 4)} ${corner(9, -4)}` }),
    ...(label === "" ? [] : [
      svg("rect", { x: labelX - labelWidth / 2, y: labelY - 8, width: labelWidth, height: 16 }),
      svg("text", { class: "middle", x: labelX, y: labelY + 4 }, label)]));
}

// Round numbers from min to max, about n of them.
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

// A frame with two axes; x and y turn numbers into pixels.
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
