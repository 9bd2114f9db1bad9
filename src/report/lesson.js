// The lesson at the beginning of the page: an expression of five nodes. Forward makes the nodes one by one,
// backward visits the edges one by one. The reader plays the steps, or makes them one at a time.
"use strict";

const LESSON_LINES = ["a = 2", "b = -3", "c = a * b", "d = c + a", "loss = d ** 2"];
const LESSON_NAMES = ["a", "b", "c", "d", "loss"];
const LESSON_PAUSE = 1500; // milliseconds from step to step
const LESSON_WIDE = 800; // pixels; in a wider drawing the nodes are side by side

class Lesson {
  constructor(graph) {
    this.graph = graph;
    this.steps = graph.order.length === graph.n ? this.findSteps() : [];
    this.step = 0; // how many steps are done
    this.timer = null;
  }

  // A step makes a node, or sets the gradient of the loss (made is null), or adds to a gradient along an edge.
  findSteps() {
    const { graph } = this;
    const forward = Array.from({ length: graph.n }, (_, id) => ({ made: id }));
    const backward = Array.from(graph.order).reverse().flatMap((id) =>
      graph.edgesFrom(id).map((edge) => ({ edge })));
    return [...forward, { made: null }, ...backward];
  }

  // The gradients after some steps.
  gradsAfter(nSteps) {
    const grads = new Float64Array(this.graph.n);
    for (const { made, edge } of this.steps.slice(0, nSteps)) {
      if (made === null) {
        grads[this.graph.root] = 1;
      } else if (edge !== undefined) {
        grads[this.graph.children[edge]] += this.graph.localGrads[edge] * grads[edge >> 1];
      }
    }
    return grads;
  }

  describeNode(id) {
    const { graph } = this;
    const children = graph.edgesFrom(id).map((edge) =>
      `${sixDigits(graph.localGrads[edge])} for ${LESSON_NAMES[graph.children[edge]]}`);
    if (children.length === 0) {
      return `Forward: ${LESSON_LINES[id]}. This node is a leaf: no operation made it.`;
    }
    return `Forward: ${LESSON_LINES[id]} makes a node with the data ${sixDigits(graph.data[id])}. ` +
      (children.length > 1 ? `Its local gradients are ${children.join(" and ")}.` : `Its local gradient is ${children[0]}.`);
  }

  describeEdge(edge) {
    const { graph } = this;
    const child = graph.children[edge];
    const before = this.gradsAfter(this.step - 1);
    const after = this.gradsAfter(this.step);
    const names = [LESSON_NAMES[edge >> 1], LESSON_NAMES[child]];
    const product = this.contributionText(edge);
    const isLast = this.step === this.steps.length;
    return `Backward, from ${names[0]} to ${names[1]}: the local gradient times the gradient of ${names[0]} is ` +
      `${product}. So ${names[1]}.grad becomes ${sixDigits(before[child])} + ${sixDigits(graph.contribution(edge))} = ` +
      `${sixDigits(after[child])}.` +
      (isLast ? ` Backward is done: if a grows by a thousandth, the loss grows by about ${sixDigits(after[0])} thousandths.` : "");
  }

  contributionText(edge) {
    const { graph } = this;
    return `${sixDigits(graph.localGrads[edge])} * ${sixDigits(graph.grads[edge >> 1])} = ${sixDigits(graph.contribution(edge))}`;
  }

  describe() {
    if (this.step === 0) {
      return "Nothing is computed yet.";
    }
    const { made, edge } = this.steps[this.step - 1];
    if (made === null) {
      return "Backward begins at the loss, whose gradient is 1.";
    }
    return edge === undefined ? this.describeNode(made) : this.describeEdge(edge);
  }

  places(width) {
    if (width >= LESSON_WIDE) {
      const x = (i) => 70 + (i * (width - 140)) / 3;
      return [[x(0), 50], [x(0), 230], [x(1), 170], [x(2), 90], [x(3), 90]];
    }
    const x = (share) => width / 2 + share * Math.min(width, 460);
    return [[x(-0.29), 42], [x(0.29), 42], [x(0.24), 162], [x(-0.16), 282], [x(-0.16), 402]];
  }

  // Forward, an arrow from child to parent; once backward has used the edge, from parent to child.
  drawEdge(edge, places, isWide, isDone, isCurrent) {
    const [child, parent] = [places[this.graph.children[edge]], places[edge >> 1]];
    const [right, down] = isWide ? [63, 0] : [0, 34];
    const ends = [[child[0] + right, child[1] + down], [parent[0] - right, parent[1] - down]];
    const style = isCurrent ? "current" : "";
    return isDone
      ? arrow(ends.reverse(), this.contributionText(edge), 0.5, `backward ${style}`)
      : arrow(ends, sixDigits(this.graph.localGrads[edge]), 0.5, `forward ${style}`);
  }

  draw() {
    const box = byId("lesson-drawing");
    const width = box.clientWidth;
    const isWide = width >= LESSON_WIDE;
    const places = this.places(width);
    const grads = this.gradsAfter(this.step);
    const done = this.steps.slice(0, this.step);
    const nMade = done.filter(({ made }) => made !== null && made !== undefined).length;
    const last = done[done.length - 1] ?? {};
    const height = isWide ? 280 : 444;
    const drawing = svg("svg", {
      viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `The graph of five nodes after ${this.step} of ${this.steps.length} steps`,
    });
    for (let id = 0; id < nMade; id++) {
      for (const edge of this.graph.edgesFrom(id)) {
        drawing.append(this.drawEdge(edge, places, isWide, done.some((step) => step.edge === edge), last.edge === edge));
      }
    }
    places.forEach((place, id) => {
      const isMade = id < nMade;
      const isCurrent = last.made === id || (last.made === null && id === this.graph.root) ||
        (last.edge !== undefined && this.graph.children[last.edge] === id);
      const numbers = isMade ? [`data ${sixDigits(this.graph.data[id])}`, `grad ${sixDigits(grads[id])}`] : [];
      const name = isMade && this.graph.arity(id) === 0 ? LESSON_NAMES[id] : LESSON_LINES[id];
      const styles = [isMade ? "" : "unmade", isCurrent ? "current" : "", this.graph.arity(id) === 0 ? "leaf" : ""];
      drawing.append(nodeBox(place, 126, 68, [name], numbers, styles.join(" ")));
    });
    box.replaceChildren(drawing);
    byId("lesson-text").textContent = this.describe();
    byId("lesson-step").textContent = `step ${this.step} of ${this.steps.length}`;
    byId("lesson-back").setAttribute("aria-disabled", String(this.step === 0));
    byId("lesson-forward").setAttribute("aria-disabled", String(this.step === this.steps.length));
    byId("lesson-play").textContent = this.timer === null ? "Play" : "Pause";
  }

  move(by) {
    this.step = Math.max(0, Math.min(this.steps.length, this.step + by));
    if (this.step === this.steps.length) {
      this.pause();
    }
    this.draw();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
  }

  togglePlay() {
    if (this.timer !== null) {
      this.pause();
      this.draw();
      return;
    }
    this.step = this.step === this.steps.length ? 0 : this.step;
    this.timer = setInterval(() => this.move(1), LESSON_PAUSE);
    this.move(1);
  }
}

function openLesson(graph) {
  const lesson = new Lesson(graph);
  byId("lesson-play").addEventListener("click", () => lesson.togglePlay());
  for (const [name, by] of [["lesson-back", -1], ["lesson-forward", 1]]) {
    byId(name).addEventListener("click", () => {
      lesson.pause();
      lesson.move(by);
    });
  }
  lesson.draw();
  return lesson;
}
