#!/usr/bin/env python3
"""`microgpt compare A B --next A2 B2`: finds the rule with which a port updates its parameters.

    test_update.py PROGRAM REFERENCE_FOLDER

The port is microgpt_reference.py with another Adam. Each of the usual mistakes must be named, from the
dumps of a step and the next one, or from the checkpoint after the step.
"""

import contextlib
import io
import json
import math
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = str(Path(sys.argv[1]).resolve())
sys.path.insert(0, sys.argv[2])
del sys.argv[1:3]
from microgpt_reference import Model, Tokenizer, document_loss  # noqa: E402
from recording import Settings  # noqa: E402

NAMES = ["emma", "ada", "bob", "grace", "joan", "mary"]
SETTINGS = Settings(num_steps=20, n_embd=4, n_head=2, block_size=5)
SIZES = ["--num-steps", "20", "--n-embd", "4", "--n-head", "2", "--block-size", "5"]


def to_float(x):
    return struct.unpack("f", struct.pack("f", x))[0]


class Adam:
    """The rule of microgpt.py, with parts that can be changed."""

    beta1, beta2, eps, rate = SETTINGS.beta1, SETTINGS.beta2, SETTINGS.eps_adam, 0.01
    correction1 = correction2 = True
    correction1_by = None
    shift = ahead = 0
    falls = True
    inside = early = False
    decay = l2 = 0.0
    square = staticmethod(lambda g: g ** 2)
    root = staticmethod(lambda x: x ** 0.5)
    rounded = staticmethod(lambda x: x)
    move = staticmethod(lambda lr, m_hat, divisor: lr * m_hat / divisor)

    def __init__(self, params):
        self.params = params
        self.m = [0.0] * len(params)
        self.v = [0.0] * len(params)

    def step(self, step):
        lr = self.rate * (1 - (step + self.ahead) / SETTINGS.num_steps if self.falls else 1)
        c1 = 1 - (self.correction1_by or self.beta1) ** (step + 1 + self.shift) if self.correction1 else 1
        c2 = 1 - self.beta2 ** (step + 1 + self.shift) if self.correction2 else 1
        f = self.rounded
        for i, p in enumerate(self.params):
            g = p.grad + self.l2 * p.data
            self.m[i] = f(self.beta1 * self.m[i] + (1 - self.beta1) * g)
            self.v[i] = f(self.beta2 * self.v[i] + (1 - self.beta2) * self.square(g))
            m_hat, v_hat = f(self.m[i] / c1), f(self.v[i] / c2)
            divisor = self.root(v_hat + self.eps) if self.inside else self.root(v_hat) + self.eps
            if self.early:
                divisor = (self.root(self.v[i]) + self.eps) / self.root(c2)
            p.data = f(p.data - self.move(lr, m_hat, f(divisor)) - lr * self.decay * p.data)
            p.grad = 0.0


class Descent(Adam):
    def step(self, step):
        for p in self.params:
            p.data -= 0.03 * p.grad
            p.grad = 0.0


class Forgets(Adam):
    def step(self, step):
        self.m = [0.0] * len(self.params)
        self.v = [0.0] * len(self.params)
        super().step(step)


class FrozenWpe(Adam):
    def step(self, step):
        frozen = [(p, p.data) for p in self.params if id(p) in self.of_wpe]
        super().step(step)
        for p, data in frozen:
            p.data = data


class Nothing(Adam):
    def step(self, step):
        for p in self.params:
            p.grad = 0.0


class LeftOver(Adam):
    """Leaves the gradients for the next step to add to."""

    def step(self, step):
        grads = [p.grad for p in self.params]
        super().step(step)
        for p, grad in zip(self.params, grads):
            p.grad = grad


def paths_of(model):
    for name, rows in model.state_dict.items():
        for i, row in enumerate(rows):
            for k, p in enumerate(row):
                yield f"{name}[{i},{k}]", p


def run_port(adam_class, step, moments=True, spoil=None, spoil_next=None, first_class=Adam):
    """Return the sparse dumps of a step and of the next. Up to that step, Adam is of first_class."""
    rng = random.Random(SETTINGS.seed)
    documents = list(NAMES)
    rng.shuffle(documents)
    tokenizer = Tokenizer(documents)
    model = Model(SETTINGS, tokenizer.vocab_size, rng)
    adam = first_class(model.params)
    adam.of_wpe = {id(p) for row in model.state_dict["wpe"] for p in row}
    dumps = []
    for number in range(step + 1):
        if adam_class.rounded(0.1) != 0.1:
            for p in model.params:
                p.data = adam_class.rounded(p.data)
        document = documents[number % len(documents)]
        document_loss(model, tokenizer.encode(document)).backward()
        if number + 1 == step and spoil is not None:
            spoil(model)
        if number == step and spoil_next is not None:
            spoil_next(model)
        for p in model.params:
            p.grad = adam_class.rounded(p.grad)
        if number + 1 >= step:
            lines = [f'# microgpt-nodes 1 {{"step": {number + 1}, "num_steps": 20}}\n']
            for i, (path, p) in enumerate(paths_of(model)):
                lines.append(f"{path} {p.data.hex()} {float(p.grad).hex()}\n")
                if moments:
                    lines.append(f"adam.m.{path} {adam.m[i].hex()}\n")
                    lines.append(f"adam.v.{path} {adam.v[i].hex()}\n")
            dumps.append("".join(lines))
        if number + 1 == step:
            adam.__class__ = adam_class
        adam.step(number)
    return dumps


class Updates(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="test_update.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        Path(self.folder, "names").write_text("\n".join(NAMES) + "\n")

    def run_program(self, *words):
        done = subprocess.run([PROGRAM, *map(str, words)], cwd=self.folder, capture_output=True,
                              text=True, timeout=100)
        return done.returncode, done.stdout, done.stderr

    def dump_ours(self, step, *words):
        for name, number in (("a", step), ("a2", step + 1)):
            found = self.run_program("nodes", "--data", "names", "--step", number, "--output", name,
                                     *SIZES, *words)
            self.assertEqual(found, (0, "", ""))

    def judge(self, adam_class, step, *words, **options):
        """Return status and report of comparing our step with that of a port."""
        self.dump_ours(step, "--sparse")
        dumps = run_port(adam_class, step, **options)
        for name, text in zip(("b", "b2"), dumps):
            Path(self.folder, name).write_text(text)
        status, out, err = self.run_program("compare", "a", "b", "--next", "a2", "b2", *words)
        self.assertEqual(err, "")
        return status, out

    def named(self, step, phrase, **changes):
        """Check that the report names this rule first, and return the report."""
        status, out = self.judge(type("Changed", (Adam,), changes), step)
        self.assertEqual(status, 1)
        self.assertIn("B updates by another rule\n", out)
        self.assertIn(phrase, out.splitlines()[2])
        return out

    def test_the_right_rule(self):
        for step in (1, 2, 7):
            status, out = self.judge(Adam, step)
            self.assertEqual(status, 0, out)
            self.assertIn("same: all parameters after it have the same bits", out)

    def test_usual_mistakes(self):
        for step in (2, 7):
            with self.subTest(step):
                self.named(step, "the learning rate has the factor 1.2", rate=0.012)
                self.named(step, "the step goes uphill: the learning rate has the factor -1", rate=-0.01)
                self.named(step, "the schedule of the learning rate is one step ahead", ahead=1)
                self.named(step, "the schedule of the learning rate is one step behind", ahead=-1)
                self.named(step, "no bias correction: m and v", correction1=False, correction2=False)
                self.named(step, "no bias correction of m", correction1=False)
                self.named(step, "no bias correction of v", correction2=False)
                self.named(step, "the step is one ahead", shift=1)
                self.named(step, "the step is one behind", shift=-1)
                self.named(step, "beta1 and beta2 are swapped", beta1=0.99, beta2=0.85)
                self.named(step, "betas of 0.9 and 0.999", beta1=0.9, beta2=0.999)
                self.named(step, "eps is inside the root", inside=True)
                self.named(step, "eps is 1e-6, for 1e-8", eps=1e-6)
                self.named(step, "eps is 1e-4, for 1e-8", eps=1e-4)
                self.named(step, "eps is added to the root of v before its bias correction", early=True)
                self.named(step, "no root: divides by v itself", root=staticmethod(lambda x: x))
                self.named(step, "the bias correction of m has beta2", correction1_by=0.99)
                self.named(step, "beta1 is 0, for 0.85: no momentum", beta1=0)
                self.named(step, "beta2 is 0.95, for 0.99", beta2=0.95)
                self.named(step, "beta1 is 0.8, for 0.85", beta1=0.8)
                self.named(step, "beta2 is 0.985, for 0.99", beta2=0.985)
                self.named(step, "betas of 0.5 and 0.9, for", beta1=0.5, beta2=0.9)
                self.named(step, "eps is 1e-3, for 1e-8", eps=1e-3)
                self.named(step, "weight decay of 0.03, added to the gradient", l2=0.03)
                self.named(step, "weight decay of 0.1, of the parameter itself", decay=0.1)
                self.named(step, "weight decay of 0.01, added to the gradient", l2=0.01)
        self.assertIn("or the learning rate does not fall", "\n".join(
            self.named(7, "the learning rate does not fall", falls=False).splitlines()).replace(
                "  the learning rate does not", "or the learning rate does not"))

    def test_the_first_step(self):
        self.named(1, "the learning rate has the factor 1.2", rate=0.012)
        self.named(1, "the schedule of the learning rate is one step ahead", ahead=1)
        self.named(1, "no bias correction: m and v", correction1=False, correction2=False)
        self.named(1, "eps is inside the root", inside=True)
        self.named(1, "weight decay of 0.01, of the parameter itself", decay=0.01)

    def test_a_schedule_over_other_steps(self):
        move = staticmethod(lambda lr, m_hat, divisor: 0.01 * (1 - 6 / 40) * m_hat / divisor)
        status, out = self.judge(type("Port", (Adam,), {"move": move}), 7)
        self.assertIn("the learning rate falls over 40 steps, for 20\n", out)

    def test_factors(self):
        self.named(1, "all steps are 1.23456789012 x the right ones", rate=0.0123456789012)
        out = self.named(2, "the learning rate has the factor 1.5", rate=0.015,
                         rounded=staticmethod(to_float))
        self.assertNotIn("1.50", out)

    def test_step_1_is_the_same_with_any_betas(self):
        note = "  (step 1 is the same with any betas: compare step 2 as well)\n"
        for step in (1, 2):
            status, out = self.judge(type("Port", (Adam,), {"move": staticmethod(
                lambda lr, m, d: lr * (m / d))}), step)
            self.assertEqual(note in out, step == 1, out)

    def test_moments_that_are_not_kept(self):
        for options in ({}, {"moments": False}):
            status, out = self.judge(Forgets, 3, "--unexplained", first_class=Forgets, **options)
            self.assertEqual((status, "the moments of the step before are not kept" in out), (1, True), out)

        class ForgetsAfterwards(Forgets):
            def step(self, step):
                super().step(step)
                self.__init__(self.params)
        status, out = self.judge(ForgetsAfterwards, 3, "--unexplained", first_class=ForgetsAfterwards)
        self.assertIn("  but B's moments before it are all 0: it does not keep them\n", out)
        self.assertEqual(status, 1)

    def test_no_moments_at_step_2(self):
        """B's moments are then known but for a factor."""
        swapped = type("Swapped", (Adam,), {"beta1": 0.99, "beta2": 0.85})
        status, out = self.judge(swapped, 2, moments=False, first_class=swapped)
        self.assertIn("beta1 and beta2 are swapped", out.splitlines()[2])
        self.assertIn("(B's dumps have no moments: A's were taken)", out)

    def test_no_moments_that_explain(self):
        decay = type("Decay", (Adam,), {"l2": 0.01})
        for step in (2, 5):
            status, out = self.judge(decay, step, moments=False, first_class=decay)
            self.assertEqual(status, 1)
            self.assertIn("B's moments before it are not known: nothing can be said of B's rule", out)
            self.assertNotIn("by a rule that is not known here", out)
            self.assertNotIn("move in another way", out)

    def test_no_eps(self):
        def root(x):
            return x ** 0.5 if x > 0 else math.nan
        self.named(3, "no eps", eps=0, root=staticmethod(root))

    def test_one_matrix(self):
        for options in ({}, {"moments": False}):
            status, out = self.judge(FrozenWpe, 3, **options)
            self.assertIn("B updates by a rule that is not known here\n", out)
            self.assertIn("\n    all of them are in wpe\n    none of them moves\n", out)

    def test_other_rules(self):
        status, out = self.judge(Descent, 3)
        self.assertEqual((status, "plain gradient descent, with a learning rate of 0.03" in out),
                         (1, True), out)
        status, out = self.judge(Nothing, 3)
        self.assertEqual((status, "the parameters do not move at all" in out), (1, True), out)

    def test_rules_that_are_not_known(self):
        odd = type("Odd", (Adam,), {"square": staticmethod(abs)})
        status, out = self.judge(odd, 3)
        self.assertEqual(status, 1)
        self.assertIn("B updates by a rule that is not known here\n", out)
        self.assertRegex(out, r"parameters move in another way than by the right rule, the first: \w")

    def test_rounding(self):
        changes = {"square": staticmethod(lambda g: g * g), "root": staticmethod(math.sqrt)}
        for names in (["square"], ["root"], ["square", "root"]):
            with self.subTest(names):
                port = type("Port", (Adam,), {name: changes[name] for name in names})
                found = {self.judge(port, step)[1].splitlines()[1] for step in (1, 2, 3)}
                self.assertLessEqual(found, {
                    "B updates by the right rule, but for rounding",
                    "same: all parameters after it have the same bits"})
        port = type("Port", (Adam,), {"move": staticmethod(lambda lr, m, d: lr * (m / d))})
        status, out = self.judge(port, 2)
        self.assertEqual(status, 1)
        self.assertIn("B has lr * (m_hat / ...) for lr * m_hat / ...;\n", out)
        self.assertEqual(self.judge(port, 2, "--unexplained")[0], 0)

    def test_g_times_g(self):
        """With gradients whose square is another double than that of pow."""
        generator = random.Random(1)
        odd = [x for x in (generator.gauss(0, 1) for _ in range(400000)) if x * x != x ** 2]
        if len(odd) < 100:
            self.skipTest("this C library squares as a product does")

        def spoil(model):
            for p, g in zip(model.params, odd):
                p.grad = g
        port = type("Port", (Adam,), {"square": staticmethod(lambda g: g * g)})
        dumps = run_port(Adam, 1, spoil=spoil) + run_port(port, 1, spoil=spoil)
        for name, text in zip(("a", "a2", "b", "b2"), dumps):
            Path(self.folder, name).write_text(text)
        status, out, _ = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertIn("  B has g*g for pow(g, 2);\n", out)
        self.assertEqual(status, 1)

    def test_floats(self):
        status, out = self.judge(type("Port", (Adam,), {"rounded": staticmethod(to_float)}), 2,
                                 "--unexplained")
        self.assertIn("in single precision\n", out)
        self.assertIn("B updates by the right rule", out)
        self.assertEqual(status, 0)
        port = type("Port", (Adam,), {"rounded": staticmethod(to_float), "correction2": False})
        status, out = self.judge(port, 2, "--unexplained")
        self.assertIn("no bias correction of v", out.splitlines()[2])
        self.assertEqual(status, 1)

    def test_wrong_gradients_are_not_the_rules_fault(self):
        def spoil(model):
            for p in model.params[::3]:
                p.grad *= 1.5
        status, out = self.judge(Adam, 2, spoil=spoil)
        self.assertEqual(status, 1)
        self.assertIn("B updates by the right rule; what differs was different before", out)

    def test_gradients_left_over(self):
        text = "B's gradients of the next step are A's plus those of this step"
        for step, options in ((1, {}), (5, {}), (5, {"moments": False}),
                              (2, {"first_class": LeftOver})):
            with self.subTest(step=step, **options):
                status, out = self.judge(LeftOver, step, "--unexplained", **options)
                self.assertEqual((status, text in out), (1, True), out)
        class LeftOverInWpe(LeftOver):
            def step(self, step):
                super().step(step)
                for p in self.params:
                    p.grad = p.grad if id(p) in self.of_wpe else 0.0
        status, out = self.judge(LeftOverInWpe, 5, "--unexplained")
        self.assertEqual((status, text.replace("step are", "step in wpe are") in out), (1, True), out)
        report = json.loads(self.judge(LeftOverInWpe, 5, "--json")[1])
        self.assertEqual(report["left_over_in"], "wpe")
        floats = type("Floats", (LeftOver,), {"rounded": staticmethod(to_float)})
        status, out = self.judge(floats, 1, "--unexplained")
        self.assertEqual((status, text in out), (1, True), out)
        report = json.loads(self.judge(LeftOver, 1, "--json")[1])
        self.assertIs(report["gradients_left_over"], True)

    def test_gradients_that_are_not_left_over(self):
        def times(factor):
            def spoil(model):
                for p in model.params:
                    p.grad *= factor
            return spoil

        def add_decay(model):
            for p in model.params:
                p.grad += 0.1 * p.data
        for step in (1, 2, 5):
            for spoil in (times(2), times(-1), times(0), add_decay, None):
                with self.subTest(step=step, spoil=spoil):
                    out = self.judge(Adam, step, spoil_next=spoil)[1]
                    self.assertNotIn("those of this step", out)
                    out = self.judge(Adam, step, spoil=spoil)[1]
                    self.assertNotIn("those of this step", out)
        # Two steps with the same document and hardly an update: B's gradients are twice A's, too.
        dump = "# microgpt-nodes 1 {{\"step\": {}}}\n" + "".join(
            f"wte[{i},0] {i + 1} {{:.17g}}\n" for i in range(9))
        for name, step, factor in (("a", 1, 1), ("b", 1, 1), ("a2", 2, 1), ("b2", 2, 2)):
            Path(self.folder, name).write_text(dump.format(step, *(factor * (i + 1.1) for i in range(9))))
        _, out, _ = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertIn("the update of step 1", out)
        self.assertNotIn("those of this step", out)

    def test_moments_of_the_other_side(self):
        status, out = self.judge(type("Port", (Adam,), {"inside": True}), 4, moments=False)
        self.assertIn("eps is inside the root", out.splitlines()[2])
        self.assertIn("(B's dumps have no moments: A's were taken)", out)

    def test_full_dumps_have_no_moments(self):
        self.dump_ours(3)
        port = type("Port", (Adam,), {"inside": True})
        for name, text in zip(("b", "b2"), run_port(port, 3, moments=False)):
            Path(self.folder, name).write_text(text)
        status, out, _ = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertEqual(status, 1)
        self.assertIn("the moments before it are not known: nothing can be said", out)
        self.dump_ours(1)
        for name, text in zip(("b", "b2"), run_port(port, 1, moments=False)):
            Path(self.folder, name).write_text(text)
        status, out, _ = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertIn("eps is inside the root", out)

    def test_checkpoints_after_the_step(self):
        self.run_program("train", "--data", "names", "--save", "after", *SIZES)
        self.dump_ours(19, "--sparse")
        self.run_program("nodes", "--data", "names", "--step", 20, "--sparse", "--output", "a", *SIZES)
        port = run_port(type("Port", (Adam,), {"rate": 0.03}), 20)
        for name, text in zip(("b", "b2"), port):
            Path(self.folder, name).write_text(text)
        status, out, err = self.run_program("compare", "a", "b", "--next", "after", "b2")
        self.assertEqual((status, err), (1, ""))
        self.assertIn("the learning rate has the factor 3", out.splitlines()[2])
        status, out, err = self.run_program("compare", "a", "a", "--next", "after", "after")
        self.assertEqual((status, err), (0, ""))

    def test_floats_after_the_step(self):
        """A port in double precision that saves floats."""
        for phrase, changes in (("the right rule, but for rounding", {}),
                                ("eps is inside the root", {"inside": True})):
            def as_floats(text):
                words = [line.split() for line in text.splitlines()[1:]]
                return "".join(f"{path} {to_float(float.fromhex(x)).hex()} -\n" for path, x, *_ in words)
            self.dump_ours(2, "--sparse")
            b, b2 = run_port(type("Port", (Adam,), changes), 2)
            for name, text in (("b", b), ("b2", as_floats(b2))):
                Path(self.folder, name).write_text(text)
            status, out, err = self.run_program("compare", "a", "b", "--next", "a2", "b2")
            self.assertEqual((status, err), (1, ""))
            self.assertIn(phrase, out)

    def test_moments_of_a_transposed_port(self):
        """A's moments are not B's if B has other parameters at their places."""
        self.dump_ours(3, "--sparse")
        for name, text in zip(("b", "b2"), run_port(Adam, 3, moments=False)):
            text = re.sub(r"(fc1|attn_wq)\[(\d+),(\d+)\]", r"\1[\3,\2]", text)
            Path(self.folder, name).write_text(text)
        status, out, _ = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertIn("B's moments before it are not known: nothing can be said", out)

    def test_steps_that_do_not_belong_together(self):
        self.dump_ours(2, "--sparse")
        for name, step in (("a1", 1), ("a4", 4)):
            self.run_program("nodes", "--data", "names", "--sparse", "--step", step, "--output", name, *SIZES)
        for words, phrase in (
                (["a", "a2", "--next", "a2", "a4"], "a2: is of step 3, and a of step 2; write dumps of the"),
                (["a", "a", "--next", "a4", "a2"], "a4: is of step 4; --next needs the step after that of a, 3"),
                (["a", "a", "--next", "a2", "a"], "a: is of step 2; --next needs the step after that of a, 3"),
                (["a", "a", "--next", "a1", "a1"], "a1: is of step 1; --next needs the step after")):
            status, out, err = self.run_program("compare", *words)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
            self.assertIn(phrase, err)

    def test_warnings(self):
        self.dump_ours(2, "--sparse")
        b, b2 = run_port(Adam, 2)
        short = re.sub(r"-?0x\S+", lambda x: f"{float.fromhex(x[0]):.10g}", b)
        for name, text in (("b", short), ("b2", b2)):
            Path(self.folder, name).write_text(text)
        status, out, err = self.run_program("compare", "a", "b", "--next", "a2", "b2")
        self.assertEqual(out.splitlines()[0].split(",")[0],
                         "warning: B's numbers were printed with too few digits")
        _, out, err = self.run_program("compare", "a", "b", "--next", "a2", "b2", "--json")
        self.assertIn("too few digits", err)
        json.loads(out)

    def test_json(self):
        report = json.loads(self.judge(type("Port", (Adam,), {"inside": True}), 2, "--json")[1])
        self.assertEqual((report["kind"], report["step"], report["same"], report["verdict"]),
                         ("update", 2, False, "explained"))
        self.assertIn("eps is inside the root", report["rules"])
        self.assertGreater(report["n_unexplained"], 0)
        text = self.judge(type("Port", (Adam,), {"inside": True}), 2)[1]
        for key, words in (("gradient", "gradient"), ("moves_by", "moves by"), ("right_is", "right is")):
            self.assertEqual(float(re.search(rf"    {words} (\S+)", text)[1]), report[key])
        self.assertIs(report["moments_of_a"], False)
        report = json.loads(self.judge(Adam, 2, "--json", moments=False)[1])
        self.assertIs(report["moments_of_a"], True)

    def test_what_is_refused(self):
        self.dump_ours(1, "--sparse")
        for words, phrase in (
                (["a", "a", "--next", "a2"], "--next: needs the files of the next step"),
                (["a", "a", "a2"], "a2: is one argument too many"),
                (["a", "a", "--next", "a2", "none"], "none: cannot be opened"),
                (["bare", "bare", "--next", "a2", "a2"], "does not say of which step it is"),
                (["a", "a", "--next", "a2", "other"], "has no parameter that all four files have")):
            Path(self.folder, "bare").write_text("wte[0,0] 1 1\n")
            Path(self.folder, "other").write_text("loss 1 1\n")
            status, out, err = self.run_program("compare", *words)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
            self.assertIn(phrase, err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
