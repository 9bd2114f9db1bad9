// Opens the page: unpacks its data, computes the graph again, and draws every section.
"use strict";

async function unpack() {
  const packed = Uint8Array.from(atob(byId("data").textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function drawCharts(report) {
  drawLosses(report);
  drawLetters(report);
}

function showContent(isShown) {
  byId("sections").hidden = !isShown;
  byId("main").hidden = !isShown;
}

async function main() {
  const report = await unpack();
  graph = new Graph(report.graph);
  names = new Names(graph, report.graph.scopes);
  const expression = new Graph(report.expression);
  if (!graph.isExact || !expression.isExact) {
    throw new Error("this browser computes other numbers than the program did");
  }
  showContent(true);
  drawLead(report);
  const lesson = openLesson(expression);
  drawCharts(report);
  drawSamples(report);
  drawMaps(report, graph, names);
  drawHistograms(report);
  openWalk(report);
  let width = byId("points").clientWidth;
  window.addEventListener("resize", () => {
    if (byId("points").clientWidth !== width) {
      width = byId("points").clientWidth;
      drawCharts(report);
      lesson.draw();
      drawNeighbours(graph, names, way[way.length - 1]);
    }
  });
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
}

byId("no-script").hidden = true;
main().catch((error) => {
  showContent(false);
  byId("failure").hidden = false;
  byId("failure").textContent = `The report cannot be drawn: ${error.message}.`;
});
