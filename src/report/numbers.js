// Numbers as text: in decimal, in hexadecimal, in percent; and a checksum of many numbers.
"use strict";

const view = new DataView(new ArrayBuffer(8));

// The text of Python's float.hex(), which `microgpt nodes` writes.
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

// The shortest decimal that no other double is nearer to.
function decimal(x) {
  if (x === 0) {
    return Object.is(x, -0) ? "-0" : "0";
  }
  return Math.abs(x) < 1e-4 ? x.toExponential() : String(x);
}

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

// The text of C's %.*g.
function withDigits(x, nDigits) {
  if (x === 0) {
    return decimal(x);
  }
  const [mantissa, exponent] = x.toExponential(nDigits - 1).split("e");
  if (exponent < -4 || exponent >= nDigits) {
    return `${withoutZeros(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return withoutZeros(x.toFixed(nDigits - 1 - exponent));
}

// A number as the script for gdb prints it.
function sixDigits(x) {
  return withDigits(x, 6);
}

function count(n) {
  return n.toLocaleString("en");
}

function percent(share) {
  return (100 * share).toFixed(1) + " %";
}

// Three digits, for axes and captions.
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
