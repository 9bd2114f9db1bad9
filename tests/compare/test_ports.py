#!/usr/bin/env python3
"""Compares the reference with dumps of ports, and checks that the report is right.

    test_ports.py PROGRAM [torture]

The dumps in `dumps/` are of one tiny model; port_with_noise.py computes others, with a mistake each. For
every mistake, checks the first value that the report calls unexplained, and that the report names this
mistake and no other one, however few values the port shows: in one form of a dump for all, and in one
other form each, in turn; torture: in all forms, which takes ten minutes.
"""

import itertools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import other_structure
import port_with_noise

DUMPS = Path(__file__).parent / "dumps"
SIZES = ["--n-embd", "2", "--n-head", "1", "--block-size", "2"]

# A, B, exit status, with --unexplained; what the report must say, and what it must not say.
CASES = [
    ("tiny.full", "scale_detached.sparse", 1, 1,
     ["unexplained, first in the gradients: pos1.layer0.attn.residual[1]",
      "B is their sum without numbers 3 and 4"],
     ["no cause among them\n"]),
    ("tiny.full", "zeros_for_no_gradient.sparse", 1, 1,
     ["with gradients at parameters only", "16 layer0.mlp_fc1[*]", "B is 2 x their sum, throughout"],
     ["first in the gradients: loss", "B is not"]),
    ("tiny.full", "gradients_of_parameters.sparse", 1, 1,
     ["with gradients at parameters only", "16 layer0.mlp_fc1[*]", "B is 2 x their sum, throughout"],
     ["B is not"]),
    ("inverse_root.full", "inverse_root.sparse", 1, 0,
     ["different, first in the gradients: pos1.norm[0]", "nothing is unexplained",
      "gradients lie between that only one dump has"],
     ["fused", "B is"]),
    ("tiny.full", "matrix_doubled.sparse", 1, 1,
     ["16 layer0.mlp_fc1[*]", "B is 2 x their sum, throughout"], ["B is not"]),
    ("tiny.full", "division.sparse", 1, 0,
     ["different, first in the data: pos0.prob[1]", "nothing is unexplained",
      "1 node lies between", "B divides, rounded once"], []),
    ("tiny.full", "square.sparse", 1, 1,
     ["unexplained, first in the data: pos0.layer0.mlp.fc1[0].relu", "B squares the ReLU",
      "unexplained: 9 values of 1 kind"], []),
    ("tiny.full", "single.sparse", 1, 0,
     ["in single precision",
      "nothing is unexplained: the same, as far as single precision can tell"], []),
    ("tiny.full", "token_0.sparse", 1, 1,
     ["unexplained, first in the data: pos0.embed[0]", "unexplained: 2 values of 1 kind",
      "B looked up row 0 of wte at position 0, where row 2 belongs"],
     ["left over"]),
    ("tiny.full", "sums_without_0.full", 1, 0,
     ["structure: 528 nodes in A, 408 in B", "data: the same", "gradients: the same",
      "\n  B begins its sums with their first term, and A with 0\n",
      "nodes with the same name on both sides are compared: 408"], ["unexplained, first"]),
]

# What the report may say about a mistake, and where the mistake is seen first if all vectors are shown.
SAYS = {
    "relu_squared": ("posN.layer0.mlp.fc2[*]", "squares the ReLU"),
    "gelu": ("posN.layer0.mlp.fc2[*]", "has GELU where ReLU belongs"),
    "silu": ("posN.layer0.mlp.fc2[*]", "has SiLU where ReLU belongs"),
    "gelu_quick": ("posN.layer0.mlp.fc2[*]", "has GELU, by sigmoid(1.702 x), where ReLU belongs"),
    "tanh": ("posN.layer0.mlp.fc2[*]", "has tanh where ReLU belongs"),
    "sigmoid": ("posN.layer0.mlp.fc2[*]", "has the sigmoid function where ReLU belongs"),
    "squared_later": ("posN.layer0.mlp.fc2[*]", "squares the ReLU"),
    "layernorm": ("posN.norm[*]", "takes off the mean first: it has layernorm"),
    "temperature": ("posN.prob[*]", "divides the logits by 0.5, a temperature, first"),
    "log2": ("posN.loss", "is 1/log(2) x what its inputs give"),
    "no_relu": ("posN.layer0.mlp.fc2[*]", "has no ReLU there"),
    "leaky_relu": ("posN.layer0.mlp.fc2[*]", "has a leaky ReLU"),
    "epsilon_1e-6": ("posN.norm[*]", "has an epsilon of 1e-06 where 1e-05 belongs"),
    "no_epsilon": ("posN.norm[*]", "adds no epsilon where 1e-05 belongs"),
    "epsilon_outside": ("posN.norm[*]", "adds an epsilon of 1e-05 to the root"),
    "sum_for_mean": ("posN.norm[*]", "leaves out the factor 0.125 (1/n_embd)"),
    "no_norm_shared": ("posN.layer0.mlp.norm[*]", "there is no posN.layer0.mlp.norm[*]"),
    "no_norm": ("posN.layer0.mlp.norm[*]", "there is no posN.layer0.mlp.norm[*]"),
    "no_scale": ("posN.layer0.attn.headN.logit[*]", "leaves out the factor 0.5 (1/sqrt(head_dim))"),
    "scale_by_head_dim": ("posN.layer0.attn.headN.logit[*]", "has the factor 0.25 where 0.5"),
    "transposed_wq": ("posN.layer0.attn.q[*]", "reads layer0.attn_wq transposed"),
    "transposed_wo": ("posN.layer0.attn.wo[*]", "reads layer0.attn_wo transposed"),
    "token_before": ("posN.embed[*]", "looked up row 3 of wte, BOS, at position 1, where row 0"),
    "token_0": ("posN.embed[*]", "looked up row 0 of wte at position 0, where row 3 belongs"),
    "position_0": ("posN.embed[*]", "looked up row 0 of wpe at position 1, where row 1 belongs"),
    "no_wpe": ("posN.embed[*]", "leaves out wpe"),
    "key_before": ("posN.layer0.attn.headN.logit[*]",
                   ".layer0.attn.k where pos"),
    "value_before": ("posN.layer0.attn.headN.out[*]",
                     "takes pos0.layer0.attn.v where pos1.layer0.attn.v belongs"),
    "no_attn_residual": ("posN.layer0.attn.residual[*]", "leaves out pos0.norm[0]"),
    "no_mlp_residual": ("posN.layer0.mlp.residual[*]", "leaves out pos0.layer0.attn.residual[0]"),
    "residual_from_norm": ("posN.layer0.attn.residual[*]",
                           "takes posN.layer0.attn.norm where posN.norm belongs"),
    "norm_skipped": ("posN.layer0.attn.norm[*]", "there is no posN.norm[*]"),
    "target_before": ("posN.loss", "takes the logarithm of pos0.prob[3] where pos0.prob[0] belongs"),
    "no_mean_of_losses": ("loss", "leaves out the factor 0.2 (1/n)"),
    "loss_sign": ("posN.loss", "has pos0.loss.log there, unchanged"),
    "last_product_left_out": ("posN.layer0.mlp.fc2[*]", ".layer0.mlp.fc2[0].mul[31]"),
    "logits_doubled": ("posN.logit[*]", "is 2 x what its inputs give"),
    "single_logit": ("posN.logit[*]", "is that, rounded to single precision"),
    "single_epsilon": ("posN.norm[*]", "has an epsilon of 1e-05 in single precision"),
    "norm_before_lm_head": ("posN.logit[*]", "normalises posN.layer0.mlp.residual[*] first"),
    "wq_for_wk": ("posN.layer0.attn.k[*]",
                  "multiplies by layer0.attn_wq where layer0.attn_wk belongs"),
    "heads_interleaved": ("posN.layer0.attn.headN.logit[*]",
                          "interleaves the heads: element j of head h is at j * n_head + h"),
    "heads_interleaved_flat": ("posN.layer0.attn.headN.logit[*]", "interleaves the heads"),
    "heads_overlapping": ("posN.layer0.attn.headN.logit[*]", "takes for head h the elements from h on"),
    "heads_joined_interleaved": ("posN.layer0.attn.wo[*]", "interleaves the outputs of the heads"),
    "heads_reshaped": ("posN.layer0.attn.headN.logit[*]", "reshapes q, k and v to [n_head]"),
    "outputs_reshaped": ("posN.layer0.attn.wo[*]", "reshapes the outputs from [n_head]"),
    "keys_of_head_0": ("posN.layer0.attn.headN.logit[*]", "takes the keys of head 0 for all heads"),
    "keys_for_values": ("posN.layer0.attn.headN.out[*]", "takes the keys where the values belong"),
    "queries_for_keys": ("posN.layer0.attn.headN.logit[*]", "takes the queries where the keys belong"),
    "embedding_scaled": ("posN.embed[*]", "adds 2.82843 x wte[3,0] where wte[3,0] itself belongs"),
    "softmax_elementwise": ("posN.layer0.attn.headN.logit[*]", "with the slope p * (1 - p) of each weight"),
    "scale_grad_twice": ("posN.layer0.attn.k[*]", "has the factor 0.5 (1/sqrt(head_dim)) twice in backward"),
    "no_query_grad": ("posN.layer0.attn.norm[*]", "from the queries to what they are made of"),
    "no_value_grad": ("posN.layer0.attn.norm[*]", "from the values to what they are made of"),
    "no_mask": ("posN.layer0.attn.headN.weight[*]", "attention has no causal mask"),
    "mask_sees_next": ("posN.layer0.attn.headN.weight[*]", "sees the next position as well"),
    "mask_after_softmax": ("posN.layer0.attn.headN.weight[*]",
                           "masks later positions after softmax"),
    "mask_hides_own": ("posN.layer0.attn.headN.weight[*]", "sees only earlier positions"),
    "zero_logits_to_block_size": ("posN.layer0.attn.headN.weight[*]",
                                  "up to block_size in softmax's total, with a logit of 0"),
    "one_in_total": ("posN.layer0.attn.headN.weight[*]", None),
    "detached_scale": ("posN.layer0.attn.residual[*]",
                       "passes no gradient back through the scale of rmsnorm"),
    "detached_total": ("posN.logit[*]", "passes no gradient back through the totals of softmax"),
    "detached_softmax": ("layer0.attn_wk[*]", "passes no gradient back through the weights of attention"),
    "relu_passes_all": ("posN.layer0.mlp.fc1[*]", "lets gradients back through a ReLU that is off"),
    "no_residual_grad": ("posN.layer0.attn.residual[*]", "passes no gradient back past the MLP"),
    "equals_for_wte": ("wte[*]", "is number 1 of them alone: `=` where `+=` belongs"),
    "doubled_fc1": ("layer0.mlp_fc1[*]", "is 2 x their sum, throughout"),
    "halved_fc2": ("layer0.mlp_fc2[*]", "is 1/2 x their sum, throughout"),
    "by_n_wq": ("layer0.attn_wq[*]", "is 5 x their sum, throughout"),
    "minus_wv": ("layer0.attn_wv[*]", "has the other sign, throughout"),
    "transposed_grad_wo": ("layer0.attn_wo[*]", "has the gradients of layer0.attn_wo transposed"),
    "left_over_wte": ("wte[*]", None),
    "key_grad_of_last": ("posN.layer0.attn.k[*]",
                         "passes no gradient back to the keys of earlier positions"),
    "loss_grad_doubled": ("posN.loss", "is 2 x their sum, throughout"),
    "zero_wk": ("layer0.attn_wk[*]", "is 0, as if nothing had been added, throughout"),
    "no_mean_of_grads": ("posN.loss", "is 5 x their sum, throughout"),
    "left_over": ("lm_head[*]", None),
    "weight_decay": ("lm_head[*]", "is their sum plus 0.01 x the parameter: weight decay"),
    "scale_grad_halved": ("posN.layer0.attn.residual[*]",
                          "lets back 0.5 x as much as it should through the scale of rmsnorm"),
    "norm_grad_unchanged": ("posN.layer0.attn.residual[*]",
                            "lets gradients back through mlp.norm unchanged"),
    "no_scale_grad": ("posN.layer0.attn.k[*]",
                      "leaves out the factor 0.5 (1/sqrt(head_dim)) in backward"),
    "head_without_grad": ("posN.layer0.attn.v[*]", "passes no gradient back through head 1"),
    "values_cached": ("posN.layer0.attn.v[*]",
                      "passes no gradient back to the values of earlier positions"),
    "relu_grad_inverted": ("posN.layer0.mlp.fc1[*]",
                           "lets gradients back through a ReLU that is off, and none through"),
    "relu_grad_squared": ("posN.layer0.mlp.fc1[*]",
                          "lets gradients back through ReLU as if it were squared"),
    "no_minus_1": ("posN.logit[*]", "passes no gradient back from the target's own exp"),
    "wo_grad_transposed": ("posN.layer0.attn.headN.out[*]",
                           "lets gradients back through layer0.attn_wo as if it were transposed"),
    "wpe_grad_row_after": ("wpe[*]", "has in each row what belongs to the row before it of wpe"),
}

# If few values are shown, other descriptions are also true.
AS_TRUE = {
    ("logits_doubled", "none"): "divides the logits by 0.5, a temperature, first",
    ("keys_for_values", "landmarks"): "multiplies by layer0.attn_wk where layer0.attn_wv belongs",
    ("queries_for_keys", "landmarks"): "multiplies by layer0.attn_wq where layer0.attn_wk belongs",
    ("wq_for_wk", "landmarks"): "takes the queries where the keys belong",
    ("log2", "none"): "is 1/log(2) x their sum, throughout",
    ("no_mean_of_losses", "none"): "is 5 x their sum, throughout",
    ("loss_sign", "none"): "has the other sign, throughout",
    ("no_attn_residual", "landmarks"): "leaves out posN.norm[*] in posN.layer0.attn.residual[*]",
    ("no_attn_residual", "none"): "leaves out posN.norm[*] in posN.layer0.attn.residual[*]",
    ("no_mlp_residual", "none"):
        "leaves out posN.layer0.attn.residual[*] in posN.layer0.mlp.residual[*]",
    ("no_mlp_residual", "landmarks"):
        "leaves out posN.layer0.attn.residual[*] in posN.layer0.mlp.residual[*]",
}

# Mistakes that are also looked for where the port shows all values, exponentials of attention included.
ALSO_IN_ALL = ("no_mask", "mask_sees_next", "mask_hides_own")

# How the structure of a graph without names differs, how many nodes of the reference are found in it, and
# what the report must say.
STRUCTURES = {
    "times_1": (528, ["nothing is unexplained", "data: the same"]),
    "division": (520, ["nothing is unexplained", "B divides, rounded once"]),
    "long_sums": (381, ["nothing is unexplained", "data: the same"]),
    "reversed_sums": (293, ["nothing is unexplained"]),
    "other_order": (528, ["nothing is unexplained", "data: the same", "structure: 528 nodes in both"]),
    "epsilon": (None, ["B has the constant 1e-06 where 1e-05 belongs"]),
    "row_0": (None, ["structure: 2 nodes differ", "looked up row 0 of wte at position 0, where row 2 belongs"]),
    "row_0_other_order": (None, ["looked up row 0 of wte at position 0, where row 2 belongs"]),
    "totals_without_0": (520, ["nothing is unexplained", "data: the same"]),
    "no_scale": (522, ["B leaves out the factor 0.707107 (1/sqrt(head_dim))",
                       "unexplained: 3 values of 1 kind"]),
    "no_max": (510, ["B takes no maximum off before exp"]),
    "relu_squared": (528, ["unexplained, first in the data: pos0.layer0.mlp.fc2[0].mul[0]",
                           "unexplained: 18 values of 1 kind", "B squares the ReLU"]),
}

FORMS = [("all", "all"), ("vectors", "all"), ("vectors", "params"), ("landmarks", "all"),
         ("none", "params")]


class Checks:
    def __init__(self, program):
        self.program = program
        self.n = 0
        self.n_failed = 0

    def compare(self, *arguments):
        done = subprocess.run([self.program, "compare", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()

    def check(self, ok, what, *shown):
        self.n += 1
        if not ok:
            self.n_failed += 1
            print(f"{what}:", *shown, sep="\n")

    def check_case(self, a, b, status, status_unexplained, says, says_not):
        code, report = self.compare(str(DUMPS / a), str(DUMPS / b), *SIZES)
        name = f"{a} against {b}"
        self.check(code == status, f"{name}: status {code}", report)
        for text in says:
            self.check(text in report, f"{name} does not say '{text}'", report)
        for text in says_not:
            self.check(text not in report, f"{name} says '{text}'", report)
        self.check_json(report, a, b)
        code, report = self.compare(str(DUMPS / a), str(DUMPS / b), *SIZES, "--unexplained")
        self.check(code == status_unexplained, f"{name} --unexplained: status {code}", report)

    def check_json(self, report, a, b):
        """What the text says a value is made of is in the JSON, too."""
        found = json.loads(self.compare(str(DUMPS / a), str(DUMPS / b), *SIZES, "--json")[1])
        firsts = [kind["first"] for kind in found["unexplained"]["kinds"]]
        causes = [found[part].get("first_cause") for part in ("data", "grad")]
        gaps = [x["between"] for x in firsts + causes if x is not None and x.get("between") is not None]
        for n, path in re.findall(r"(\d+) \w+ lies? between.*, from ([^ :]+) on", report):
            self.check((int(n), path) in [(x["nodes"], x["first"]["path"]) for x in gaps],
                       f"{b}: {n} between, in JSON", json.dumps(gaps))
        for x in firsts:
            made_of = x.get("contributions", x.get("inputs", []))
            self.check(made_of != [], f"{b}: what it is made of, in JSON", json.dumps(x))
        shown = re.findall(r"^ +\d+ +(\S+) \* +(\S+) = +(\S+) ([ ~]) (\S+)$", report, re.MULTILINE)
        in_json = [(f"{x['local_grad']:.7g}", f"{x['grad']:.7g}", f"{x['amount']:.7g}",
                    " " if x["shown"] else "~", x["path"])
                   for first in firsts for x in first.get("contributions", [])]
        self.check(shown == in_json or shown == [], f"{b}: contributions in JSON", str(in_json), str(shown))

    def check_extract(self, folder):
        """The values of a full dump with another structure are the same, and nothing else."""
        extract = Path(folder, "extract.sparse")
        lines = (DUMPS / "sums_without_0.full").read_text().splitlines()
        extract.write_text("".join(f"{line.split()[-1]} {' '.join(line.split()[1:3])}\n"
                                   for line in lines))
        code, report = self.compare(str(DUMPS / "tiny.full"), str(extract), *SIZES)
        self.check(code == 0 and "same: data and gradients of" in report, "the extract", report)

    def check_not_finite(self, folder):
        sparse = Path(folder, "not_finite.sparse")
        for number, says in (("-Infinity", "infinite"), ("-nan", "not a number")):
            text = (DUMPS / "single.sparse").read_text()
            sparse.write_text(re.sub(r"^loss \S+", f"loss {number}", text, flags=re.MULTILINE))
            code, report = self.compare(str(DUMPS / "tiny.full"), str(sparse), *SIZES)
            self.check(f"first loss: {says}\n" in report, f"a loss of {number}", report)

    def check_other_indices(self, folder):
        """A matrix may have paths with one index, or none."""
        sparse = Path(folder, "indices.sparse")
        sparse.write_text("wte[5] 1 1\nwte[ 1 1\nloss 1 1\n")
        code, report = self.compare(str(sparse), str(sparse))
        self.check(code == 0, "other indices", code, report)

    def check_mistake(self, full, port, mistake, single, values, grads, folder):
        sparse = Path(folder, "port.sparse")
        with open(sparse, "w") as file:
            port_with_noise.write(port, values, grads, file)
        code, report = self.compare(str(full), str(sparse), "--json")
        name = f"{mistake}, {'single' if single else 'double'}, {values} with gradients at {grads}"
        found = json.loads(report)["unexplained"]
        first = found["kinds"][0] if found["kinds"] else None
        if mistake is None:
            self.check(first is None, name, json.dumps(first))
            return
        if mistake == "left_over":
            texts = [kind["subject_did"] for kind in found["kinds"] if kind["pattern"] == "wpe[*]"]
            self.check("left over from the step before" in (texts[0] or ""), name, texts)
        pattern, says = SAYS[mistake]
        if mistake in ("temperature", "no_norm_shared"):
            self.check(len(found["kinds"]) == 1, name, json.dumps(found))
        did = first["subject_did"] if first else None
        if values in ("vectors", "all") and grads == "all" and not (single and mistake in ("single_logit", "single_epsilon")):
            self.check(values == "all" or first is not None and first["pattern"] == pattern, name, json.dumps(first))
            self.check(says is None or says in (did or ""), name, json.dumps(first))
        self.check(did is None or did == AS_TRUE.get((mistake, values)) or (says is not None and says in did), name,
                   json.dumps(first))

    def check_transposed(self, full, folder):
        """Matrices that a port keeps transposed, under paths [column,row] or written as if they were not."""
        port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, False, None)
        squares = ["wpe", *(f"layer0.attn_w{name}" for name in "qkvo")]
        others = ["wte", "lm_head", "layer0.mlp_fc1", "layer0.mlp_fc2"]

        def place(name, row, column, how):
            n_rows, n_columns = len(port.params[name]), len(port.params[name][0])
            if how == "swapped":
                row, column = column, row
            if how == "flat":
                row, column = divmod(column * n_rows + row, n_columns)
            return f"{name}[{row},{column}]"

        def compare(names, of_data, of_grads):
            """The matrices of these names have their data and gradients at other places."""
            data, grads = {}, {}
            for name, matrix in port.params.items():
                is_changed = name in names
                for i, row in enumerate(matrix):
                    for k, x in enumerate(row):
                        data[place(name, i, k, of_data if is_changed else "")] = x.data
                        grads[place(name, i, k, of_grads if is_changed else "")] = x.grad
            for path, x in port.named.items():
                if path == "loss" or "layer" not in path and ".logit[" in path:
                    data[path], grads[path] = x.data, x.grad
            sparse = Path(folder, "transposed.sparse")
            with open(sparse, "w") as file:
                for path, x in data.items():
                    print(path, x.hex(), grads[path].hex(), file=file)
            code, report = self.compare(str(full), str(sparse), "--json")
            self.check(code == 1, f"transposed {names}: status {code}")
            report = json.loads(report)
            return report["structure"]["transposed"], [
                (kind["in"], kind["subject_did"]) for kind in report["unexplained"]["kinds"]]

        self.check(compare(["lm_head"], "swapped", "swapped") == (["lm_head"], []), "transposed lm_head")
        found = compare(squares + others, "swapped", "swapped")
        self.check(found == (others, [("parameters", f"keeps {name} transposed") for name in squares]),
                   "all transposed", found)
        for name in others:
            found = compare([name], "flat", "flat")
            self.check(found == ([], [("parameters", f"keeps {name} transposed")]), "flat", name, found)
            found = compare([name], "", "flat")
            self.check(found == ([], [("grad", f"has the gradients of {name} transposed")]),
                       "gradients", name, found)

    def check_other_params(self, full, folder):
        """Parameters that a port has read into another matrix, or with fewer bits."""
        port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, False, None)

        def compare(params):
            sparse = Path(folder, "params.sparse")
            with open(sparse, "w") as file:
                for name, rows in params.items():
                    for i, row in enumerate(rows):
                        for k, x in enumerate(row):
                            print(f"{name}[{i},{k}]", x.hex(), file=file)
            _, report = self.compare(str(full), str(sparse), "--json")
            return {(kind["pattern"], kind["subject_did"])
                    for kind in json.loads(report)["unexplained"]["kinds"]}

        params = {name: [[x.data for x in row] for row in rows] for name, rows in port.params.items()}
        q, k = "layer0.attn_wq", "layer0.attn_wk"
        found = compare({**params, q: params[k], k: params[q]})
        self.check(found == {(f"{q}[*]", f"has the numbers of {k} there"),
                             (f"{k}[*]", f"has the numbers of {q} there")}, "swapped matrices", found)
        for says, change in (
                ("has these parameters, rounded to fewer bits",
                 lambda x: math.ldexp(round(math.ldexp(math.frexp(x)[0], 8)), math.frexp(x)[1] - 8)),
                ("has parameters of its own", lambda x: 1.003 * x)):
            found = compare({name: [[change(x) for x in row] for row in rows]
                             for name, rows in params.items()})
            self.check(len(found) == len(params) and all(did.startswith(says) for _, did in found),
                       says, found)

    def check_other_sizes(self, full, folder):
        """Of a model of another size only the parameters are paired, but the dump has all gradients."""
        nameless = Path(folder, "other_sizes.full")
        subprocess.run([self.program, "nodes", "--step", "1", "--data", str(Path(folder, "document.txt")),
                        "--n-embd", "4", "--n-head", "2", "--output", str(nameless)], check=True)
        nameless.write_text(nameless.read_text().split("\n", 1)[1])
        _, report = self.compare(str(full), str(nameless))
        self.check(re.search(r"B  .*: \d+ nodes\n", report) is not None, "other sizes", report)

    def check_warnings(self, full, folder):
        """What the dumps say of themselves is part of the report, as text and as JSON."""
        sparse = Path(folder, "other_step.sparse")
        sparse.write_text('# microgpt-nodes 1 {"step": 2, "document": "b"}\nloss 1 1\n')
        lines = ['A is of the document "abca", B of "b"', "A has step 1, B 2"]
        _, report = self.compare(str(full), str(sparse))
        self.check(all(f"warning: {line}\n" in report for line in lines), "warnings", report)
        done = subprocess.run([self.program, "compare", str(full), str(sparse), "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.check(json.loads(done.stdout)["warnings"] == lines, "warnings in JSON", done.stdout)

    def check_cut(self, full, folder):
        """A full dump that ends at the end of a line is complete only if it has a loss."""
        lines = full.read_text().splitlines(keepends=True)
        cut = Path(folder, "cut.full")
        for n in (1, 40, len(lines) // 2, len(lines) - 20):
            cut.write_text("".join(lines[:-n]))
            _, report = self.compare(str(full), str(cut))
            warning = f"warning: B ends early, at node {len(lines) - n - 2}: no node has a loss's gradient"
            self.check(report.startswith(warning), f"{n} lines less", report)

    def check_partly_known(self, full, folder):
        """What explains some values of a kind is not said of all of them."""
        port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, False, None)
        sparse = Path(folder, "partly.sparse")
        port.named["pos0.loss"].data = -math.log(port.named["pos0.prob[2]"].data)
        for pos in (2, 3):
            port.named[f"pos{pos}.loss"].data += 0.1
        with open(sparse, "w") as file:
            port_with_noise.write(port, "vectors", "params", file)
        _, report = self.compare(str(full), str(sparse))
        self.check("B takes the logarithm of pos0.prob[2] where pos0.prob[0] belongs; "
                   "what it did in 2 others is not known\n" in report, "partly known", report)

    def check_layernorm(self, folder):
        """The mean of a vector that is normalised already is 0, and rounding is large beside it."""
        full, sparse = Path(folder, "layernorm.full"), Path(folder, "layernorm.sparse")
        subprocess.run([self.program, "nodes", "--step", "1", "--names", "--data", str(Path(folder, "document.txt")),
                        "--seed", "35", "--n-embd", "8", "--n-head", "2", "--output", str(full)], check=True)
        port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, False, "layernorm")
        with open(sparse, "w") as file:
            port_with_noise.write(port, "vectors", "params", file)
        _, report = self.compare(str(full), str(sparse))
        self.check("B takes off the mean first" in report, "layernorm", report)

    def check_documents(self, folder):
        """The report says that the document is another one; it compares no gradients of other lengths."""
        documents = Path(folder, "documents.txt")
        documents.write_text("abca\ndeed\n")
        full, sparse = Path(folder, "documents.full"), Path(folder, "documents.sparse")
        subprocess.run([self.program, "nodes", "--text", "abca", "--names", "--data", str(documents),
                        "--n-embd", "8", "--n-head", "2", "--block-size", "8", "--output", str(full)],
                       check=True)
        length = "warning: A is of a document of 5 positions, B of one of"
        grads = "warning: A has gradients of 5 positions in wpe, B of"
        tokens = "warning: A has gradients of 3 tokens in wte that B has none of, and B of 2"
        for letters, form, warning in (
                ("abc", ("vectors", "all"), f"{length} 4:"), ("abc", ("landmarks", "all"), f"{length} 4:"),
                ("abcab", ("vectors", "all"), f"{length} 6:"), ("abc", ("none", "params"), f"{grads} 4,"),
                ("deed", ("vectors", "all"), tokens), ("deed", ("none", "params"), tokens),
                ("abca", ("vectors", "all"), ""), ("abca", ("none", "params"), "")):
            token_ids = [5, *("abcde".index(letter) for letter in letters), 5]
            port = port_with_noise.run(full, token_ids, 2, 1, False, None)
            with open(sparse, "w") as file:
                port_with_noise.write(port, *form, file)
            code, report = self.compare(str(full), str(sparse))
            found = [line for line in report.splitlines() if line.startswith("warning")]
            self.check(code == 1 and len(found) == (warning != ""), f"{letters} {form}", report)
            self.check("".join(found).startswith(warning), f"{letters} {form}: not '{warning}'", report)
            self.check(("gradients: not compared" in report) == warning.startswith(length), letters, report)

    def check_nameless(self, folder):
        """Without names, nodes of another structure are paired by their inputs."""
        nameless = Path(folder, "nameless.full")
        lines = (DUMPS / "sums_without_0.full").read_text().splitlines()
        nameless.write_text("".join(" ".join(line.split(" ")[:-2]) + "\n" for line in lines))
        code, report = self.compare(str(DUMPS / "tiny.full"), str(nameless), *SIZES)
        self.check(code == 1, "nameless: status", report)
        for text in ("nodes with the same inputs on both sides are compared: 408",
                     "data: the same", "gradients: the same"):
            self.check(text in report, f"nameless: does not say '{text}'", report)

    def check_structures(self, folder):
        """Behind the first place where the structures differ, nodes are found by those around them."""
        nameless = Path(folder, "structure.full")
        for change, (n_found, says) in STRUCTURES.items():
            other_structure.rewrite(DUMPS / "tiny.full", change).write(nameless)
            code, report = self.compare(str(DUMPS / "tiny.full"), str(nameless), *SIZES)
            self.check(code == 1, f"{change}: status", report)
            found = f"nodes with the same inputs on both sides are compared: {n_found}\n"
            for text in (found, *says) if n_found is not None else says:
                self.check(text in report, f"{change}: does not say '{text}'", report)
            self.check(report.count("\nstructure:") == 1, f"{change}: structure", report)
            self.check("begins its sums" not in report, f"{change}: not all sums begin so", report)

    def check_divisions(self, folder):
        """Of a graph with divisions, which has no names, the last bits may differ, and not more."""
        divides, other = Path(folder, "divides.full"), Path(folder, "other.full")
        graph = other_structure.rewrite(DUMPS / "tiny.full", "division")
        graph.write(divides)
        nodes = [line.split(" ") for line in divides.read_text().splitlines()]
        quotient, divisor = next(
            (i, children[1]) for i, (_, children, local_grads) in enumerate(graph.nodes)
            if len(children) == 2 and graph.data(children[1]) > 1
            and local_grads[0] == 1 / graph.data(children[1]) and float.fromhex(nodes[i][2]) != 0)
        for node, column in ((quotient, 1), (quotient, 2), (divisor, 2)):
            for factor in (1 + 2**-52, 1.001):
                changed = list(map(list, nodes))
                changed[node][column] = (factor * float.fromhex(nodes[node][column])).hex()
                other.write_text("".join(" ".join(fields) + "\n" for fields in changed))
                code, report = self.compare(str(divides), str(other), "--json")
                n = json.loads(report)["unexplained"]["values"]
                self.check(code == 1 and n == (factor == 1.001), f"node {node}, column {column}, {factor}", n)

    def check_short_decimals(self, full, folder):
        """A port in single precision may write no more digits than its numbers need."""
        def shorten(x):
            return next(text for text in (f"{x:.{digits}g}" for digits in range(1, 10))
                        if port_with_noise.to_single(float(text)) == x)

        port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, True, None)
        sparse = Path(folder, "decimal.sparse")
        with open(sparse, "w") as file:
            for path, x in port.named.items():
                print(path, shorten(x.data), shorten(x.grad), file=file)
        code, report = self.compare(str(full), str(sparse), "--unexplained")
        self.check(code == 0 and "in single precision" in report, "short decimals", report)

    def dump(self, step, folder):
        document = Path(folder, "document.txt")
        document.write_text("abca\n")
        full = Path(folder, f"full{step}.txt")
        subprocess.run([self.program, "nodes", "--step", str(step), "--names", "--data", str(document),
                        "--n-embd", "8", "--n-head", "2", "--block-size", "8", "--output", str(full)],
                       check=True)
        return full

    def check_far_off(self, folder):
        """After a step, single precision may have changed few parameters of a matrix a lot."""
        for step, n_changed, is_explained in ((1, 5, False), (2, 5, True), (2, 60, False)):
            full = self.dump(step, folder)
            others = Path(folder, "far_off.full")
            lines = full.read_text().splitlines()
            first = next(i for i, line in enumerate(lines) if line.endswith(" layer0.mlp_fc1[0,0]"))
            for i in range(first, first + n_changed):
                index, data, rest = lines[i].split(" ", 2)
                lines[i] = f"{index} {(1.01 * float.fromhex(data)).hex()} {rest}"
            others.write_text("\n".join(lines) + "\n")
            port = port_with_noise.run(str(others), [3, 0, 1, 2, 0, 3], 2, 1, True, None)
            sparse = Path(folder, "far_off.sparse")
            with open(sparse, "w") as file:
                port_with_noise.write(port, "vectors", "all", file)
            _, report = self.compare(str(full), str(sparse), "--json")
            found = [kind["pattern"] for kind in json.loads(report)["unexplained"]["kinds"]]
            self.check(found == ([] if is_explained else ["layer0.mlp_fc1[*]"]),
                       f"step {step}, {n_changed} parameters far off", found)

    def check_mistakes(self, folder, is_torture):
        full = self.dump(1, folder)
        self.check_short_decimals(full, folder)
        self.check_transposed(full, folder)
        self.check_other_params(full, folder)
        self.check_other_sizes(full, folder)
        self.check_warnings(full, folder)
        self.check_cut(full, folder)
        self.check_layernorm(folder)
        self.check_partly_known(full, folder)
        self.check_far_off(folder)
        others = itertools.cycle(FORMS[:1] + FORMS[2:])
        for mistake in [None, *SAYS]:
            for single in (False, True):
                port = port_with_noise.run(str(full), [3, 0, 1, 2, 0, 3], 2, 1, single, mistake)
                forms = FORMS[1:2]
                if is_torture:
                    forms = FORMS
                elif "MICROGPT_QUICK_TESTS" not in os.environ:
                    forms = [FORMS[1], next(others)]
                if mistake in ALSO_IN_ALL and FORMS[0] not in forms:
                    forms = [FORMS[0], *forms]
                for values, grads in forms:
                    self.check_mistake(full, port, mistake, single, values, grads, folder)


def main():
    checks = Checks(Path(sys.argv[1]).resolve())
    for case in CASES:
        checks.check_case(*case)
    with tempfile.TemporaryDirectory(prefix="test_ports.") as folder:
        checks.check_extract(folder)
        checks.check_other_indices(folder)
        checks.check_not_finite(folder)
        checks.check_documents(folder)
        checks.check_nameless(folder)
        checks.check_structures(folder)
        checks.check_divisions(folder)
        checks.check_mistakes(folder, sys.argv[2:] == ["torture"])
    print(f"{checks.n} checks, {checks.n_failed} failed")
    return 1 if checks.n_failed > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
