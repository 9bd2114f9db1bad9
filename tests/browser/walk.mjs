// The page of `microgpt report` in Chromium: every number that it shows while somebody walks in the
// graph is the one in the node dump, and it works by mouse, by keyboard, in the dark, on a phone. Its
// lesson plays, its drawings have the right nodes, and where scripts are forbidden it says so.
//
//     node walk.mjs PROGRAM
//
// Exits with 77, which skips the test, where there is no Chromium or no playwright-core (run `npm ci`
// in this folder).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const SKIP = 77;
const TIMEOUT = 60000; // milliseconds, for any one thing to happen on a busy machine

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(SKIP);
}

const { chromium } = await import("playwright-core").catch(() => skip("there is no playwright-core"));

function findChromium() {
  const places = process.env.PATH.split(delimiter).flatMap((folder) =>
    ["chromium", "chromium-browser"].map((name) => join(folder, name)));
  return places.find((place) => existsSync(place)) ?? skip("there is no chromium");
}

const program = resolve(process.argv[2]);
const executablePath = findChromium();
const folder = mkdtempSync(join(tmpdir(), "microgpt_browser_"));

function microgpt(...args) {
  execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

function writeReport(name, ...args) {
  microgpt("report", "--output", name, ...args);
  return pathToFileURL(join(folder, name)).href;
}

// ---- the node dump ----

// Nodes by their ids, from the lines of `index data grad [children] [local gradients] op path`.
function readDump(name) {
  const text = readFileSync(join(folder, name), "ascii");
  const list = (items) => (items === "" ? [] : items.split(" "));
  return text.trimEnd().split("\n").filter((line) => !line.startsWith("#")).map((line) => {
    const [, data, grad, children, localGrads, op, path] =
      line.match(/^\d+ (\S+) (\S+) \[(.*)\] \[(.*)\] (\S+) (\S+)$/);
    return { data, grad, children: list(children).map(Number), localGrads: list(localGrads), op, path };
  });
}

// The double of a C99 hexadecimal number.
function parseHexadecimal(text) {
  const [, sign, lead, fraction, exponent] = text.match(/^(-?)0x([01])\.([0-9a-f]+)p([+-]\d+)$/);
  const integer = Number(BigInt("0x" + lead + fraction.padEnd(13, "0"))); // below 2^53: exact
  const scaled = integer * 2 ** Math.max(Number(exponent) - 52, -1074);
  return sign === "-" ? -scaled : scaled;
}

// For each node its users that the loss is made of, [user, which child], as backward meets them:
// against the order of a depth-first walk. Independent of the page's own.
function findUsers(nodes) {
  const users = nodes.map(() => []);
  const order = [];
  const seen = new Set([nodes.length - 1]);
  const stack = [[nodes.length - 1, 0]];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const child = nodes[top[0]].children[top[1]++];
    if (child === undefined) {
      order.push(stack.pop()[0]);
    } else if (!seen.has(child)) {
      seen.add(child);
      stack.push([child, 0]);
    }
  }
  for (const id of order.reverse()) {
    nodes[id].children.forEach((child, i) => users[child].push([id, i]));
  }
  return users;
}

// Of edges [user, which child], the one with the largest contribution.
function findLargest(nodes, edges) {
  const size = ([user, i]) =>
    Math.abs(parseHexadecimal(nodes[user].localGrads[i]) * parseHexadecimal(nodes[user].grad));
  return edges.reduce((best, edge) => (best === undefined || size(edge) > size(best) ? edge : best), undefined);
}

// Two edges from a node towards the loss, and two away from it, always the largest.
function findPathAround(nodes, users, id) {
  const toLoss = (from) => findLargest(nodes, users[from]);
  const fromLoss = (from) => findLargest(nodes, nodes[from].children.flatMap((child, i) =>
    (nodes[child].op === "const" ? [] : [[from, i]])));
  const up = toLoss(id);
  const down = fromLoss(id);
  return [up, up && toLoss(up[0]), down, down && fromLoss(nodes[down[0]].children[down[1]])]
    .filter((edge) => edge !== undefined);
}

// ---- the page ----

const problems = []; // of all pages, to be none at the end

async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1100, height: 900 },
    reducedMotion: "reduce", // a page that is still scrolling is clicked in the wrong place
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== url.split("#")[0]) {
      problems.push(`request: ${request.url()}`);
    }
  });
  await page.goto(url);
  await page.waitForSelector("html[data-drawn]");
  return page;
}

const texts = (page, selector) => page.locator(selector).allTextContents();

// What the page shows of the node that it is at.
async function readNode(page) {
  const rows = await page.locator("#terms tbody tr").all();
  const [data, grad] = await page.locator("#numbers .number").all();
  const titles = [await data.getAttribute("title"), await grad.getAttribute("title")];
  return {
    path: await page.locator("#node").textContent(),
    data: await data.textContent(),
    grad: await grad.textContent(),
    decimals: titles.map((title) => title.split(" = ")[0]),
    way: await page.evaluate(() => way),
    shownWay: await texts(page, "#way li:not(.left-out)"),
    operation: await page.locator("#operation").textContent(),
    children: await texts(page, "#children a"),
    childNumbers: await texts(page, "#children .number"),
    focus: await page.evaluate(() => document.activeElement.id),
    hash: decodeURIComponent(new URL(page.url()).hash),
    terms: await Promise.all(rows.map(async (row) => [
      await row.locator("a").textContent(), ...(await row.locator(".number").allTextContents()),
    ])),
  };
}

// The way is a path of the graph, each node made of the next; from the loss, if the loss is made of it.
function checkWay(shown, id, nodes, users) {
  const { way, shownWay } = shown;
  const isMet = id === nodes.length - 1 || users[id].length > 0;
  assert.equal(way[way.length - 1], id);
  assert.equal(way[0], isMet ? nodes.length - 1 : id, shown.path);
  for (let i = 1; i < way.length; i++) {
    assert.ok(nodes[way[i - 1]].children.includes(way[i]), `${nodes[way[i - 1]].path} is made of ${nodes[way[i]].path}`);
  }
  const paths = way.map((step) => nodes[step].path);
  assert.deepEqual(shownWay, paths.length <= shownWay.length ? paths : [paths[0], ...paths.slice(1 - shownWay.length)]);
}

// Compares all of it with the dump. The page has to be in hexadecimal.
function checkNode(shown, id, nodes, users) {
  const node = nodes[id];
  assert.equal(shown.path, node.path);
  assert.equal(shown.data, node.data, node.path);
  assert.equal(shown.grad, node.grad, node.path);
  assert.deepEqual(shown.decimals.map(Number), [node.data, node.grad].map(parseHexadecimal));
  assert.equal(shown.hash, `#node=${node.path}`);
  checkWay(shown, id, nodes, users);
  assert.ok(shown.operation.startsWith({ param: "a parameter", const: "a constant" }[node.op] ?? `${node.op}: `));
  assert.deepEqual(shown.children, node.children.map((child) => nodes[child].path));
  assert.deepEqual(shown.childNumbers,
    node.children.flatMap((child, i) => [nodes[child].data, node.localGrads[i]]));
  assert.deepEqual(shown.terms.map((term) => term.slice(0, 3)),
    users[id].map(([user, i]) => [nodes[user].path, nodes[user].grad, nodes[user].localGrads[i]]));
  let sum = 0;
  for (const [, grad, localGrad, product, sumSoFar] of shown.terms) {
    const expected = parseHexadecimal(grad) * parseHexadecimal(localGrad);
    sum += expected;
    assert.equal(parseHexadecimal(product), expected);
    assert.equal(parseHexadecimal(sumSoFar), sum);
  }
  if (shown.terms.length > 0) {
    assert.equal(shown.terms[shown.terms.length - 1][4], node.grad, "the last sum is the gradient");
  }
}

async function arrive(page, path) {
  await page.waitForFunction((expected) => document.getElementById("node").textContent === expected, path);
}

// Which child to go down to: any but a constant, as a generator of numbers says.
function chooser(seed) {
  let state = seed;
  return (nodes, id) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    const ways = nodes[id].children.flatMap((child, i) => (nodes[child].op === "const" ? [] : [i]));
    return ways[Math.floor(state / 65536) % ways.length];
  };
}

// From the loss down to a parameter; step() takes the page to the i-th child. Returns how many nodes
// were compared.
async function walkDown(page, nodes, users, choose, step) {
  let id = nodes.length - 1;
  checkNode(await readNode(page), id, nodes, users);
  let nWalked = 1;
  while (nodes[id].op !== "param") {
    const i = choose(nodes, id);
    id = nodes[id].children[i];
    await step(i);
    await arrive(page, nodes[id].path);
    const shown = await readNode(page);
    checkNode(shown, id, nodes, users);
    assert.equal(shown.focus, "node", "the focus follows");
    nWalked++;
  }
  return nWalked;
}

// ---- the tests ----

async function testAllNodes(page, nodes) {
  const shown = await page.evaluate(() => Array.from({ length: graph.n }, (_, id) => [
    hexadecimal(graph.data[id]), hexadecimal(graph.grads[id]), graph.opName(id), names.path(id),
    ...graph.childrenOf(id), ...graph.childrenOf(id).map((_, i) => hexadecimal(graph.localGrads[2 * id + i])),
  ].join(" ")));
  assert.deepEqual(shown, nodes.map(({ data, grad, op, path, children, localGrads }) =>
    [data, grad, op, path, ...children, ...localGrads].join(" ")));
}

async function testWalkByClicking(page, nodes, users) {
  let nWalked = 0;
  for (const seed of [1, 2, 3]) {
    await page.locator("#search a").click();
    await arrive(page, "loss");
    nWalked += await walkDown(page, nodes, users, chooser(seed), (i) =>
      page.locator("#children a").nth(i).click());
  }
  return nWalked;
}

async function testWalkByKeyboard(page, nodes, users) {
  await page.locator("#search a").focus();
  await page.keyboard.press("Enter");
  await arrive(page, "loss");
  const nWalked = await walkDown(page, nodes, users, chooser(4), async (i) => {
    if (i === 0) {
      await page.keyboard.press("ArrowRight");
    } else {
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
    }
  });
  const way = await texts(page, "#way a");
  await page.keyboard.press("ArrowLeft");
  await arrive(page, way[way.length - 1]);
  await page.keyboard.press("ArrowUp"); // the last link there is: a user
  assert.equal(await page.evaluate(() => document.activeElement.closest("table").id), "terms");
  await page.keyboard.press("Home");
  await arrive(page, "loss");
  return nWalked;
}

async function testSearch(page, nodes, users) {
  const id = nodes.findIndex(({ path }) => path === "layer0.attn_wq[3,7]");
  await page.locator("#path").fill("layer0.attn_wq[3,");
  await page.waitForFunction(() => document.querySelectorAll("#paths option").length === 16);
  await page.locator("#path").fill("layer0.attn_wq[3,7]");
  await page.keyboard.press("Enter");
  await arrive(page, "layer0.attn_wq[3,7]");
  checkNode(await readNode(page), id, nodes, users);
  await page.locator("#path").fill("layer0.attn_wq[16,0]");
  await page.locator("#search button").click();
  await page.waitForFunction(() => document.getElementById("search-failure").textContent !== "");
  assert.equal(await page.locator("#search-failure").textContent(), "There is no node layer0.attn_wq[16,0].");
  assert.equal(await page.locator("#node").textContent(), "layer0.attn_wq[3,7]");
  await page.locator("#terms a").first().click();
  await arrive(page, "pos6.layer0.attn.q[3].mul[7]");
  checkWay(await readNode(page), nodes.findIndex(({ path }) => path === "pos6.layer0.attn.q[3].mul[7]"), nodes, users);
  await page.goBack();
  await arrive(page, "layer0.attn_wq[3,7]");
  await page.locator("#way a").first().click();
  await arrive(page, "loss");
  assert.deepEqual(await texts(page, "#way li"), ["loss"]);
  assert.equal(await page.locator("#way").isVisible(), false, "one node is no path");
}

// What is drawn around a node: edges of the graph at most two steps away, the largest of them thick.
async function testDrawing(page, nodes, users) {
  const paths = ["loss", "layer0.attn_wq[3,7]", "pos3.layer0.mlp.norm[5]", "pos6.norm.ms.mul[3]",
    "wte[23,0]", "pos2.prob[0].pow", "pos6.softmax.exp[26]"];
  for (const path of paths) {
    const id = nodes.findIndex((node) => node.path === path);
    await page.locator("#path").fill(path);
    await page.locator("#search button").click();
    await arrive(page, path);
    const drawn = await page.evaluate(() => Array.from(document.querySelectorAll("#neighbours [data-edge]"), (edge) =>
      ({ edge: [edge.dataset.edge >> 1, edge.dataset.edge % 2], isLargest: edge.classList.contains("largest"), label: edge.textContent })));
    const links = await page.evaluate(() => Array.from(document.querySelectorAll("#neighbours a"), (link) => Number(link.dataset.node)));
    const ends = drawn.flatMap(({ edge: [user, i] }) => [user, nodes[user].children[i]]);
    assert.deepEqual(new Set([...links, id]), new Set([...ends, id]), path);
    const neighbours = new Set([id, ...ends.filter((_, k) => [id].includes(ends[k ^ 1]))]);
    for (const { edge: [user, i], label } of drawn) {
      assert.ok(neighbours.has(user) || neighbours.has(nodes[user].children[i]), `${path}: two steps away`);
      const expected = parseHexadecimal(nodes[user].localGrads[i]) * parseHexadecimal(nodes[user].grad);
      if (label !== "") {
        assert.equal(Number(label), Number(expected.toPrecision(3)), path);
      }
    }
    assert.deepEqual(new Set(drawn.filter(({ isLargest }) => isLargest).map(({ edge }) => String(edge))),
      new Set(findPathAround(nodes, users, id).map(String)), path);
    assert.equal(links.filter((link) => nodes[id].children.includes(link)).length, new Set(nodes[id].children).size);
  }
  const { path } = nodes[await page.locator("#neighbours a").first().getAttribute("data-node")];
  await page.locator("#neighbours a").first().click();
  await arrive(page, path);
}

// The lesson: the sentences of its steps, the numbers in its boxes, and that it plays to its end.
async function testLesson(browser, url) {
  const page = await openPage(browser, url);
  const numbers = async () => (await texts(page, "#lesson-drawing .node"))
    .map((text) => text.match(/data (-?\d+)grad (-?\d+)$/)?.slice(1).map(Number) ?? null);
  const step = (name) => page.locator(`#lesson-${name}`).click();
  assert.deepEqual(await numbers(), [null, null, null, null, null]);
  for (let i = 0; i < 3; i++) {
    await step("forward");
  }
  assert.equal(await page.locator("#lesson-text").textContent(),
    "Forward: c = a * b makes a node with the data -6. Its local gradients are -3 for a and 2 for b.");
  assert.deepEqual(await numbers(), [[2, 0], [-3, 0], [-6, 0], null, null]);
  for (let i = 3; i < 10; i++) {
    await step("forward");
  }
  assert.equal(await page.locator("#lesson-text").textContent(),
    "Backward, from c to a: the local gradient times the gradient of c is -3 * -8 = 24. So a.grad becomes -8 + 24 = 16.");
  assert.deepEqual(await numbers(), [[2, 16], [-3, 0], [-6, -8], [-4, -8], [16, 1]]);
  await step("back");
  assert.deepEqual(await numbers(), [[2, -8], [-3, 0], [-6, -8], [-4, -8], [16, 1]]);
  for (let i = 0; i < 9; i++) {
    await step("back");
  }
  assert.equal(await page.locator("#lesson-step").textContent(), "step 0 of 11");
  await page.clock.install();
  await step("play");
  assert.equal(await page.locator("#lesson-play").textContent(), "Pause");
  await page.clock.runFor(60000);
  assert.equal(await page.locator("#lesson-step").textContent(), "step 11 of 11");
  assert.equal(await page.locator("#lesson-play").textContent(), "Play");
  assert.deepEqual(await numbers(), [[2, 16], [-3, -16], [-6, -8], [-4, -8], [16, 1]]);
  assert.match(await page.locator("#lesson-text").textContent(), /the loss grows by about 16 thousandths\.$/);
  await step("play");
  assert.equal(await page.locator("#lesson-step").textContent(), "step 1 of 11", "it begins again");
  await page.context().close();
}

// The drawing of the lesson stays in its place, however long the sentence of a step is.
async function testLessonStays(browser, url) {
  for (const width of [320, 390, 768, 1440]) {
    const page = await openPage(browser, url, { viewport: { width, height: 844 } });
    const top = () => page.evaluate(() =>
      document.getElementById("lesson-drawing").getBoundingClientRect().top + scrollY);
    const first = await top();
    for (let i = 1; i <= 11; i++) {
      await page.locator("#lesson-forward").click();
      assert.equal(await top(), first, `step ${i}, ${width} pixels`);
    }
    await page.context().close();
  }
}

// The top of a phone's page, the drawing beside the table on a wide one, and both after a change of size.
async function testPlaces(browser, url) {
  const page = await openPage(browser, url, { viewport: { width: 390, height: 844 } });
  const link = await page.locator("#sections a[href='#graph']").boundingBox();
  assert.ok(link.y + link.height < 844, "the graph is a link at the top");
  await page.locator("#sections a[href='#graph']").click();
  await page.waitForFunction(() => document.getElementById("graph").getBoundingClientRect().top < 300);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.waitForFunction(() => document.querySelector("#neighbours svg").clientWidth > 400);
  const drawing = await page.locator("#neighbours").boundingBox();
  const details = await page.locator(".details").boundingBox();
  assert.ok(drawing.x + drawing.width <= details.x && Math.abs(drawing.y - details.y) < 50, "they stand side by side");
  assert.match(await page.locator("#first-step").textContent(), /docs\/gdb-tour\.md/);
  assert.equal(await page.locator("#debugger").textContent(), "mg why loss");
  await page.context().close();
}

// Scripts switched off; and a site whose policy forbids them.
async function testWithoutScript(browser, url) {
  const off = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await off.goto(url);
  const text = await readFile(new URL(url));
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": "script-src 'none'" });
    response.end(text);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const forbidden = await (await browser.newContext()).newPage();
  await forbidden.goto(`http://127.0.0.1:${server.address().port}/`);
  for (const page of [off, forbidden]) {
    assert.match(await page.locator("#no-script").innerText(), /^This page needs its script/);
    assert.equal(await page.locator("main").isVisible(), false);
    assert.equal(await page.locator("#sections").isVisible(), false);
    await page.context().close();
  }
  server.close();
}

// All users of a node that has very many, and one that the loss is not made of.
async function testManyUsers(page, url, nodes, users) {
  for (const path of ["pos0.layer0.mlp.norm[5]", "wte[26,3]", "pos1.softmax.total", "pos2.prob[0]", "wte[23,0]"]) {
    const id = nodes.findIndex((node) => node.path === path);
    await page.goto("about:blank");
    await page.goto(`${url}#node=${path}`);
    await page.waitForSelector("html[data-drawn]");
    await page.locator("#hexadecimal").check();
    checkNode(await readNode(page), id, nodes, users);
  }
}

async function testDecimals(page) {
  await page.locator("#seventeen").check();
  const shown = await page.evaluate(() => [0, -0, 1, -2.5, 1e-4, 1e-5, 5e-324, 1 / 3, 2 ** -1022, -1e300]
    .map((x) => [decimal(x), hexadecimal(x)]));
  assert.deepEqual(shown, [
    ["0", "0x0.0p+0"], ["-0", "-0x0.0p+0"], ["1", "0x1.0000000000000p+0"],
    ["-2.5", "-0x1.4000000000000p+1"], ["0.0001", "0x1.a36e2eb1c432dp-14"],
    ["1e-5", "0x1.4f8b588e368f1p-17"], ["5e-324", "0x0.0000000000001p-1022"],
    ["0.3333333333333333", "0x1.5555555555555p-2"],
    ["2.2250738585072014e-308", "0x1.0000000000000p-1022"], ["-1e+300", "-0x1.7e43c8800759cp+996"],
  ]);
  await page.locator("#search a").click();
  await arrive(page, "loss");
  const number = page.locator("#children .number").first();
  const exact = parseHexadecimal((await number.getAttribute("title")).split(" = ")[1]);
  assert.equal(Number(await number.textContent()), exact);
  await page.locator("#six").check();
  assert.equal(Number(await page.locator("#children .number").first().textContent()), Number(exact.toPrecision(6)));
  assert.deepEqual(await page.evaluate(() =>
    [0, -0, 1, 3.4639065212288349, -0.17818412, 1.8035312e-6, 123456.7, 1234567, 0.0001, 1e-5, 1e100].map(sixDigits)),
    ["0", "-0", "1", "3.46391", "-0.178184", "1.80353e-06", "123457", "1.23457e+06", "0.0001", "1e-05", "1e+100"]);
}

async function testAttention(page) {
  const cell = page.locator(".map").nth(2).locator("rect").nth(4); // row 2, column 1
  await cell.click();
  await arrive(page, "pos2.layer0.attn.head2.weight[1]");
  await page.mouse.move(0, 0); // away from the cells
  await page.locator(".map svg").nth(1).focus();
  for (const key of ["ArrowUp", "ArrowRight", "ArrowRight"]) {
    await page.keyboard.press(key);
  }
  assert.match(await page.locator(".map output").nth(1).textContent(), /^5 \(.\) takes 0\.\d+ of 2 \(.\)$/);
  await page.keyboard.press("Enter");
  await arrive(page, "pos5.layer0.attn.head1.weight[2]");
}

async function testSkipLink(page, url) {
  await page.goto("about:blank");
  await page.goto(url);
  await page.waitForSelector("html[data-drawn]");
  await page.keyboard.press("Tab");
  const box = await page.locator(".skip").boundingBox();
  assert.ok(box.x >= 0 && box.y >= 0, "the skip link is to be seen");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
}

// Each stop of the Tab key shows where it is.
async function testFocusIsVisible(page) {
  const stops = await page.locator("a[href], button, input:not([type=radio]), :checked, [tabindex='0']").count();
  const seen = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i <= stops; i++) {
    await page.keyboard.press("Tab");
    const [name, outline] = await page.evaluate(() => {
      const { activeElement } = document;
      activeElement.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length);
      return [activeElement.tagName + activeElement.dataset.stop, getComputedStyle(activeElement).outlineStyle];
    });
    if (!name.startsWith("BODY")) { // behind the last stop, before the first one
      assert.notEqual(outline, "none", name);
      seen.add(name);
    }
  }
  assert.equal(seen.size, stops);
}

function luminance(color) {
  const [r, g, b] = color.match(/\d+/g).slice(0, 3).map((part) => {
    const c = Number(part) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// In both colour schemes and all widths nothing overflows, and all text has enough contrast.
async function testLayout(browser, url) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [320, 360, 390, 768, 800, 1100, 1440]) {
      const page = await openPage(browser, `${url}#node=pos5.layer0.attn.head1.weight[2]`,
        { colorScheme, viewport: { width, height: 700 } });
      const where = `${colorScheme}, ${width} pixels`;
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, where);
      const outside = await page.evaluate(() => [...document.querySelectorAll("main *, header *")]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
        .map((element) => `${element.tagName}#${element.id} ${element.textContent.slice(0, 40)}`));
      assert.deepEqual(outside, [], where);
      const [paper, ...colors] = await page.evaluate(() => [
        getComputedStyle(document.documentElement).backgroundColor,
        ...["#lead", "a", "figcaption", "small", "#terms .number"].map((selector) =>
          getComputedStyle(document.querySelector(selector)).color),
        getComputedStyle(document.querySelector(".tick")).fill,
      ]);
      for (const color of colors) {
        assert.ok(contrast(paper, color) >= 4.5, `${where}: ${color} on ${paper}`);
      }
      assert.equal(luminance(paper) < 0.1, colorScheme === "dark");
      await page.context().close();
    }
  }
}

async function testPrint(browser, url) {
  const page = await openPage(browser, url, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator("#search").isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), "rgb(255, 255, 255)");
  assert.ok((await page.pdf({ format: "A4" })).length > 10000);
  await page.context().close();
}

// What a training adds, and what a checkpoint has not.
async function testTraining(browser) {
  microgpt("train", "--num-steps", "40", "--save", "checkpoint");
  const trained = await openPage(browser, writeReport("trained.html", "--num-steps", "40", "--text", "emma"));
  assert.equal(await trained.locator("#losses path").count(), 2);
  assert.match(await trained.locator("#losses-caption").textContent(), /the mean of the last 4, \d\.\d{3} at the end/);
  assert.match(await trained.locator("#lead").textContent(), /after 40 steps of training, seed 42.*BOS e m m a BOS/);
  assert.equal(await trained.locator("#samples li").count(), 20);
  assert.equal(await trained.locator(".map").count(), 4);
  assert.equal(await trained.locator("#points .letter").count(), 27);
  assert.equal(await trained.locator("#histograms figure").count(), 9);
  assert.equal(await trained.evaluate(() => graph.isExact), true);
  const loaded = await openPage(browser, writeReport("loaded.html", "--load", "checkpoint", "--text", "emma"));
  assert.match(await loaded.locator("#losses-caption").textContent(), /checkpoint, which does not keep the losses/);
  assert.deepEqual(await texts(loaded, "#samples li"), await texts(trained, "#samples li"));
  assert.deepEqual(await readNode(loaded), await readNode(trained));
}

// Letters that would end an element, a string, a comment; and a model of more layers and tiny numbers.
async function testHostileText(browser) {
  writeFileSync(join(folder, "letters"), "</script><b>\n\"'&amp;\\<!--\n");
  const page = await openPage(browser, writeReport("hostile.html", "--data", "letters", "--text", "</script><b>",
    "--n-layer", "2", "--n-embd", "8", "--n-head", "2", "--num-steps", "0", "--init-std", "1e-6"));
  assert.equal(await page.locator("b").count(), 0);
  assert.equal(await page.locator(".document").textContent(), "BOS < / s c r i p t > < b > BOS");
  assert.equal(await page.title(), "microGPT report: </script><b>");
  writeFileSync(join(folder, "marks"), "a\u0007b\u202ec\u200bd\u0085e\n");
  const marks = await openPage(browser, writeReport("marks.html", "--data", "marks", "--num-steps", "0",
    "--num-samples", "0", "--n-embd", "4", "--n-head", "2"));
  assert.equal(await marks.title(), "microGPT report: a\ufffdb\ufffdc\ufffdd\ufffde");
  const zeros = (await texts(page, "#points .tick")).filter((text) => Number(text) === 0);
  assert.equal(zeros.length, 2, "small numbers are not all called 0 on the axes");
  assert.equal(await page.locator(".map").count(), 4);
  assert.equal(await page.evaluate(() => graph.isExact), true);
}

// Zeros of both signs and numbers below the normal ones, at which a ReLU has its corner.
async function testTinyNumbers(browser) {
  const options = ["--n-embd", "4", "--n-head", "2", "--init-std", "1e-164"];
  microgpt("nodes", "--step", "1", "--names", "--output", "tiny", ...options);
  const nodes = readDump("tiny");
  assert.ok(nodes.some(({ data }) => data === "-0x0.0p+0"));
  assert.ok(nodes.some(({ data }) => data.startsWith("0x0.0") && data !== "0x0.0p+0"));
  assert.ok(nodes.some(({ op, children }) => op === "relu" && nodes[children[0]].data === "0x0.0p+0"));
  const page = await openPage(browser, writeReport("tiny.html", "--num-steps", "0", "--num-samples", "1", ...options));
  await testAllNodes(page, nodes);
}

// A page whose numbers are not those that it was written with says so, and shows none.
async function testDamage(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    const parse = JSON.parse;
    JSON.parse = (text) => {
      const report = parse(text);
      report.graph.numbers[5] += 2 ** -52;
      return report;
    };
  });
  await page.goto(url);
  await page.locator("#failure:not([hidden])").waitFor({ timeout: TIMEOUT });
  assert.match(await page.locator("#failure").textContent(), /computes other numbers than the program did/);
  assert.equal(await page.locator("#node").textContent(), "");
  assert.equal(await page.locator("main").isVisible(), false);
  await context.close();
}

async function testAll(browser) {
  microgpt("nodes", "--step", "1", "--names", "--output", "dump");
  const nodes = readDump("dump");
  const users = findUsers(nodes);
  const url = writeReport("untrained.html", "--num-steps", "0");
  const page = await openPage(browser, url);
  const drawn = await page.evaluate(() => document.documentElement.dataset.drawn);
  console.log(`page: ${statSync(join(folder, "untrained.html")).size} bytes, drawn ${drawn} ms after it was opened`);
  assert.match(await page.locator("#losses-caption").textContent(), /has not been trained/);
  await testAllNodes(page, nodes);
  console.log(`all ${nodes.length} nodes are those of the dump`);
  await page.locator("#hexadecimal").check();
  console.log(`${await testWalkByClicking(page, nodes, users)} nodes walked by clicking`);
  console.log(`${await testWalkByKeyboard(page, nodes, users)} nodes walked by keyboard`);
  await testSearch(page, nodes, users);
  await testManyUsers(page, url, nodes, users);
  await testDrawing(page, nodes, users);
  await testDecimals(page);
  await testAttention(page);
  await testSkipLink(page, url);
  await testFocusIsVisible(page);
  await testLayout(browser, url);
  await testPrint(browser, url);
  await testLesson(browser, url);
  await testLessonStays(browser, url);
  await testPlaces(browser, url);
  await testWithoutScript(browser, url);
  await testTraining(browser);
  await testHostileText(browser);
  await testTinyNumbers(browser);
  await testDamage(browser, url);
  assert.deepEqual(problems, []);
}

const isRoot = process.getuid() === 0; // for whom Chromium has no sandbox
const browser = await chromium.launch({ executablePath, chromiumSandbox: !isRoot, timeout: TIMEOUT });
try {
  await testAll(browser);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
