#!/usr/bin/env python3
"""Tests watch_microgpt.py with programs that were changed in the usual ways.

    test_watch.py REFERENCE_FOLDER

training_script.py, in the same folder, is used in place of the original: its parts replace those that
revision.py knows. If a change does not affect the algorithm, the dump must be that of
microgpt_reference.py; otherwise it must be that of the program's own graph.
"""

import ast
import contextlib
import io
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv.pop(1))
import microgpt_reference  # noqa: E402: it is found in the folder of the command line
import recording  # noqa: E402
import revision  # noqa: E402
import watch_microgpt  # noqa: E402

SCRIPT = Path(__file__).with_name("training_script.py").read_text()
SIZES = ["--n-embd", "4", "--n-head", "2", "--block-size", "5"]


def known_parts(text):
    """Return a program's parts as revision.KNOWN_PARTS has them."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
        path = Path(folder, "program.py")
        path.write_text(text)
        revision.print_parts(path)
    return ast.literal_eval("{" + printed.getvalue() + "}")


def replaced(text, old, new):
    """Return the text with `old`, which occurs once, replaced with `new`."""
    if text.count(old) != 1:
        raise ValueError(f"{text.count(old)} places read {old!r}")
    return text.replace(old, new)


def in_a_function(text, first_line):
    """Return the program with everything after a line moved into main()."""
    start = text.index(first_line)
    indented = "".join(f"    {line}" if line.strip() else line
                       for line in text[start:].splitlines(True))
    return f'{text[:start]}def main() -> None:\n{indented}\n\nif __name__ == "__main__":\n    main()\n'


class Watched(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="test_watch.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        Path(self.folder, "names.txt").write_text("emma\nada\nbob\n")

    def command(self, main, *words):
        """Run a command in this process. Returns its status and what it printed on both streams."""
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        before = sys.argv
        sys.argv = ["command", *map(str, words)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main()
        finally:
            sys.argv = before
        out.flush()
        return status, out.buffer.getvalue().decode(), err.getvalue()

    def watch(self, text, *words):
        """Watch step 2 of a program. Returns status, dump, losses and what went to stderr."""
        path = self.folder / "program.py"
        path.write_text(text, encoding="utf-8")
        nodes, losses = self.folder / "nodes", self.folder / "losses"
        status, _, err = self.command(
            watch_microgpt.main, "--source", path, "--data", self.folder / "names.txt",
            "--stop-after", 2, "--nodes-step", 2, "--nodes", nodes, "--losses", losses, *words)
        if status != 0:
            for path in (nodes, losses):
                self.assertFalse(path.exists() and path.stat().st_size == 0, path)
            return status, None, None, err
        return status, nodes.read_text(), losses.read_text(), err

    def reference(self, *words):
        """Return the dump and the losses of the same step in the reference."""
        nodes, losses = self.folder / "reference_nodes", self.folder / "reference_losses"
        status, _, err = self.command(
            microgpt_reference.main, "--data", self.folder / "names.txt",
            "--stop-after", 2, "--nodes-step", 2, "--nodes", nodes, "--losses", losses, *words)
        self.assertEqual((status, err), (0, ""))
        return nodes.read_text(), losses.read_text()

    def known(self, text, *words):
        """Check that a program is recognised as the known revision, and has its dump."""
        status, nodes, losses, err = self.watch(text, *SIZES, *words)
        self.assertEqual(status, 0, err)
        self.assertLessEqual(err.count("\n"), 1, err)
        self.assertEqual((nodes, losses), self.reference(*SIZES, *words))
        return err

    def other(self, text, *words):
        """Check that a program of another kind is watched. Return dump, losses and the note."""
        status, nodes, losses, err = self.watch(text, *words)
        self.assertEqual(status, 0, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("not the last revision, watched as what it is", err)
        return nodes, losses, err


class KnownRevision(Watched):
    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, revision, "KNOWN_PARTS", revision.KNOWN_PARTS)
        revision.KNOWN_PARTS = known_parts(SCRIPT)

    def test_untouched(self):
        self.assertEqual(self.known(SCRIPT), "")

    def test_options_set_the_constants(self):
        self.assertEqual(self.known(SCRIPT, "--seed", "7", "--init-std", "0.3"), "")

    def test_constants_of_any_value(self):
        text = replaced(SCRIPT, "num_steps = 1000", "num_steps = 7")
        text = replaced(text, "random.seed(42)", "random.seed(1337)")
        text = replaced(text, "std=0.08", "std=0.02")
        text = replaced(text, "range(20)", "range(3)")
        self.assertIn("watched with the constants of the command line: the argument of random.seed() "
                      "is 1337, not 42; --differences lists 3 more differences", self.known(text))

    def test_annotated_constants(self):
        text = replaced(SCRIPT, "num_steps = 1000", "num_steps: int = 5\nnote: str")
        text = replaced(text, "temperature = 0.5", "temperature: float = 0.5")
        self.assertIn("num_steps is 5, not 1000\n", self.known(text))

    def test_main_around_everything(self):
        for first_line in ("random.seed", "class Value", "learning_rate", "for step"):
            with self.subTest(first_line):
                self.assertEqual(self.known(in_a_function(SCRIPT, first_line)), "")

    def test_functions_that_nobody_calls(self):
        text = replaced(SCRIPT, "    def backward(self):", """    def __repr__(self):
        return f"Value({self.data})"

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))

    def backward(self):""")
        text = replaced(text, "def rmsnorm(x):", "def layernorm(x):\n    return x\n\n\ndef rmsnorm(x):")
        self.assertEqual(self.known(text), "")

    def test_other_prints(self):
        text = replaced(SCRIPT, '    print(f"{step + 1}: {loss.data}")',
                        "    if step % 100 == 0:\n        print(step)\n    now = time.time()\n"
                        "    seconds = time.time() - now")
        text = replaced(text, "import math\n", "import math\nimport time\n")
        self.assertEqual(self.known(replaced(text, 'print("".join(letters))',
                                             'print(number, letters)')), "")

    def test_other_names(self):
        text = re.sub(r"\bstate_dict\b", "weights_of", SCRIPT)
        text = re.sub(r"\bn_embd\b", "width", text)
        text = re.sub(r"\bValue\b", "Scalar", text)
        self.assertEqual(self.known(re.sub(r"\bparams\b", "parameters", text)), "")

    def test_swapped_names_are_another_program(self):
        text = replaced(SCRIPT, "beta1 * means[i] + (1 - beta1)", "beta2 * means[i] + (1 - beta2)")
        line = 1 + SCRIPT[:SCRIPT.index("for step in")].count("\n")
        self.assertIn(f"the loop over step (line {line}) is different", self.other(text)[2])

    def test_squared_relu(self):
        text = replaced(SCRIPT, "element.relu() for", "element.relu() ** 2 for")
        text = replaced(text, "n_head, block_size = 1, 16, 4, 16", "n_head, block_size = 1, 4, 2, 3")
        nodes, losses, err = self.other(text)
        line = 1 + text[:text.index("** 2 for")].count("\n")
        self.assertIn(f"own constants: line {line}: squares the ReLU; --differences lists 4 more", err)
        header, *lines = nodes.splitlines()
        self.assertEqual(header, '# microgpt-nodes 1 {"step": 2, "document": "emma", "n_documents": 3}')
        # Three positions of 16 hidden elements each, and a power of each of these.
        plain = self.reference("--n-embd", "4", "--n-head", "2", "--block-size", "3")[0].splitlines()
        self.assertEqual(len(lines), len(plain) - 1 + 3 * 16)
        self.assertEqual(lines[-1].split()[1], losses.split()[-1])

    def test_given_options_change_what_is_watched(self):
        text = replaced(SCRIPT, "element.relu() for", "element.relu() ** 2 for")
        nodes = self.other(text, *SIZES)[0]
        n_params = self.reference(*SIZES)[0].count(" [] []\n")
        self.assertGreater(n_params, nodes.count(" [] []\n") - 200)

    def test_option_without_a_number_to_change(self):
        text = replaced(SCRIPT, "head_dim = n_embd // n_head", "head_dim = n_embd // n_head // 1")
        text = replaced(text, "n_layer, n_embd, n_head, block_size = 1, 16, 4, 16",
                        "n_layer, n_embd, n_head, block_size = 1, 8 * 2, 4, 16")
        status, _, _, err = self.watch(text, "--n-embd", "8")
        self.assertEqual(status, 1)
        self.assertIn("sets no number that --n-embd could change; change it in the file", err)

    def test_closures_and_one_backward_a_position(self):
        """The shape of the first revisions: a node has a function that passes on its gradient."""
        operators = SCRIPT[SCRIPT.index("    def __add__"):SCRIPT.index("    def __radd__")]
        text = replaced(SCRIPT, operators, '''
    def made(self, data, operands, slopes):
        out = Value(data, operands)

        def hand_on():
            for operand, slope in zip(operands, slopes):
                operand.grad += slope * out.grad
        out.hand_on = hand_on
        return out

''' + re.sub(r"return Value\((?=.*\), \()", "return self.made(", operators))
        text = replaced(text, "operands=(), local_grads=()", "operands=(), operation=''")
        text = replaced(text, "        self.local_grads = local_grads\n",
                        "        self.hand_on = lambda: None\n")
        text = replaced(text, """            for operand, slope in zip(node.operands, node.local_grads):
                operand.grad += slope * node.grad
""", "            node.hand_on()\n")
        nodes, losses, _ = self.other(text, *SIZES)
        expected_nodes, expected_losses = self.reference(*SIZES)
        self.assertEqual(losses, expected_losses)
        self.assertEqual(nodes.splitlines()[1:], expected_nodes.splitlines()[1:])

        text = replaced(text, "losses.append(probs[tokens[pos_id + 1]].log() * -1)", """
        loss = probs[tokens[pos_id + 1]].log() * (-1 / n)
        loss.backward()""")
        text = replaced(text, "    loss = sum(losses) * (1 / n)\n    loss.backward()\n", "")
        nodes, losses, _ = self.other(text, *SIZES)
        self.assertAlmostEqual(float.fromhex(losses.split()[1]),
                               float.fromhex(expected_losses.split()[1]), 12)

    def test_constants_from_the_command_line_of_the_program(self):
        text = replaced(SCRIPT, "num_steps = 1000", "num_steps = args.num_steps")
        text = replaced(text, "random.seed(42)", """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--num-steps", type=int, default=3)
args = parser.parse_args()
random.seed(42)""")
        nodes = self.other(text, *SIZES, "--num-steps", "9")[0]
        expected = self.reference(*SIZES, "--num-steps", "9")[0]
        self.assertEqual(nodes.splitlines()[1:], expected.splitlines()[1:])

    def test_node_from_before_the_steps(self):
        text = replaced(SCRIPT, "num_steps = 1000", "num_steps = 1000\nnth = Value(0.25)")
        nodes, _, _ = self.other(replaced(text, "sum(losses) * (1 / n)", "sum(losses) * nth"), *SIZES)
        self.assertEqual(nodes.splitlines()[-1].split("] [")[1], "0x1.0000000000000p-2 " +
                         nodes.splitlines()[-1].split("] [")[1].split()[-1])

    def test_a_run_that_ends_before_the_step(self):
        text = replaced(SCRIPT, "num_steps = 1000", "num_steps = 1")
        text = replaced(text, "power = math.exp(self.data)", "power = math.exp(self.data) + 0.0")
        status, _, _, err = self.watch(text)
        self.assertEqual(status, 1)
        self.assertIn("the run ended before step 2; ask for an earlier one with --nodes-step", err)

    def test_differences(self):
        path = self.folder / "program.py"
        path.write_text(replaced(SCRIPT, "element.relu() for", "element.relu() ** 2 for"))
        status, out, err = self.command(watch_microgpt.main, "--source", path, "--differences")
        self.assertEqual((status, err), (0, ""))
        first, second, *rest = out.splitlines()
        self.assertRegex(first, r"^line \d+: squares the ReLU$")
        self.assertRegex(second, r"^gpt\(\) \(line \d+\) is different$")
        self.assertEqual(rest, [])
        other_data = SCRIPT.replace('open("input.txt")', 'open("input.txt").readlines()')
        path.write_text(replaced(other_data, "element.relu() for", "gelu(element) for"))
        _, out, _ = self.command(watch_microgpt.main, "--source", path, "--differences")
        first, second, *rest = out.splitlines()
        self.assertRegex(first, r"^line \d+: gelu in place of the ReLU$")
        self.assertRegex("\n".join(rest),
                         r"^gpt\(\) \(line \d+\) is different\ndocs \(line \d+\) is different$")
        path.write_text(SCRIPT)
        self.assertEqual(self.command(watch_microgpt.main, "--source", path, "--differences")[1],
                         "no difference\n")

    def test_updates_after_several_documents(self):
        """Where not every step ends with an update, the run stops at the next one that does."""
        start = SCRIPT.index("    for i, ", SCRIPT.index("for step in"))
        text = SCRIPT[:start] + "    if step % 4 != 3:\n        continue\n" + SCRIPT[start:]
        losses = self.other(text, *SIZES)[1]
        self.assertEqual(losses.count("\n"), 4)


class CannotBeWatched(Watched):
    def refused(self, text, *phrases):
        status, _, _, err = self.watch(text)
        self.assertEqual((status, err.count("\n")), (1, 1), err)
        for phrase in phrases:
            self.assertIn(phrase, err)

    def test_what_is_missing_and_the_way_out(self):
        text = replaced(SCRIPT, "    loss.backward()\n", "")
        self.refused(replaced(text, "element.relu() for", "element.relu() ** 2 for"),
                     "cannot be watched: there is no loop that calls backward() and then updates "
                     "parameters; it differs from the last revision: line",
                     "squares the ReLU; --differences lists",
                     "a port writes its dump by itself in ten lines: see docs/node-format.md")

    def test_other_libraries(self):
        self.refused("import numpy as np\nx = np.zeros(3)\n", "there is no class with a backward()",
                     "computes with numpy")

    def test_vectors(self):
        self.refused("""class Tensor:
    def __init__(self, data, children=()):
        self.data, self.grad, self.children = data, [0.0], children

    def twice(self):
        out = Tensor([2 * x for x in self.data], (self,))
        def _backward():
            pass
        out._backward = _backward
        return out

    def backward(self):
        pass


params = [Tensor([1.0])]
for step in range(3):
    params[0].twice().backward()
    for p in params:
        p.data = p.grad
""", "its nodes are not single numbers, so there is no graph of numbers to watch")

    def test_classes_that_do_not_tell(self):
        loop = "\nparams = []\nfor step in range(3):\n    V(1).backward()\n    for p in params:\n" \
               "        p.data = 0\n"
        self.refused("class V:\n    def backward(self):\n        pass\n" + loop,
                     "class V has no __init__()")
        self.refused("class V:\n    def __init__(self, data):\n        pass\n"
                     "    def backward(self):\n        pass\n" + loop,
                     "class V is not told what a node is made of")
        self.refused("class V:\n    def __init__(self, data, children=()):\n        pass\n"
                     "    def backward(self):\n        pass\n" + loop,
                     "class V has no local gradients")

    def test_updates_that_cannot_be_seen(self):
        start = "class V:\n    def __init__(self, data, children=(), grads=()):\n" \
                "        self.data = data\n    def backward(self):\n        pass\n\n"
        self.refused(start + "for step in range(3):\n    p = V(1)\n    p.backward()\n    p.data = 0\n",
                     "the update does not go over a list of all parameters")

    def test_updates_by_matrix(self):
        start = SCRIPT.index("    for i, ", SCRIPT.index("for step in"))
        end = SCRIPT.index("    print(f", start)
        self.refused(SCRIPT[:start] + "    for rows in state_dict.values():\n        for row in rows:\n"
                     "            for p in row:\n                p.data -= 0.1 * p.grad\n" + SCRIPT[end:],
                     "the update does not go over a list of all parameters")

    def test_programs_that_end_early(self):
        self.refused(replaced(SCRIPT, "num_steps = 1000\n", "num_steps = 1000\nraise SystemExit(0)\n"),
                     "ends the program before its training has ended")
        self.refused(replaced(SCRIPT, "num_steps = 1000\n", "num_steps = 1000\nif step == 3:\n    pass\n"),
                     "NameError: name 'step' is not defined; does the program run by itself?")
        self.refused(in_a_function(SCRIPT, "learning_rate").replace("    main()\n", "    pass\n"),
                     "ended without running its training loop")

    def test_modules_that_are_missing(self):
        self.refused("import no_such_module\n" + SCRIPT, "install no_such_module, or remove its use")

    def test_downloads(self):
        self.refused(replaced(SCRIPT, "num_steps = 1000\n", """num_steps = 1000
import urllib.error
raise urllib.error.URLError("no network")
"""), "no network>; the data is in input.txt")

    def test_notebook(self):
        self.refused('{"cells": [], "nbformat": 4}\n', "is a notebook; save its code as a script")

    def test_other_data_file(self):
        self.refused(replaced(SCRIPT, 'open("input.txt")', 'open("other.txt")'),
                     "other.txt: No such file or directory; the data is in input.txt")

    def test_not_python(self):
        self.refused("for step in:\n", "line 1: not Python")


class Published(unittest.TestCase):
    def test_parts_that_are_known(self):
        """The table describes a whole program: it contains every part that training needs."""
        for part in ("docs", "Value.backward()", "state_dict", "gpt()", "the loop over step"):
            self.assertIn(part, revision.KNOWN_PARTS)
        for digest, names in revision.KNOWN_PARTS.values():
            self.assertRegex(digest, r"^[0-9a-f]{12}$")
            self.assertNotIn("#", names)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, warnings="ignore")
