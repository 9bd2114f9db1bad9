#!/usr/bin/env python3
"""`microgpt compare` on losses, on safetensors files, and on decimals in node dumps.

    test_other_files.py PROGRAM
"""

import json
import math
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

PROGRAM = str(Path(sys.argv.pop(1)).resolve())


def to_float(x):
    return struct.unpack("f", struct.pack("f", x))[0]


class OtherFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="test_other_files.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def run_program(self, *words):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=100)
        return done.returncode, done.stdout, done.stderr

    def compare(self, status, *words):
        found, out, err = self.run_program("compare", *words)
        self.assertEqual((found, err), (status, ""), out)
        return out

    def refused(self, *words):
        status, out, err = self.run_program("compare", *words)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
        return err


class Pipes(OtherFiles):
    """Standard input and named pipes have their own names in reports and errors."""

    def compare_pipe(self, path, content):
        """Return stdout and stderr of comparing a with a pipe of this content."""
        if path != "-":
            os.mkfifo(self.folder / path)
            threading.Thread(target=self.write, args=(path, content)).start()
        done = subprocess.run([PROGRAM, "compare", "a", path], cwd=self.folder, capture_output=True,
                              input=content if path == "-" else b"", timeout=100)
        if path != "-":
            os.remove(self.folder / path)
        return done.stdout.decode(), done.stderr.decode()

    def test_names(self):
        kinds = (b"loss 1 1\n", b"1\n2\n", safetensors({"w": ("F64", [1], [1])}))
        for a, other in zip(kinds, kinds[1:] + kinds[:1]):
            self.write("a", a)
            for path, name in (("-", "standard input"), ("pipe", "pipe")):
                with self.subTest(a=a, path=path):
                    out, err = self.compare_pipe(path, a)
                    self.assertEqual((out.splitlines()[1].split(":")[0], err), (f"B  {name}", ""), out)
                    out, err = self.compare_pipe(path, other)
                    self.assertRegex(err, f"compare: .*{name} is.*; compare two of a kind")
        self.write("a", "loss 1 1\n")
        self.assertEqual(self.compare_pipe("-", b"loss x\n"),
                         ("", "microgpt: standard input:1: 'x' is not a number\n"))
        self.assertEqual(self.compare_pipe("pipe", b"loss x\n"),
                         ("", "microgpt: pipe:1: 'x' is not a number\n"))


class OtherTexts(OtherFiles):
    def test_encodings(self):
        self.write("a", "loss 1 1\n")
        for name in ("UTF-16", "UTF-32"):
            for byte_order in ("LE", "BE"):
                if name + byte_order == "UTF-32BE":
                    continue  # which begins with zeros, as much else does
                text = "\ufeffloss 1 1\n".encode(name + byte_order)
                self.assertIn(f"b:1: is {name}; convert the file, for example with iconv -f {name} -t UTF-8",
                              self.refused("a", self.write("b", text)))

    def test_other_names(self):
        self.write("a", "wte[0,0] 1 1\n")
        self.assertIn("b: has no path in common with a: its first is wte.weight[0][0], and not like "
                      "wte[0,0]; see docs/node-format.md",
                      self.refused("a", self.write("b", "wte.weight[0][0] 1 1\n")))


class Digits(OtherFiles):
    """Which decimals of a node dump are floats, and when digits are missing."""

    def setUp(self):
        super().setUp()
        generator = random.Random(5)
        self.numbers = [generator.gauss(0, 0.08) for _ in range(200)]

    def dump(self, name, form, numbers):
        return self.write(name, "".join(f"wte[0,{i}] {form(x)} 1\n" for i, x in enumerate(numbers)))

    def test_floats_in_many_digits(self):
        floats = [to_float(x) for x in self.numbers]
        self.dump("a", float.hex, floats)
        for form in ("%.9g", "%.8e", "%.9e", "%.10g", "%.12g", "%.17g", "%.15f"):
            out = self.compare(0, "a", self.dump("b", lambda x: form % x, floats))
            self.assertIn("same: data", out)
            self.assertNotIn("warning", out)

    def test_shortest_decimals(self):
        """Of floats, they have 8 digits, and hardly ever 9."""
        for n in range(20, 200, 20):
            for numbers in ([to_float(2 + x) for x in self.numbers[:n]], self.numbers[:n]):
                def shortest(x):
                    return next(text for text in (f"{x:.{digits}g}" for digits in range(1, 18))
                                if float(text) == x or to_float(float(text)) == x)
                self.dump("a", float.hex, numbers)
                out = self.compare(0, "a", self.dump("b", shortest, numbers))
                self.assertNotIn("warning", out)

    def test_doubles_beside_short_decimals(self):
        """Local gradients and a loss's gradient are often written as 1."""
        self.dump("a", float.hex, self.numbers)
        for form in (float.hex, repr):
            text = "".join(f"wte[0,{i}] {form(x)} 1\n" for i, x in enumerate(self.numbers))
            out = self.compare(0, "a", self.write("b", text))
            self.assertIn("same: data and gradients of 200 values", out)
            self.assertNotIn("single precision", out)

    def test_too_few_digits(self):
        self.dump("a", float.hex, self.numbers)
        warning = "warning: B's numbers were printed with too few digits"
        for form in ("%f", "%.4f", "%.10f", "%.17f", "%g", "%.7g", "%.10g", "%.15g", "%.5e"):
            out = self.compare(1, "a", self.dump("b", lambda x: form % x, self.numbers))
            self.assertEqual(out.startswith(warning), True, form)
            self.assertEqual(out.count("warning"), 1, form)
        for form in ("%.17g", "%.16e", "%r", "%.25f"):
            out = self.compare(0, "a", self.dump("b", lambda x: form % x, self.numbers))
            self.assertNotIn("warning", out)
        by_hand = [0.5, 0.25, 1.5, 2.0] * 8
        out = self.compare(0, self.dump("a", repr, by_hand), "a")
        self.assertNotIn("warning", out)


class LossFiles(OtherFiles):
    def setUp(self):
        super().setUp()
        self.random = random.Random(3)
        self.losses = [3.3 - i / 300 + self.random.uniform(-0.3, 0.3) for i in range(200)]
        self.write("a", "".join(f"{i + 1} {x.hex()}\n" for i, x in enumerate(self.losses)))

    def test_the_same_losses_in_all_notations(self):
        ways = {
            "decimal": "".join(f"{x!r}\n" for x in self.losses),
            "hexadecimal": "".join(f"{x.hex()}\n" for x in self.losses),
            "17 digits": "".join(f"{x:.17g}\n" for x in self.losses),
            "steps": "".join(f"{i + 1}\t{x!r}\r\n" for i, x in enumerate(self.losses)),
            "a brace where safetensors files have one": "# losses{}\n" + "".join(
                f"{x!r}\n" for x in self.losses),
            "comments": "# a port\n" + "".join(f" {x!r}\n\n" for x in self.losses),
            "log": "step\tloss\tloss_hex\tgrads_crc32\tparams_crc32\n" + "".join(
                f"{i + 1}\t{x!r}\t{x.hex()}\t0\t0\n" for i, x in enumerate(self.losses)),
        }
        for name, text in ways.items():
            with self.subTest(name):
                self.assertIn("same: 200 losses\n", self.compare(0, "a", self.write("b", text)))

    def test_lines_as_microgpt_py_prints_them(self):
        self.write("b", "".join(f"step {i + 1:4d} / {200:4d} | loss {x!r}\n"
                                for i, x in enumerate(self.losses)))
        self.assertIn("same: 200 losses\n", self.compare(0, "a", "b"))
        self.write("b", "".join(f"step {i + 1:4d} / {200:4d} | loss {x:.4f} | step time 3.1 s\n"
                                for i, x in enumerate(self.losses)))
        self.assertIn("same in all digits that were printed: 200", self.compare(1, "a", "b"))
        lines = "\r".join(f"step {i + 1:4d} /  200 | loss {x!r}" for i, x in enumerate(self.losses))
        for begin, end in (("", "\r\n"), ("num docs: 3\nvocab size: 27\nnum params: 4192\n",
                                         "\r\n--- inference ---\nsample  1: step\nsample  2: 7\n")):
            self.write("b", begin + lines + end)
            self.assertIn("same: 200 losses\n", self.compare(0, "a", "b"))
            self.write("b", begin + lines.replace("\r", "\n") + end)
            self.assertIn("same: 200 losses\n", self.compare(0, "a", "b"))
        for line in ("step 2 / 9 |\n", "step 2 / 9 | loss\n", "step x / 9 | loss 1\n",
                     "steps 2 / 9 | loss 1\n", "step 2 / 9 | losses 1\n"):
            self.assertIn("b:2: ", self.refused("a", self.write("b", "step 1 / 9 | loss 1\n" + line)))

    def test_our_log(self):
        self.run_program("train", "--num-steps", "4", "--n-embd", "4", "--log", "log")
        self.assertIn("same: 4 losses", self.compare(0, "log", "log"))
        hexes = [line.split("\t")[2] for line in (self.folder / "log").read_text().splitlines()[1:]]
        self.write("b", "\n".join(hexes) + "\n")
        self.assertIn("same: 4 losses", self.compare(0, "log", "b"))

    def test_steps_from_0(self):
        self.write("b", "".join(f"{i} {x!r}\n" for i, x in enumerate(self.losses)))
        out = self.compare(0, "a", "b")
        self.assertIn("one of them counts its steps from 0, the other from 1\nsame: 200 losses", out)
        self.assertIs(json.loads(self.compare(0, "a", "b", "--json"))["one_counts_from_0"], True)

    def test_losses_without_steps_are_counted_from_1(self):
        self.write("b", "0.5\n0.25\n")
        self.assertIn("B  b: 2 losses, steps 1 to 2\n", self.compare(1, "a", "b"))

    def test_every_tenth_step(self):
        self.write("b", "".join(f"{i + 1} {x!r}\n" for i, x in enumerate(self.losses) if i % 10 == 9))
        self.assertIn("same: 20 losses", self.compare(0, "a", "b"))

    def with_noise(self, size, growth):
        return [x * (1 + size * growth ** i * self.random.uniform(-1, 1))
                for i, x in enumerate(self.losses)]

    def test_rounding(self):
        self.write("b", "".join(f"{x!r}\n" for x in self.with_noise(2e-16, 1.03)))
        self.assertIn("different, and it looks like rounding: small at first, and grows slowly",
                      self.compare(1, "a", "b"))
        self.compare(0, "a", "b", "--unexplained")

    def test_floats(self):
        noisy = [to_float(x) for x in self.with_noise(1e-7, 1.03)]
        for name, text in {"promoted": "".join(f"{x!r}\n" for x in noisy),
                           "with nine digits": "".join(f"{x:.9g}\n" for x in noisy),
                           "with ten decimals": "".join(f"{x:.10f}\n" for x in noisy)}.items():
            with self.subTest(name):
                self.write("b", text)
                self.assertIn("different, as much as single precision makes it",
                              self.compare(1, "a", "b"))
                self.compare(0, "a", "b", "--unexplained")

    def test_printed_with_few_digits(self):
        self.write("b", "".join(f"{x:.4f}\n" for x in self.losses))
        self.assertIn("the same in all digits that were printed: 200 losses",
                      self.compare(1, "a", "b"))
        self.losses[7] = 0.98765
        self.write("a", "".join(f"{i + 1} {x.hex()}\n" for i, x in enumerate(self.losses)))
        for form in ("%.5f", "%.6f", "%.9f", "%.10f", "%.12f", "%g", "%.9g", "%.12g", "%.5e", "%.14g"):
            with self.subTest(form):
                self.write("b", "".join(form % x + "\n" for x in self.losses))
                self.assertIn("the same in all digits that were printed", self.compare(1, "a", "b"))
        self.write("b", "".join(f"{x * (1 + 1e-8 * (i > 99)):.11f}\n" for i, x in enumerate(self.losses)))
        self.assertIn("from step 101 on", self.compare(1, "a", "b"))
        self.losses[150] += 2e-4
        self.write("b", "".join(f"{x:.4f}\n" for x in self.losses))
        self.assertIn("from step 151 on", self.compare(1, "a", "b"))

    def test_noise_behind_few_digits(self):
        """Differences are not seen until they change the last digit, in one step or another."""
        noisy = [to_float(x) for x in self.with_noise(4e-6, 1)]
        self.write("b", "".join(f"{x:.5f}\n" for x in noisy))
        self.assertIn("looks like rounding", self.compare(1, "a", "b"))
        self.compare(0, "a", "b", "--unexplained")
        self.write("b", "".join(f"{x * (1 + min(1e-7 * 2 ** i, 1e-2)):.5f}\n"
                                for i, x in enumerate(self.losses)))
        self.assertIn("more than rounding makes it, from step 8 on", self.compare(1, "a", "b"))

    def test_a_bug_from_a_step_on(self):
        for size, step in ((1e-3, 9), (1e-9, 1), (1e-6, 200)):
            with self.subTest(f"{size} at {step}"):
                wrong = [x * (1 + (i >= step - 1) * size) for i, x in enumerate(self.losses)]
                self.write("b", "".join(f"{x!r}\n" for x in wrong))
                out = self.compare(1, "a", "b")
                self.assertIn(f"more than rounding makes it, from step {step} on\n", out)
                self.assertIn(f"compare dumps of step {max(step - 1, 1)}", out)
                self.compare(1, "a", "b", "--unexplained")

    def test_a_bug_among_noise(self):
        wrong = [x * (1 + (i >= 99) * 1e-5) for i, x in enumerate(self.with_noise(2e-16, 1.03))]
        self.write("b", "".join(f"{x!r}\n" for x in wrong))
        self.assertIn("from step 100 on", self.compare(1, "a", "b"))

    def test_nan(self):
        self.losses[5] = math.nan
        self.write("b", "".join(f"{x!r}\n" for x in self.losses))
        self.assertIn("from step 6 on", self.compare(1, "a", "b"))
        self.assertIn("same: 200 losses", self.compare(0, "b", "b"))

    def test_json(self):
        self.losses[8] *= 1.001
        self.write("b", "".join(f"{x!r}\n" for x in self.losses))
        report = json.loads(self.compare(1, "a", "b", "--json"))
        self.assertEqual((report["kind"], report["same"], report["n_differ"]), ("losses", False, 1))
        self.assertEqual(report["looks_like"], "more than rounding")
        self.assertEqual(report["more_than_rounding"]["step"], 9)
        self.assertEqual(len(report["losses"]), 200)

    def test_what_is_refused(self):
        self.assertIn("b:2: 'x' is not a number", self.refused("a", self.write("b", "1\nx\n")))
        self.assertIn("b:2: has a step and no loss", self.refused("a", self.write("b", "1 2\n2\n")))
        self.assertIn("b:2: has more than a step", self.refused("a", self.write("b", "1\n2 3\n")))
        self.assertIn("b:2: has a step that does not come after",
                      self.refused("a", self.write("b", "5 2\n4 3\n")))
        self.assertIn("b:2: has a step that does not come after",
                      self.refused("a", self.write("b", "5 2\n5 3\n")))
        self.assertIn("b:2: '2]' is not a number", self.refused("a", self.write("b", "1 2\n2] 3\n")))
        self.assertIn("no step in common", self.refused("a", self.write("b", "1000 2\n")))
        self.assertIn("has no loss in it", self.refused("a", self.write("b", "step loss\n")))
        self.assertIn("a is a file of losses (in each line one, or a step and its loss), and b is not; "
                      "compare two of a kind",
                      self.refused("a", self.write("b", "loss 0x1p0 0x1p0\n")))
        for line in ("1 0x1p0 0x1p0\n", "1] 2\n"):
            self.assertIn("and b is not; compare two of a kind",
                          self.refused("a", self.write("b", line)))
        self.assertIn("none: cannot be opened", self.refused("a", "none"))


def safetensors(tensors, metadata=None):
    """Return a file's bytes: name to (dtype, shape, numbers)."""
    header, data = {} if metadata is None else {"__metadata__": metadata}, b""
    for name, (dtype, shape, numbers) in tensors.items():
        if dtype == "BF16":
            packed = struct.pack(f"<{len(numbers)}f", *numbers)
            packed = b"".join(packed[i + 2:i + 4] for i in range(0, len(packed), 4))
        else:
            packed = struct.pack(f"<{len(numbers)}{'d' if dtype == 'F64' else 'f'}", *numbers)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data),
                                                                        len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def turned(shape, numbers):
    """Return the shape and numbers of a matrix's transpose."""
    n_rows, n_columns = shape
    return [n_columns, n_rows], [numbers[i * n_columns + k] for k in range(n_columns)
                                 for i in range(n_rows)]


class TensorFiles(OtherFiles):
    def setUp(self):
        super().setUp()
        generator = random.Random(5)
        self.tensors = {name: ("F64", shape, [generator.gauss(0, 0.08)
                                              for _ in range(shape[0] * shape[1])])
                        for name, shape in (("wte", [7, 4]), ("wq", [4, 4]), ("fc1", [16, 4]))}
        self.write("a", safetensors(self.tensors))

    def altered(self, **changes):
        return safetensors({**self.tensors, **changes})

    def test_the_same_in_another_order(self):
        self.write("b", safetensors(dict(reversed(self.tensors.items())), {"made": "elsewhere"}))
        self.assertIn("same: 3 tensors\n", self.compare(0, "a", "b"))

    def test_a_number(self):
        dtype, shape, numbers = self.tensors["fc1"]
        self.write("b", self.altered(fc1=(dtype, shape, [*numbers[:9], 0.5, *numbers[10:]])))
        out = self.compare(1, "a", "b")
        self.assertRegex(out, r"different: 1 of 3 tensors\nfc1 +\[16,4\] +1 of 64 differ, by .*differs")
        self.assertIn("first: fc1[2,1]\n", out)
        self.assertRegex(out, r"B  0x1\.0000000000000p-1 +0\.5\n")

    def test_types(self):
        for dtype in ("F32", "BF16"):
            with self.subTest(dtype):
                self.write("b", safetensors({name: (dtype, shape, numbers) for
                                             name, (_, shape, numbers) in self.tensors.items()}))
                out = self.compare(1, "a", "b")
                self.assertIn("the same, as far as the type with fewer bits tells: 3 of 3", out)
                self.compare(0, "a", "b", "--unexplained")
                self.compare(0, "b", "b")
        wrong = {name: ("F32", shape, [1.001 * x for x in numbers]) for
                 name, (_, shape, numbers) in self.tensors.items()}
        self.write("b", safetensors(wrong))
        self.assertIn("different: 3 of 3 tensors", self.compare(1, "a", "b", "--unexplained"))

    def test_transposed(self):
        for name in ("wte", "wq"):
            with self.subTest(name):
                dtype, shape, numbers = self.tensors[name]
                self.write("b", self.altered(**{name: (dtype, *turned(shape, numbers))}))
                out = self.compare(1, "a", "b")
                self.assertRegex(out, name + r" +\[\d,4\] +transposed: B's rows are A's columns\n")

    def test_shapes_and_names(self):
        dtype, shape, numbers = self.tensors["fc1"]
        self.write("b", safetensors({"wte": self.tensors["wte"], "fc1": (dtype, [8, 8], numbers),
                                     "bias": (dtype, [2], [1, 2])}))
        out = self.compare(1, "a", "b")
        self.assertRegex(out, r"fc1 +\[16,4\] +of another shape: \[8,8\] in B\n")
        self.assertRegex(out, r"wq +\[4,4\] +only in A\n")
        self.assertRegex(out, r"bias +\[2\] +only in B\n")
        report = json.loads(self.compare(1, "a", "b", "--json"))
        self.assertEqual([x["name"] for x in report["tensors"]], ["wte", "wq", "fc1", "bias"])

    def test_our_checkpoints(self):
        sizes = ["--num-steps", "3", "--n-embd", "4", "--block-size", "4"]
        self.run_program("train", *sizes, "--save", "one")
        self.run_program("train", *sizes, "--seed", "43", "--save", "other")
        self.assertIn("same: 27 tensors", self.compare(0, "one", "one"))
        out = self.compare(1, "one", "other")
        self.assertIn("metadata: seed is 42 in A, 43 in B\n", out)
        self.assertIn("different: 27 of 27 tensors\n", out)

    def test_many_tensors_take_no_time_squared(self):
        tensors = {f"t{i}": ("F64", [0], []) for i in range(150000)}
        self.write("a", safetensors(tensors))
        self.write("b", safetensors(dict(reversed(tensors.items()))))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        self.assertIn("same: 150000 tensors\n", self.compare(0, "a", "b"))
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, 12)

    def test_names_are_made_printable(self):
        self.write("c", safetensors({"w\x1b[31m\n": ("F64", [1], [1])}))
        self.write("b", safetensors({"w\x1b[31m\n": ("F64", [1], [2])}))
        self.assertIn("\nw?[31m? ", self.compare(1, "c", "b"))

    def test_what_is_refused(self):
        good = safetensors(self.tensors)
        self.assertIn("b: its tensor fc1 has data_offsets outside of the file",
                      self.refused("a", self.write("b", good[:-1])))
        self.assertIn("it ends within its header", self.refused("a", self.write("b", good[:40])))
        longest = struct.pack("<Q", 100_000_000) + b"{"
        self.assertIn("it ends within its header", self.refused("a", self.write("b", longest)))
        self.assertIn("b: has no tensor of F64, F32 or BF16",
                      self.refused("a", self.write("b", good.replace(b"F64", b"I64"))))
        self.assertIn("has no tensor of a name that a has: its first is x, and not like ", self.refused(
            "a", self.write("b", safetensors({"x": ("F64", [1], [1])}))))
        for n, what in ((1000, "too many brackets"), (12, "nested deeper than 8 levels")):
            deep = b"{" + b'"a":[' * n
            self.assertIn(what, self.refused(
                "a", self.write("b", struct.pack("<Q", len(deep)) + deep)))
        self.assertIn("a is a file of tensors, and b is not", self.refused(
            "a", self.write("b", struct.pack("<Q", 2) + b"[]")))
        self.assertIn("a is a file of tensors, and b is not",
                      self.refused("a", self.write("b", "loss 0x1p0 0x1p0\n")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
