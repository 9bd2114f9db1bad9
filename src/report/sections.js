// The sections of a report: training, names, attention, letters, weights.
"use strict";

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

const TITLE_LENGTH = 60; // characters of a document

function titleText(tokens) {
  const shown = tokens.slice(0, TITLE_LENGTH).map(tokenText).join("");
  return tokens.length > TITLE_LENGTH ? shown + "\u2026" : shown;
}

function drawLead(report) {
  const { n_layer, n_embd, n_head, block_size } = report.model;
  byId("lead").append(
    `${describeModel(report)}. n_layer ${n_layer}, n_embd ${n_embd}, n_head ${n_head}, block_size ` +
    `${block_size}. The document of the forward and backward pass is `,
    html("span", { class: "document" }, report.tokens.map(tokenText).join(" ")),
    `, with a loss of ${report.loss.toFixed(4)}.`);
  document.title = `microGPT report: ${titleText(report.tokens.slice(1, -1))}`;
  byId("colophon").textContent = `Written by microgpt ${report.version} report.`;
}

// The mean of the last `width` numbers, at every index that has that many.
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

// If there are more points than pixels, keeps the lowest and the highest point of each pixel.
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
    byId("losses").hidden = true;
    caption.textContent = is_loaded
      ? "The model comes from a checkpoint, which does not keep the losses of its training, so there is " +
        "no curve to show."
      : "This model has not been trained, so there is no curve to show.";
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
    `the loss of guessing, log ${model.vocab_size} = ${guess.toFixed(3)}`);
}

function drawSamples({ samples, temperature }) {
  byId("names-caption").textContent = samples.length > 0
    ? `Made up by the model, at temperature ${temperature}.`
    : "No names were requested.";
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

// The range of the numbers, with a margin.
function around(numbers) {
  const min = Math.min(...numbers);
  const max = Math.max(...numbers);
  const margin = (max - min) * 0.06 || 1;
  return [min - margin, max + margin];
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
