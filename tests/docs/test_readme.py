#!/usr/bin/env python3
"""Compares what README.md says about the program with the program.

    test_readme.py SOURCE_FOLDER BUILD_FOLDER PROGRAM

Checks every row of its tables, its numbers of parameters and samples, its packages and its list of suites.
A row without an entry here is a mistake, and so is an entry without a row. (Commands: test_shown.py. Links:
test_markdown.py.)
"""

import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # not into the source folder

import markdown_text as md

TIMEOUT = 120  # seconds, for one command


class Program:
    """The output of the program about itself."""

    def __init__(self, path):
        self.path = path
        self.help = self.run("--help")
        inspection = json.loads(self.run("inspect", "--json"))
        self.sizes = inspection["model"]
        self.shapes = {tensor["name"]: tensor["shape"] for tensor in inspection["tensors"]}
        self.stages = {stage["stage"]: stage for stage in inspection["pipeline"]}
        self.nodes = [line.split() for line in
                      self.run("nodes", "--step", "1", "--names").splitlines()[1:]]
        self.paths = {fields[-1]: fields for fields in self.nodes}
        self.alphabet = self.read_alphabet()
        self.dtypes = self.read_dtypes()

    def run(self, *arguments):
        done = subprocess.run([self.path, *arguments], stdout=subprocess.PIPE, check=True,
                              timeout=TIMEOUT)
        return done.stdout.decode()

    def default(self, option):
        """The default of an option according to --help."""
        match = re.search(rf"^  {option} .*\(default: (\S+)\)(, also .*)?$", self.help, re.MULTILINE)
        return match.group(1)

    def read_checkpoint(self):
        with tempfile.TemporaryDirectory(prefix="test_readme.") as folder:
            path = Path(folder, "checkpoint")
            self.run("train", "--num-steps", "1", "--save", str(path))
            data = path.read_bytes()
        (header_size,) = struct.unpack("<Q", data[:8])
        return json.loads(data[8:8 + header_size])

    def read_alphabet(self):
        return self.read_checkpoint()["__metadata__"]["vocabulary"]

    def read_dtypes(self):
        header = self.read_checkpoint()
        return {tensor["dtype"] for name, tensor in header.items() if name != "__metadata__"}

    def children(self, path):
        """The paths of the nodes that a node is computed from."""
        line = " ".join(self.paths[path])
        return [self.nodes[int(child)][-1] for child in re.search(r"\[(.*?)\]", line)[1].split()]

    def n_positions(self):
        return sum(re.fullmatch(r"pos\d+\.loss", path) is not None for path in self.paths)

    def n_step_nodes(self):
        return len(self.nodes) - self.sizes["n_params"]


def model_rows(p):
    """The table of the model: what each row must say."""
    sizes = p.sizes
    first, last = p.alphabet[0], p.alphabet[-1]
    letters = "".join(map(chr, range(ord(first), ord(last) + 1)))
    no_biases = all(len(shape) == 2 for shape in p.shapes.values())
    norm = p.stages["norm"]["formula"] == "x / sqrt(mean(x^2) + 1e-5)"
    relu = p.stages["mlp.fc1.relu"]["source"]
    return {
        "embedding dim (`n_embd`)": f"{sizes['n_embd']}",
        "heads (`n_head`)": f"{sizes['n_head']}, with `head_dim` {sizes['head_dim']}",
        "layers (`n_layer`)": f"{sizes['n_layer']}",
        "context (`block_size`)": f"{sizes['block_size']}",
        "vocabulary": f"{sizes['vocab_size']}: {first}-{last} and BOS"
                      if p.alphabet == letters else f"not {first}-{last}",
        "parameters": f"{sizes['n_params']:,}",
        "normalisation": "RMSNorm, no biases" if norm and no_biases else "another one",
        "activation": {"relu": "ReLU"}.get(relu.rpartition(".")[2], relu),
        "optimiser": f"Adam, betas {p.default('--beta1')} and {p.default('--beta2')}, "
                     f"learning rate {p.default('--learning-rate')} falling linearly to 0",
        "precision": "double, as in Python" if p.dtypes == {"F64"} else f"{p.dtypes}",
    }


def difference_rows(p, source):
    """The table of differences: `microgpt.py`, and what each row must say about the program."""
    n_embd = p.sizes["n_embd"]
    square = all(p.shapes[f"layer0.attn_{kind}"] == [n_embd, n_embd] for kind in ("wq", "wk", "wv"))
    # The query of a position is compared with the keys of all positions up to itself: the cache.
    cached = "pos1.layer0.attn.head0.logit[1]" in p.paths and \
        "pos1.layer0.attn.head0.logit[2]" not in p.paths
    rows = p.children("pos0.embed[0]")
    is_lookup = len(rows) == 2 and rows[0].startswith("wte[") and rows[1] == "wpe[0,0]"
    is_row_by_row = p.paths["pos0.layer0.attn.q[0].mul[0]"][-2] == "mul"
    value_h = (source / "include" / "microgpt" / "value.h").read_text(encoding="utf-8")
    has_value = "struct Value {\n    double data;" in value_h
    has_data_option = "--data FILE" in p.help
    backward_c = (source / "src" / "autograd" / "backward.c").read_text(encoding="utf-8")
    build_topo = re.search(r"^bool graph_build_topo\(.*?^}$", backward_c, re.MULTILINE | re.DOTALL)[0]
    is_recursive = build_topo.count("graph_build_topo(") > 1
    wrong = "not so"
    return {
        "tokens": "one at a time, with a KV cache" if cached else wrong,
        "Q, K, V": f"single [{n_embd},{n_embd}] matrices" if square else wrong,
        "linear layer": "`w @ x`, row by row" if is_row_by_row else wrong,
        "autograd": "scalar `Value` class" if has_value else wrong,
        "embedding": "direct row lookup" if is_lookup else wrong,
        "backward": wrong if is_recursive else "the same order, without recursion",
        "random numbers": "the same numbers",  # the suites golden and python compare them
        f"nodes of a document of {p.n_positions()} positions": f"the same {p.n_step_nodes():,}",
        "numbers": "the same doubles, bit for bit",  # the suites golden and python compare them
        "data": "the names are compiled in; `--data FILE` for others" if has_data_option else wrong,
    }


class Checker:
    def __init__(self, path):
        self.name = path.name
        self.blocks = md.read_blocks(path.read_text(encoding="utf-8"))
        self.mistakes = []
        self.n_values = 0

    def table_under(self, heading):
        """The rows of the first table under a heading, without its header."""
        place = next((i for i, block in enumerate(self.blocks)
                      if block.kind == "heading" and block.lines[0] == heading), None)
        for block in self.blocks[place + 1:] if place is not None else []:
            if block.kind == "heading":
                break
            if block.kind == "table":
                return block
        sys.exit(f"{self.name}: no table under {heading}")

    def check_table(self, heading, expected):
        """The first column says which row it is, the last one must be what is expected."""
        block = self.table_under(heading)
        rows = {row[0]: row[-1] for row in md.table_rows(block)[1:]}
        for label, value in rows.items():
            self.n_values += 1
            if label not in expected:
                self.mistakes.append(f"{self.name}:{block.line}: `{label}`: either the program says "
                                     "otherwise, or tests/docs/test_readme.py has no check for the row")
            elif value != expected[label]:
                self.mistakes.append(f"{self.name}:{block.line}: {label}: {value}; the program says "
                                     f"{expected[label]}")
        for label in expected.keys() - rows.keys():
            self.mistakes.append(f"{self.name}:{block.line}: there is no row `{label}`")
        return block

    def check_other_tables(self, checked):
        """Tables that no test checks must not have numbers."""
        for block in self.blocks:
            if block.kind == "table" and block not in checked:
                for row in md.table_rows(block)[1:]:
                    if re.search(r"\d", md.without_code(" ".join(row))):
                        self.mistakes.append(f"{self.name}:{block.line}: {row[0]}: has a number, and "
                                             "tests/docs/test_readme.py has no check for it")

    def check_packages(self, source):
        """The packages are those that .ci/install requires, and the version of Meson is that of
        meson.build."""
        install = (source / ".ci" / "install").read_text(encoding="utf-8")
        needed = set(re.search(r"^needed='(.*?)'", install, re.MULTILINE | re.DOTALL)[1].split())
        block = next(block for block in self.blocks
                     if block.kind == "table" and md.table_rows(block)[0][0] == "package")
        listed = {name for row in md.table_rows(block)[1:] for name in md.code_spans(row[0])}
        self.n_values += len(listed)
        for name in sorted((needed | {"clang"}) ^ listed):
            where = "is not in .ci/install" if name in listed else "is missing in the table"
            self.mistakes.append(f"{self.name}:{block.line}: the package `{name}` {where}")
        meson_build = (source / "meson.build").read_text(encoding="utf-8")
        meson_version = re.search(r"meson_version: '>= (\S+)'", meson_build)[1]
        self.check_text(r"Meson (\S+) or later", meson_version)
        return block

    def check_python_column(self, block, program):
        """If both columns have a number of nodes, the numbers are equal."""
        for label, python, ours in md.table_rows(block)[1:]:
            if label.startswith("nodes") and ours != f"the same {python}":
                self.mistakes.append(f"{self.name}:{block.line}: {label}: {python} and {ours}")

    def check_text(self, pattern, expected):
        """Every number at such a place in the text is the expected one."""
        text = " ".join(md.prose(block) for block in self.blocks if block.kind == "text")
        found = re.findall(pattern, text)
        self.n_values += len(found)
        if not found or set(found) != {expected}:
            self.mistakes.append(f"{self.name}: {pattern} is {', '.join(found) or 'missing'}; "
                                 f"the program says {expected}")

    def check_measurements(self, pattern):
        """A measurement is in a paragraph with its command. (test_shown.py looks it up.)"""
        measured = [block for block in self.blocks
                    if block.kind == "text" and re.search(pattern, md.prose(block))]
        for block in measured:
            self.n_values += 1
            if not any(" " in span for span in md.code_spans(md.prose(block))):
                self.mistakes.append(f"{self.name}:{block.line}: a measurement without its command")
        if not measured:
            self.mistakes.append(f"{self.name}: {pattern} is missing")

    def check_suites(self, build):
        """The list of suites is that of the build."""
        info = build / "meson-info" / "intro-tests.json"
        tests = json.loads(info.read_text(encoding="utf-8"))
        suites = {suite.partition(":")[2] for test in tests for suite in test["suite"]} - {"fuzz"}
        text = " ".join(md.prose(block) for block in self.blocks if block.kind == "text")
        match = re.search(r"The suites of `[^`]*`: (.*?)\.(?: |$)", text)
        listed = md.code_spans(match.group(1)) if match else []
        self.n_values += len(listed)
        for suite in sorted(suites ^ set(listed)):
            where = "the build has no such suite" if suite in listed else "is missing in the list"
            self.mistakes.append(f"{self.name}: suites: `{suite}`: {where}")


def main():
    source, build, path = (Path(argument).resolve() for argument in sys.argv[1:])
    program = Program(path)
    checker = Checker(source / "README.md")
    model = checker.check_table("The model", model_rows(program))
    differences = checker.check_table("What differs from the Python original",
                                      difference_rows(program, source))
    checker.check_python_column(differences, program)
    packages = checker.check_packages(source)
    checker.check_other_tables([model, differences, packages])
    checker.check_text(r"([\d,]+) parameters", f"{program.sizes['n_params']:,}")
    checker.check_text(r"prints (\d+) new names", program.default("--num-samples"))
    checker.check_measurements(r"\d times as|[a-z]+ieth of|[\d.]+ times faster")
    checker.check_suites(build)
    print(*checker.mistakes, sep="\n")
    print(f"{checker.n_values} values, {len(checker.mistakes)} mistakes")
    return 1 if checker.mistakes or checker.n_values < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
