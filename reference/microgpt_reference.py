#!/usr/bin/env python3
"""The algorithm of microgpt.py, written for this project: the reference of the C program.

It does the same arithmetic in the same order as Karpathy's file and makes the same nodes in the same order,
so all of its numbers and its node dumps are the same to the last bit. Only this order is the reason why
some lines look complicated: floating-point addition is not associative, and the comparison is node by node.

As a command it trains and samples, printing what microgpt.py prints. As a module it is a small
library:

    from microgpt_reference import Model, Tokenizer, document_loss
    from recording import Settings

    documents = ["ada", "grace"]
    tokenizer = Tokenizer(documents)
    model = Model(Settings(), tokenizer.vocab_size, random.Random(42))
    loss = document_loss(model, tokenizer.encode(documents[0]))
    loss.backward()
"""

import gc
import math
import random
import sys

from recording import (Recorder, StopTraining, UserError, build_parser, describe_run,
                       documents_of, parse_options, read_data, run_command)

PROG = "microgpt_reference.py"


class Value:
    """One number of the computation and how it was made.

    `_children` are the operands, in operand order; `_local_grads` the derivatives of this node with respect
    to each. A plain number that is combined with a Value becomes a node first, and the node of the result
    follows it. If `Value.on_create` is set, it is called with every new node, its children and its local
    gradients.
    """

    __slots__ = ("data", "grad", "_children", "_local_grads")

    on_create = None

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0.0
        self._children = children
        self._local_grads = local_grads
        if Value.on_create is not None:
            Value.on_create(self, children, local_grads)

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        """Raise to a plain number, which does not become a node."""
        derivative = exponent * self.data ** (exponent - 1)
        return Value(self.data ** exponent, (self,), (derivative,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def exp(self):
        result = math.exp(self.data)
        return Value(result, (self,), (result,))

    def relu(self):
        """Return the number if it is above zero, else +0.0: also for negative zero and NaN."""
        if self.data > 0:
            return Value(self.data, (self,), (1.0,))
        return Value(0.0, (self,), (0.0,))

    # The other operators add no arithmetic of their own. The Value is the first child, on whichever side the
    # plain number is; a division is a product with a power, a negation one with -1.

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return other + -self

    def __truediv__(self, other):
        return self * other ** -1

    def __rtruediv__(self, other):
        return other * self ** -1

    def backward(self):
        """Add to every node's `grad` the derivative of this node with respect to it.

        All nodes that depend on a node must have their gradients before it. Many orders satisfy this, and
        each adds up the gradients differently: only `postorder`, reversed, gives microgpt.py's bits.
        """
        self.grad = 1.0
        for node in reversed(postorder(self)):
            for child, local_grad in zip(node._children, node._local_grads):
                child.grad += local_grad * node.grad


def as_value(number):
    """Return `number` itself if it is a Value, else a new leaf."""
    return number if isinstance(number, Value) else Value(number)


def postorder(root):
    """Return the nodes that `root` is computed from, children first, each once, `root` last.

    A depth-first traversal that visits the children in operand order. The stack contains the path to the
    current node and, for each node on it, the children that remain. It does not recurse, because the
    graph's depth grows with the model's width, beyond Python's recursion limit.
    """
    order = []
    visited = {root}
    path = [(root, iter(root._children))]
    while path:
        node, children_to_come = path[-1]
        for child in children_to_come:
            if child not in visited:
                visited.add(child)
                path.append((child, iter(child._children)))
                break
        else:
            order.append(node)
            path.pop()
    return order


# --- documents and tokens -----------------------------------------------------------------------


def read_documents(path):
    """Return the documents of a file: its lines without surrounding white space; empty ones are dropped."""
    return documents_of(read_data(path))


class Tokenizer:
    """Every distinct character is a token, in the order of code points; BOS is the last token."""

    def __init__(self, documents):
        self.characters = sorted(set("".join(documents)))
        self.bos = len(self.characters)
        self.vocab_size = len(self.characters) + 1
        self._id_of = {character: i for i, character in enumerate(self.characters)}

    def encode(self, document):
        return [self.bos, *(self._id_of[character] for character in document), self.bos]


# --- the model ----------------------------------------------------------------------------------


class Model:
    """The parameters, by name in `state_dict` and all together, in the same order, in `params`.

    A matrix is a list of rows, one row for each output.
    """

    def __init__(self, settings, vocab_size, rng):
        self.settings = settings
        self.vocab_size = vocab_size
        self.head_dim = settings.n_embd // settings.n_head

        width = settings.n_embd
        shapes = {
            "wte": (vocab_size, width),
            "wpe": (settings.block_size, width),
            "lm_head": (vocab_size, width),
        }
        for layer in range(settings.n_layer):
            for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
                shapes[f"layer{layer}.{name}"] = (width, width)
            shapes[f"layer{layer}.mlp_fc1"] = (4 * width, width)
            shapes[f"layer{layer}.mlp_fc2"] = (width, 4 * width)

        # The order of these draws is the order of the parameters in every file of the project.
        self.state_dict = {}
        self.params = []
        for name, (n_out, n_in) in shapes.items():
            rows = []
            for _ in range(n_out):
                row = [Value(rng.gauss(0, settings.init_std)) for _ in range(n_in)]
                rows.append(row)
                self.params.extend(row)
            self.state_dict[name] = rows

    def empty_cache(self):
        """Return a cache for one document: for each layer, the keys and values so far."""
        return [([], []) for _ in range(self.settings.n_layer)]


def dot(left, right):
    """Sum the products of two lists, making each product just before it is added.

    sum() starts with a plain 0, so the first addition is that of a constant node.
    """
    return sum(a * b for a, b in zip(left, right))


def linear(x, w):
    return [dot(row, x) for row in w]


def softmax(logits):
    """Return exp(logit) / total for each; all exponentials are made before their total.

    The largest logit is subtracted as a plain number: no gradient flows through it.
    """
    largest = max(logit.data for logit in logits)
    exps = [(logit - largest).exp() for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x):
    mean_square = dot(x, x) / len(x)
    scale = (mean_square + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def add(x, residual):
    return [a + b for a, b in zip(x, residual)]


def attention(q, keys, values, head_dim):
    """Return, head by head, the sum of the values of all positions so far, weighted by attention."""
    mixed = []
    for start in range(0, len(q), head_dim):
        head = slice(start, start + head_dim)
        logits = [dot(q[head], k[head]) / head_dim ** 0.5 for k in keys]
        weights = softmax(logits)
        for dimension in range(start, start + head_dim):
            mixed.append(dot(weights, [v[dimension] for v in values]))
    return mixed


def gpt(model, token_id, pos_id, cache):
    """Return the logits of the token after `token_id`, and add this position to the cache."""
    w = model.state_dict
    x = add(w["wte"][token_id], w["wpe"][pos_id])
    x = rmsnorm(x)

    for layer, (keys, values) in enumerate(cache):
        residual = x
        x = rmsnorm(x)
        q = linear(x, w[f"layer{layer}.attn_wq"])
        keys.append(linear(x, w[f"layer{layer}.attn_wk"]))
        values.append(linear(x, w[f"layer{layer}.attn_wv"]))
        x = attention(q, keys, values, model.head_dim)
        x = add(linear(x, w[f"layer{layer}.attn_wo"]), residual)

        residual = x
        x = linear(rmsnorm(x), w[f"layer{layer}.mlp_fc1"])
        x = [xi.relu() for xi in x]
        x = add(linear(x, w[f"layer{layer}.mlp_fc2"]), residual)

    return linear(x, w["lm_head"])


def document_loss(model, tokens):
    """Return the mean, over the positions, of -log(probability of the next token)."""
    n = min(model.settings.block_size, len(tokens) - 1)
    cache = model.empty_cache()
    losses = []
    for pos_id in range(n):
        probs = softmax(gpt(model, tokens[pos_id], pos_id, cache))
        losses.append(-probs[tokens[pos_id + 1]].log())
    return (1 / n) * sum(losses)


# --- training and sampling ----------------------------------------------------------------------


class Adam:
    """Adam with a learning rate that falls linearly to zero.

    Every power here is libm's: x ** 2 may differ from x * x in its last bit, x ** 0.5 from sqrt.
    """

    def __init__(self, params, settings):
        self.params = params
        self.settings = settings
        self.m = [0.0] * len(params)
        self.v = [0.0] * len(params)

    def step(self, step):
        """Update every parameter from its gradient, and set the gradient back to zero."""
        s = self.settings
        lr_t = s.learning_rate * (1 - step / s.num_steps)
        m_correction = 1 - s.beta1 ** (step + 1)
        v_correction = 1 - s.beta2 ** (step + 1)
        for i, p in enumerate(self.params):
            self.m[i] = s.beta1 * self.m[i] + (1 - s.beta1) * p.grad
            self.v[i] = s.beta2 * self.v[i] + (1 - s.beta2) * p.grad ** 2
            m_hat = self.m[i] / m_correction
            v_hat = self.v[i] / v_correction
            p.data -= lr_t * m_hat / (v_hat ** 0.5 + s.eps_adam)
            p.grad = 0.0


def sample(model, tokenizer, rng):
    """Generate a document of at most block_size characters."""
    cache = model.empty_cache()
    token_id = tokenizer.bos
    text = ""
    for pos_id in range(model.settings.block_size):
        logits = gpt(model, token_id, pos_id, cache)
        probs = softmax([logit / model.settings.temperature for logit in logits])
        weights = [p.data for p in probs]
        token_id = rng.choices(range(tokenizer.vocab_size), weights=weights)[0]
        if token_id == tokenizer.bos:
            break
        text += tokenizer.characters[token_id]
    return text


def run(settings, documents, recorder):
    """Train and sample, printing what microgpt.py prints and reporting to `recorder`."""
    rng = random.Random(settings.seed)
    rng.shuffle(documents)
    print(f"num docs: {len(documents)}")
    tokenizer = Tokenizer(documents)
    print(f"vocab size: {tokenizer.vocab_size}")
    model = Model(settings, tokenizer.vocab_size, rng)
    print(f"num params: {len(model.params)}")

    adam = Adam(model.params, settings)
    recorder.before_training(model.params)
    for step in range(settings.num_steps):
        recorder.begin_step(step)
        document = documents[step % len(documents)]
        loss = document_loss(model, tokenizer.encode(document))
        loss.backward()
        recorder.after_backward(step, loss.data, model.params, document)
        adam.step(step)
        print(f"step {step + 1:4d} / {settings.num_steps:4d} | loss {loss.data:.4f}", end="\r")
        recorder.after_update(step, model.params)
    recorder.after_training(model.params)

    print("\n--- inference (new, hallucinated names) ---")
    for number in range(settings.num_samples):
        print(f"sample {number + 1:2d}: {sample(model, tokenizer, rng)}")


def main():
    parser = build_parser(PROG, "Train and sample as microgpt.py does, and write down the numbers.")
    options, settings = parse_options(parser)

    def command():
        documents = read_documents(options.data)
        with Recorder(options, describe_run(settings, documents)) as recorder:
            Value.on_create = recorder.created
            try:
                run(settings, documents, recorder)
            except StopTraining:
                pass
            except (ArithmeticError, ValueError) as error:
                # Python's ** and log() raise an error where C continues with inf or NaN.
                raise UserError(f"the numbers left the range of a double ({error}); "
                                "try a smaller --learning-rate or --init-std") from None

    # A graph has no cycles: reference counts free it, and the collector would only waste time.
    gc.disable()
    return run_command(PROG, command)


if __name__ == "__main__":
    sys.exit(main())
