// The numbers of test_writers.py, from JavaScript.
import fs from "node:fs";
import { newDump } from "./microgpt_dump.mjs";

const x = [0.1, -0, Infinity, -Infinity, NaN, 5e-324, 1.7976931348623157e308, 1 / 3];
const dx = [-0.1, 0, NaN, 1e-7, 2, -3, 123456789, -1e-300];
const dump = newDump({ step: 3, document: "ana" });
dump("pos2.logit", x);
dump("pos2.prob", new Float64Array(x), dx);
dump("wte", [x.slice(0, 3), x.slice(3, 6)], [dx.slice(0, 3), dx.slice(3, 6)]);
dump("wpe", [x.slice(0, 3), x.slice(3, 6)]);
dump("pos0.norm", new Float32Array([0.1, -1e-7, 16777217]));
dump("loss", 2.5, 1);
dump("pos0.loss", 2.5);
fs.writeFileSync(process.argv[2], dump.text());
