#!/usr/bin/env python3
"""A port of microgpt with different rounding, and with mistakes on demand.

It takes the parameters from a full dump with names, computes one document with scalars that it keeps in
double or in single precision, and writes a sparse dump. It computes sums in reverse order, and divides
where microgpt.py multiplies by an inverse. So its values may have other bits than those of microgpt.py, but
without a mistake none of them is wrong.
"""

import argparse
import math
import struct
from collections import defaultdict

MISTAKES = {
    # name: whether it is one of the data, and not only of the gradients
    "relu_squared": True, "gelu": True, "silu": True, "no_relu": True, "leaky_relu": True,
    "gelu_quick": True, "tanh": True, "sigmoid": True, "layernorm": True, "temperature": True,
    "log2": True, "squared_later": True,
    "epsilon_1e-6": True, "no_epsilon": True, "epsilon_outside": True,
    "sum_for_mean": True, "no_norm": True, "no_norm_shared": True,
    "no_scale": True, "scale_by_head_dim": True,
    "transposed_wq": True, "transposed_wo": True,
    "token_before": True, "token_0": True, "position_0": True, "no_wpe": True,
    "key_before": True, "value_before": True,
    "no_attn_residual": True, "no_mlp_residual": True, "residual_from_norm": True,
    "norm_skipped": True,
    "target_before": True, "no_mean_of_losses": True, "loss_sign": True,
    "last_product_left_out": True, "logits_doubled": True,
    "single_logit": True,
    "single_epsilon": True, "norm_before_lm_head": True, "wq_for_wk": True, "heads_interleaved": True,
    "heads_interleaved_flat": True,
    "no_mask": True, "mask_sees_next": True, "mask_after_softmax": True, "mask_hides_own": True,
    "zero_logits_to_block_size": True,
    "heads_overlapping": True, "heads_joined_interleaved": True, "heads_reshaped": True,
    "outputs_reshaped": True, "keys_of_head_0": True, "keys_for_values": True, "queries_for_keys": True,
    "embedding_scaled": True,
    "softmax_elementwise": False, "scale_grad_twice": False, "no_query_grad": False,
    "no_value_grad": False,
    "detached_scale": False, "detached_total": False, "detached_softmax": False,
    "relu_passes_all": False, "no_residual_grad": False, "equals_for_wte": False,
    "doubled_fc1": False, "halved_fc2": False, "by_n_wq": False,
    "minus_wv": False, "transposed_grad_wo": False, "left_over_wte": False,
    "key_grad_of_last": False, "loss_grad_doubled": False, "zero_wk": False,
    "no_mean_of_grads": False, "left_over": False, "weight_decay": False,
    "scale_grad_halved": False, "norm_grad_unchanged": False, "no_scale_grad": False,
    "head_without_grad": False, "values_cached": False, "relu_grad_inverted": False,
    "relu_grad_squared": False, "no_minus_1": False, "wo_grad_transposed": False,
    "wpe_grad_row_after": False,
}


def to_single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


class Scalar:
    """A number with references to its operands."""

    round = staticmethod(float)

    def __init__(self, data, made_of=()):
        self.data = Scalar.round(data)
        self.grad = 0.0
        self.made_of = made_of  # pairs (scalar, local gradient)

    def __add__(self, other):
        return Scalar(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Scalar(self.data * other.data, ((self, other.data), (other, self.data)))

    def times(self, factor):
        return Scalar(self.data * Scalar.round(factor), ((self, Scalar.round(factor)),))

    def function(self, data, slope):
        return Scalar(data, ((self, Scalar.round(slope)),))

    def detached(self):
        return Scalar(self.data)

    def backward(self):
        order, seen, stack = [], set(), [(self, iter(self.made_of))]
        seen.add(self)
        while stack:
            scalar, rest = stack[-1]
            below = next((child for child, _ in rest if child not in seen), None)
            if below is None:
                order.append(scalar)
                stack.pop()
            else:
                seen.add(below)
                stack.append((below, iter(below.made_of)))
        self.grad = 1.0
        for scalar in reversed(order):
            for child, slope in scalar.made_of:
                child.grad = Scalar.round(child.grad + Scalar.round(slope * scalar.grad))


def total(terms):
    """Add up numbers from the last to the first."""
    result = terms[-1]
    for term in reversed(terms[:-1]):
        result = result + term
    return result


def dot(w, x, n=None):
    return total([a * b for a, b in list(zip(w, x))[:n]])


class Port:
    def __init__(self, params, heads, mistake):
        self.params = params
        self.heads = heads
        self.mistake = mistake
        self.named = {}

    def note(self, path, vector):
        for i, x in enumerate(vector):
            self.named[f"{path}[{i}]"] = x

    def norm(self, path, x):
        eps = {"epsilon_1e-6": 1e-6, "no_epsilon": 0.0, "epsilon_outside": 0.0,
               "single_epsilon": to_single(1e-5)}.get(self.mistake, 1e-5)
        n = 1 if self.mistake == "sum_for_mean" else len(x)
        if self.mistake == "layernorm":
            mean = total(x).times(1 / n)
            x = [a + mean.times(-1) for a in x]
        ms = total([a * a for a in x])
        ms = Scalar(ms.data / n, ((ms, 1 / n),))
        if self.mistake == "epsilon_outside":
            root = math.sqrt(ms.data)
            scale = ms.function(1 / (root + 1e-5), -0.5 / (root * (root + 1e-5) ** 2))
        else:
            s = 1 / math.sqrt(ms.data + eps)
            scale = ms.function(s, -0.5 * s / (ms.data + eps))
        if self.mistake == "detached_scale":
            scale = scale.detached()
        if self.mistake == "scale_grad_halved":
            scale.made_of = tuple((a, slope / 2) for a, slope in scale.made_of)
        if self.mistake == "no_norm" and path.endswith("mlp.norm"):
            y = [a.times(1) for a in x]
        elif self.mistake == "no_norm_shared" and path.endswith("mlp.norm"):
            y = x
        elif self.mistake == "norm_grad_unchanged" and path.endswith("mlp.norm"):
            y = [a.function(a.data * scale.data, 1) for a in x]
        else:
            y = [a * scale for a in x]
        self.note(path, y)
        return y

    def softmax(self, path, logits, weight_path, hidden=()):
        if self.mistake == "temperature" and weight_path.endswith("prob"):
            logits = [a.times(2) for a in logits]
        largest = max(a.data for a in logits)
        exps = [a.function(math.exp(a.data - largest), math.exp(a.data - largest)) for a in logits]
        whole = total(exps + [Scalar(math.exp(a.data - largest)) for a in hidden])
        if self.mistake == "one_in_total":
            whole = whole + Scalar(1.0)
        if self.mistake == "detached_total":
            whole = whole.detached()
        probs = []
        for e in exps:
            p = e.data / whole.data
            probs.append(Scalar(p, ((e, 1 / whole.data), (whole, -p / whole.data))))
        self.note(path + ".exp", exps)
        self.named[path + ".total"] = whole
        self.note(weight_path, probs)
        return probs

    def linear(self, name, x):
        w = self.params[name]
        if self.mistake == f"transposed_{name.split('_')[-1]}":
            w = list(zip(*w))
        n = len(x) - 1 if self.mistake == "last_product_left_out" and "fc2" in name else None
        if self.mistake == "wo_grad_transposed" and name.endswith("wo"):
            return [total([Scalar(row[j].data * a.data, ((row[j], a.data), (a, w[j][i].data)))
                           for j, a in enumerate(x)]) for i, row in enumerate(w)]
        return [dot(row, x, n) for row in w]

    def activation(self, x):
        a = x.data
        kind = self.mistake
        if kind == "relu_squared":
            return x.function(max(a, 0) ** 2, 2 * max(a, 0))
        if kind == "squared_later":
            relu = x.function(max(a, 0), 1 if a > 0 else 0)
            return relu * relu
        if kind == "tanh":
            return x.function(math.tanh(a), 1 - math.tanh(a) ** 2)
        if kind == "sigmoid":
            s = 1 / (1 + math.exp(-a))
            return x.function(s, s * (1 - s))
        if kind == "gelu_quick":
            s = 1 / (1 + math.exp(-1.702 * a))
            return x.function(a * s, s + 1.702 * a * s * (1 - s))
        if kind == "gelu":
            cdf = 0.5 * (1 + math.erf(a / math.sqrt(2)))
            return x.function(a * cdf, cdf + a * math.exp(-a * a / 2) / math.sqrt(2 * math.pi))
        if kind == "silu":
            s = 1 / (1 + math.exp(-a))
            return x.function(a * s, s + a * s * (1 - s))
        if kind == "no_relu":
            return x.times(1)
        if kind == "leaky_relu":
            return x.function(a if a > 0 else 0.01 * a, 1 if a > 0 else 0.01)
        if kind == "relu_passes_all":
            return x.function(max(a, 0), 1)
        if kind == "relu_grad_inverted":
            return x.function(max(a, 0), 0 if a > 0 else 1)
        if kind == "relu_grad_squared":
            return x.function(max(a, 0), 2 * max(a, 0))
        return x.function(max(a, 0), 1 if a > 0 else 0)

    def attention(self, pos, layer, x, keys, values):
        head_dim = len(x) // self.heads
        path = f"pos{pos}.layer{layer}.attn"
        q = self.linear(f"layer{layer}.attn_wq", x)
        k = self.linear(f"layer{layer}.attn_w{'q' if self.mistake == 'wq_for_wk' else 'k'}", x)
        v = self.linear(f"layer{layer}.attn_wv", x)
        for name, vector in (("q", q), ("k", k), ("v", v)):
            self.note(f"{path}.{name}", vector)
        if self.mistake == "no_query_grad":
            q = self.linear(f"layer{layer}.attn_wq", [a.detached() for a in x])
        if self.mistake == "no_value_grad":
            v = self.linear(f"layer{layer}.attn_wv", [a.detached() for a in x])
        keys.append(q if self.mistake == "queries_for_keys" else k)
        values.append(k if self.mistake == "keys_for_values" else v)
        seen_keys, seen_values = list(keys), list(values)
        if self.mistake == "key_before" and pos > 0:
            seen_keys[pos] = keys[pos - 1]
        if self.mistake == "value_before" and pos > 0:
            seen_values[pos] = values[pos - 1]
        if self.mistake == "key_grad_of_last":
            seen_keys = [[a.detached() for a in key] for key in keys[:-1]] + keys[-1:]
        if self.mistake == "values_cached":
            seen_values = [[a.detached() for a in value] for value in values[:-1]] + values[-1:]
        hidden_keys = []
        if self.mistake in ("no_mask", "mask_sees_next", "mask_after_softmax"):
            later = self.other_positions(layer)[pos + 1:]
            later = later[:1 if self.mistake == "mask_sees_next" else None]
            hidden_keys = [key for _, key, _ in later]
            if self.mistake != "mask_after_softmax":
                seen_keys += hidden_keys
                seen_values += [value for _, _, value in later]
                hidden_keys = []
        if self.mistake == "zero_logits_to_block_size":
            hidden_keys = [[Scalar(0.0)] * len(k)] * (len(self.params["wpe"]) - pos - 1)
        if self.mistake == "mask_hides_own" and pos > 0:
            seen_keys.pop()
            seen_values.pop()
        out = []
        factor = {"no_scale": 1, "scale_by_head_dim": 1 / head_dim}.get(self.mistake,
                                                                        1 / math.sqrt(head_dim))
        for h in range(self.heads):
            part = slice(h * head_dim, (h + 1) * head_dim)
            if self.mistake in ("heads_interleaved", "heads_interleaved_flat"):
                part = slice(h, None, self.heads)
            if self.mistake == "heads_overlapping":
                part = slice(h, h + head_dim)
            key_part = slice(0, head_dim) if self.mistake == "keys_of_head_0" else part
            query = q[part]
            value_parts = [value[part] for value in seen_values]
            key_parts = [key[key_part] for key in seen_keys]
            if self.mistake == "heads_reshaped":
                vectors = [sum(of_name, []) for of_name in zip(*self.other_positions(layer))]
                query, key_parts, value_parts = ([vector[(h * (len(self.tokens) - 1) + u) * head_dim:][:head_dim]
                                                  for u in range(pos + 1)] for vector in vectors)
                query = query[pos]
            logits = [dot(query, key).times(factor) for key in key_parts]
            if self.mistake in ("no_scale_grad", "scale_grad_twice"):
                slope = 1.0 if self.mistake == "no_scale_grad" else Scalar.round(factor) ** 2
                for logit in logits:
                    logit.made_of = ((logit.made_of[0][0], slope),)
            self.note(f"{path}.head{h}.logit", logits)
            hidden = [dot(q[part], key[part]).times(factor) for key in hidden_keys]
            weights = self.softmax(f"{path}.head{h}.softmax", logits, f"{path}.head{h}.weight", hidden)
            if self.mistake == "detached_softmax":
                weights = [a.detached() for a in weights]
            if self.mistake == "softmax_elementwise":
                weights = [logit.function(a.data, a.data * (1 - a.data)) for a, logit in zip(weights, logits)]
                self.note(f"{path}.head{h}.weight", weights)
            mixed = [dot(weights, [value[j] for value in value_parts]) for j in range(head_dim)]
            if self.mistake == "head_without_grad" and h == 1:
                mixed = [a.detached() for a in mixed]
            self.note(f"{path}.head{h}.out", mixed)
            out += mixed
        if self.mistake in ("heads_interleaved", "heads_interleaved_flat", "heads_joined_interleaved"):
            out = [out[i % self.heads * head_dim + i // self.heads] for i in range(len(out))]
        if self.mistake == "heads_interleaved_flat":
            for h in range(self.heads):
                self.note(f"{path}.head{h}.out", out[h * head_dim:(h + 1) * head_dim])
        if self.mistake == "outputs_reshaped":
            out = self.reshaped_outputs(pos, layer, head_dim)
        y = self.linear(f"layer{layer}.attn_wo", out)
        self.note(f"{path}.wo", y)
        return y

    def other_positions(self, layer):
        """The queries, keys and values of all positions, which only a port with one layer can know."""
        port = Port(self.params, self.heads, None)
        xs = [port.norm("", port.norm("", port.embed(pos, token, self.tokens)))
              for pos, token in enumerate(self.tokens[:-1])]
        return [[port.linear(f"layer{layer}.attn_w{name}", x) for name in "qkv"] for x in xs]

    def reshaped_outputs(self, pos, layer, head_dim):
        """What is at this position if the outputs are in the order head, position, dimension."""
        port = Port(self.params, self.heads, None)
        all_vectors = self.other_positions(layer)
        outputs = []
        for h in range(self.heads):
            part = slice(h * head_dim, (h + 1) * head_dim)
            for u, (q, _, _) in enumerate(all_vectors):
                seen = all_vectors[:u + 1]
                logits = [dot(q[part], key[part]).times(1 / math.sqrt(head_dim)) for _, key, _ in seen]
                weights = port.softmax("", logits, "")
                outputs += [dot(weights, [value[part][j] for _, _, value in seen]) for j in range(head_dim)]
        return outputs[pos * self.heads * head_dim:][:self.heads * head_dim]

    def residual(self, path, made, x, kind):
        if self.mistake == f"no_{kind}_residual":
            y = [a.times(1) for a in made]
        elif self.mistake == "no_residual_grad" and kind == "mlp":
            y = [a + b.detached() for a, b in zip(made, x)]
        else:
            y = [a + b for a, b in zip(made, x)]
        self.note(path, y)
        return y

    def embed(self, pos, token, tokens):
        token = {"token_0": 0, "token_before": tokens[max(pos - 1, 0)]}.get(self.mistake, token)
        place = 0 if self.mistake == "position_0" else pos
        x = self.params["wte"][token]
        if self.mistake == "equals_for_wte":
            x = [Scalar(a.data, ((a, 1.0),)) for a in x]
            self.lookups.append((token, x))
        y = [a.times(1) if self.mistake == "no_wpe" else a + b
             for a, b in zip(x, self.params["wpe"][place])]
        if self.mistake == "embedding_scaled":
            y = [a.times(math.sqrt(len(x))) + b for a, b in zip(x, self.params["wpe"][place])]
        self.note(f"pos{pos}.embed", y)
        return y

    def position(self, pos, tokens, caches):
        embedded = self.embed(pos, tokens[pos], tokens)
        x = embedded if self.mistake == "norm_skipped" else self.norm(f"pos{pos}.norm", embedded)
        for layer, (keys, values) in enumerate(caches):
            path = f"pos{pos}.layer{layer}"
            normed = self.norm(f"{path}.attn.norm", x)
            made = self.attention(pos, layer, normed, keys, values)
            base = normed if self.mistake == "residual_from_norm" else x
            x = self.residual(f"{path}.attn.residual", made, base, "attn")
            normed = self.norm(f"{path}.mlp.norm", x)
            hidden = self.linear(f"layer{layer}.mlp_fc1", normed)
            self.note(f"{path}.mlp.fc1", hidden)
            active = [self.activation(a) for a in hidden]
            for i, a in enumerate(active):
                shown = a.made_of[0][0] if self.mistake == "squared_later" else a
                self.named[f"{path}.mlp.fc1[{i}].relu"] = shown
            made = self.linear(f"layer{layer}.mlp_fc2", active)
            self.note(f"{path}.mlp.fc2", made)
            x = self.residual(f"{path}.mlp.residual", made, x, "mlp")
        if self.mistake == "norm_before_lm_head":
            x = Port(self.params, self.heads, None).norm("", x)
        logits = self.linear("lm_head", x)
        if self.mistake == "logits_doubled":
            logits = [a.times(2) for a in logits]
        if self.mistake == "single_logit":
            logits = [a.function(to_single(a.data), 1) for a in logits]
        self.note(f"pos{pos}.logit", logits)
        return logits

    def run(self, tokens, n_layers):
        if self.mistake == "left_over":
            self.run_document(tokens[:-1] + tokens[-2:], n_layers)  # one position longer
        self.run_document(tokens, n_layers)

    def run_document(self, tokens, n_layers):
        self.named = {}
        self.lookups = []
        self.tokens = tokens
        caches = [([], []) for _ in range(n_layers)]
        n = len(tokens) - 1
        losses = []
        for pos in range(n):
            logits = self.position(pos, tokens, caches)
            probs = self.softmax(f"pos{pos}.softmax", logits, f"pos{pos}.prob")
            target = tokens[pos] if self.mistake == "target_before" else tokens[pos + 1]
            p = probs[target]
            if self.mistake == "no_minus_1":
                p.made_of = p.made_of[1:]
            sign = 1 if self.mistake == "loss_sign" else -1
            sign = -1 / math.log(2) if self.mistake == "log2" else sign
            loss = p.function(sign * math.log(p.data), sign / p.data)
            self.named[f"pos{pos}.loss"] = loss
            losses.append(loss)
        whole = total(losses)
        loss = whole if self.mistake == "no_mean_of_losses" else whole.times(1 / n)
        if self.mistake == "no_mean_of_grads":
            loss.made_of = ((whole, 1.0),)
        if self.mistake == "loss_grad_doubled":
            loss.made_of = ((whole, 2 / n),)
        self.named["loss"] = loss
        loss.backward()
        self.spoil_grads(n)

    def spoil_grads(self, n):
        def all_of(name):
            return [p for key, matrix in self.params.items() if key.endswith(name)
                    for row in matrix for p in row]

        factors = {"doubled_fc1": ("mlp_fc1", 2), "halved_fc2": ("mlp_fc2", 0.5), "by_n_wq": ("wq", n),
                   "minus_wv": ("wv", -1), "zero_wk": ("wk", 0)}
        if self.mistake in factors:
            name, factor = factors[self.mistake]
            for p in all_of(name):
                p.grad *= factor
        if self.mistake == "equals_for_wte":
            for token, row in self.lookups:
                for p, x in zip(self.params["wte"][token], row):
                    p.grad = x.grad
        if self.mistake == "transposed_grad_wo":
            matrix = self.params["layer0.attn_wo"]
            grads = [[p.grad for p in row] for row in matrix]
            for i, row in enumerate(matrix):
                for j, p in enumerate(row):
                    p.grad = grads[j][i]
        if self.mistake == "weight_decay":
            for p in all_of(""):
                p.grad = Scalar.round(p.grad + 0.01 * p.data)
        if self.mistake == "wpe_grad_row_after":
            matrix = self.params["wpe"]
            grads = [[0.0] * len(matrix[0])] + [[p.grad for p in row] for row in matrix]
            for row, row_grads in zip(matrix, grads):
                for p, grad in zip(row, row_grads):
                    p.grad = grad
        if self.mistake == "left_over_wte":
            for j, p in enumerate(self.params["wte"][1]):
                p.grad += 0.25 + 0.5 * j


def read_params(file_name):
    params = defaultdict(list)
    with open(file_name) as file:
        for line in file:
            words = line.split()
            if len(words) < 7 or words[-2] != "param":
                if words and words[0].isdigit():
                    break
                continue
            name, index = words[-1].rstrip("]").split("[")
            row = int(index.split(",")[0])
            if row == len(params[name]):
                params[name].append([])
            params[name][row].append(Scalar(float.fromhex(words[1])))
    return params


def write(port, values, grads, file):
    named = {f"{name}[{i},{j}]": p for name, matrix in port.params.items()
             for i, row in enumerate(matrix) for j, p in enumerate(row)}
    shown = dict(named)
    for path, x in port.named.items():
        if "head" in path and path.split("[")[-1][:-1].isdigit() and not ".out" in path:
            if int(path.split("[")[-1][:-1]) > int(path[3:path.index(".")]):
                continue  # a later position, which only a mistake shows
        landmark = "layer" not in path and any(word in path for word in ("logit", "prob", "loss"))
        vector = not ("softmax" in path or path.endswith(".relu"))
        if values == "all" or (values == "vectors" and vector) or (values == "landmarks" and landmark):
            shown[path] = x
    for path, x in shown.items():
        has_grad = grads == "all" or path in named
        print(path, x.data.hex(), x.grad.hex() if has_grad else "-", file=file)


def run(dump, tokens, heads, layers, single, mistake):
    Scalar.round = staticmethod(to_single if single else float)
    port = Port(read_params(dump), heads, mistake)
    port.run(tokens, layers)
    return port


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dump", help="a full dump with names")
    parser.add_argument("tokens", help="the document's tokens, with commas between them")
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--single", action="store_true", help="compute in single precision")
    parser.add_argument("--mistake", choices=MISTAKES)
    parser.add_argument("--values", choices=("all", "vectors", "landmarks", "none"), default="vectors")
    parser.add_argument("--grads", choices=("all", "params"), default="all")
    options = parser.parse_args()
    port = run(options.dump, [int(t) for t in options.tokens.split(",")], options.heads,
               options.layers, options.single, options.mistake)
    write(port, options.values, options.grads, None)


if __name__ == "__main__":
    main()
