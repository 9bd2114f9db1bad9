// Writes node dumps for `microgpt compare`, from JavaScript: see docs/node-format.md.
//
//     const dump = newDump({ step: 1 });
//     dump("pos2.logit", logit);         // pos2.logit[0], pos2.logit[1], ...
//     dump("pos2.prob", prob, dprob);    // the same with gradients
//     dump("wte", wte, dwte);            // rows of rows: wte[0,0], wte[0,1], ...
//     dump("loss", loss, 1);             // one number
//     fs.writeFileSync("port.txt", dump.text());
//
// Float64Array and Float32Array are arrays as well. Nothing here needs Node: a page can offer
// dump.text() as a download.

// A number's shortest decimals give it back, but for the sign of a zero.
const show = (x) => (Object.is(x, -0) ? "-0" : String(x));

export function newDump(about = {}) {
  const ascii = JSON.stringify(about).replace(
    /[^ -~]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
  );
  const lines = [`# microgpt-nodes 1 ${ascii}`];

  function write(name, indices, x, grads) {
    if (typeof x !== "number") {
      for (let i = 0; i < x.length; i++) {
        write(name, [...indices, i], x[i], grads === undefined ? undefined : grads[i]);
      }
      return;
    }
    const path = indices.length > 0 ? `${name}[${indices.join(",")}]` : name;
    lines.push(`${path} ${show(x)} ${grads === undefined ? "-" : show(grads)}`);
  }

  const dump = (name, x, grads) => write(name, [], x, grads);
  dump.text = () => lines.join("\n") + "\n";
  return dump;
}
